/* parameters.h: what the ops of a network read beside their inputs, in buffers that the GPU reads
 * where they lie: weights, and the transforms' tables. They are the same for every batch size, and
 * fed to each MPSGraph that needs them. Weights of convolutions and matrices of tokens that the
 * mapped checkpoint has as they are wanted lie in its pages; all else is copied. Inside backend/mps
 * only. */
#ifndef CLEAVE_MPS_PARAMETERS_H
#define CLEAVE_MPS_PARAMETERS_H

#import <Metal/Metal.h>
#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include "backend/mps/device.h"

/* Slots of a node's parameters: its weights' slots (graph.h), and behind them its tables
 * (tables.h). Matrices of tokens lie as in the checkpoint, (out, in). */
enum {
    PARAMETER_WEIGHT = 0, /* conv: (out, in, kh, kw); transposed conv: (in, out, kh, kw);
                             linear: (in, out) */
    PARAMETER_GAIN = 0,   /* norms: (1, channels, 1, 1) */
    PARAMETER_BIAS = 1,
    PARAMETER_MEAN = 2,
    PARAMETER_VARIANCE = 3
};

typedef struct Parameter {
    id<MTLBuffer> buffer; /* nil: the node has no such parameter */
    bool in_place;        /* the buffer is the checkpoint's pages: not to be written */
    NSUInteger offset;    /* in bytes, where the parameter begins in it; 0 but in place */
    NSArray *shape;
    MPSDataType type;
} Parameter;

typedef struct Parameters {
    Parameter *items; /* (count), one node's after the other's */
    int count;
    int *first;             /* (nodes + 1), a node's first one */
    int64_t bytes;          /* of all of them */
    int64_t in_place_bytes; /* of those that no copy was made of */
} Parameters;

/* The type that a product's operands have. */
MPSDataType product_type(const Graph *network, int node, cleave_precision precision);

/* Reads all weights, converting on the way those that are copied, and computes all tables. On
 * failure *parameters is empty. Errors: CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_MODEL (a weight that is
 * not a number). */
cleave_status parameters_create(Parameters *parameters, const MpsDevice *device,
                                const Graph *network, const CompileOptions *options,
                                cleave_error *error);

/* What the GPU needs in memory for parameters_create(): what that allocates, and the pages of the
 * weights that stay where they are. These are the system's to drop while the GPU rests, but it
 * cannot work without them, and Metal counts them in currentAllocatedSize too. */
int64_t parameters_bytes(const Graph *network, cleave_precision precision);

void parameters_free(Parameters *parameters);

/* What is fed to a graph of it. The caller owns it. */
MPSGraphTensorData *parameter_data(const Parameter *parameter);

const Parameter *parameters_of(const Parameters *parameters, int node, int slot);

#endif
