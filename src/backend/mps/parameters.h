/* parameters.h: what the ops of a network read beside their inputs, in buffers that the GPU reads
 * where they lie: weights, and the transforms' tables. They are the same for every batch size, and
 * fed to each MPSGraph that needs them. Inside backend/mps only. */
#ifndef CLEAVE_MPS_PARAMETERS_H
#define CLEAVE_MPS_PARAMETERS_H

#import <Metal/Metal.h>
#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include "backend/backend.h"

#define PARAMETERS_PER_NODE 4

/* Slots of a node's parameters. */
enum {
    PARAMETER_WEIGHT = 0, /* conv: (out, in, kh, kw); transposed conv: (in, out, kh, kw);
                             linear: (1, 1, in, out) */
    PARAMETER_GAIN = 0,   /* norms: (1, channels, 1, 1) */
    PARAMETER_BIAS = 1,
    PARAMETER_MEAN = 2,
    PARAMETER_VARIANCE = 3,
    PARAMETER_FRAMES = 0,      /* stft: (T, n_fft), the sample that each sample of a frame is */
    PARAMETER_WINDOW = 1,      /* (n_fft) */
    PARAMETER_IMAGINARY = 0,   /* istft: (n_fft / 2 + 1), 0 where imaginary parts do not count */
    PARAMETER_OVERLAP = 1,     /* (R, samples): places in (T · n_fft) that add up to a sample */
    PARAMETER_COMPENSATION = 2 /* (R, samples): what each is multiplied by */
};

typedef struct Parameter {
    id<MTLBuffer> buffer; /* nil: the node has no such parameter */
    NSArray *shape;
    MPSDataType type;
} Parameter;

typedef struct Parameters {
    Parameter *items; /* (nodes, PARAMETERS_PER_NODE) */
    int nodes;
    int64_t bytes;
} Parameters;

/* The type that a product's operands have. */
MPSDataType product_type(const Graph *network, int node, cleave_precision precision);

/* Reads all weights, converting them on the way, and computes all tables. On failure *parameters is
 * empty. Errors: CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_MODEL (a weight that is not a number). */
cleave_status parameters_create(Parameters *parameters, id<MTLDevice> device, const Graph *network,
                                const CompileOptions *options, cleave_error *error);

/* What parameters_create() would allocate. */
int64_t parameters_bytes(const Graph *network, cleave_precision precision);

void parameters_free(Parameters *parameters);

const Parameter *parameters_of(const Parameters *parameters, int node, int slot);

#endif
