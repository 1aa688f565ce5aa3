/* executable.h: a network on the GPU: compiled whole for each size of batch (compiled.h), or op by
 * op (eager.h). Inside backend/mps only. */
#ifndef CLEAVE_MPS_EXECUTABLE_H
#define CLEAVE_MPS_EXECUTABLE_H

#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

#include "backend/mps/commands.h"
#include "backend/mps/device.h"
#include "backend/mps/ops.h"
#include "backend/mps/parameters.h"
#include "backend/mps/pieces.h"
#include "backend/mps/profiling.h"

/* Batches on their way: the GPU computes one while the host fills the other's input, or empties its
 * output. */
#define MPS_DEPTH 2

/* A batch on its way, in buffers that host and GPU share. */
typedef struct MpsFlight {
    id<MTLBuffer> input;  /* (max_batch, channels, samples) f32, which the host writes */
    id<MTLBuffer> output; /* (max_batch, stems · channels, samples) f32, which the host reads */
    MpsCommands commands; /* committed, and not waited for; retained */
    float *result;        /* where the output goes then */
    int batch;
    int piece; /* that the GPU has */
    const atomic_bool *cancel;
    double begin; /* of its commands, on the profile's clock */
} MpsFlight;

/* What the GPU is given at once. */
typedef struct CompiledPiece {
    MPSGraphExecutable *executable;
    NSArray *inputs[MPS_DEPTH]; /* MPSGraphTensorData, as the executable's feeds come, per flight */
    NSArray *outputs[MPS_DEPTH];
} CompiledPiece;

/* The whole network for one size of batch. */
typedef struct CompiledNetwork {
    CompiledPiece *pieces; /* one after the other; NULL: not compiled yet */
    Pieces cut;
    bool ran; /* once */
} CompiledNetwork;

/* One op, as a small graph of its own for one size of batch. */
typedef struct EagerOp {
    OpBuilder builder;           /* graph nil: the op runs on the CPU */
    MPSGraphTensor *operands[2]; /* placeholders, the builder's */
    MPSGraphTensor *result;
} EagerOp;

struct MpsExecutable {
    Executable head;
    const MpsDevice *device;
    cleave_logger log;
    id<MTLCommandQueue> queue;
    Graph network; /* a copy of the nodes, without weights */
    Parameters parameters;
    cleave_precision precision;
    int max_batch;
    MpsFlight flights[MPS_DEPTH]; /* op by op: only the buffers of the first are used */
    MpsProfiling profiling;
    bool no_handlers;   /* MPSGraph was seen not to call them */
    int64_t peak_bytes; /* of the device's memory that this process had */
    /* Compiled: */
    CompiledNetwork *compiled; /* [batch - 1] */
    id<MTLBuffer> *left;       /* per node: what a piece leaves to those behind it */
    double flops_limit;        /* of a piece */
    int oldest;                /* flight that is waited for next */
    int flying;                /* flights given and not collected, from the oldest on */
    int cancelled;             /* of these: they do not run, since one before them failed */
    /* Op by op: */
    EagerOp *eager; /* per node, for eager_batch */
    int eager_batch;
    bool eager_ran; /* all of them, once */
    id<MTLBuffer>
        *values;          /* per node; values that are not alive at once share buffers. Not owned */
    NSMutableArray *pool; /* owns them */
    int64_t *fallback;    /* runs on the CPU, per node */
    int64_t value_bytes;
};

/* Elements of a node's value at a batch. */
static inline size_t mps_value_floats(const Graph *network, int node, int batch) {
    Shape shape = network->nodes[node].shape;
    return (size_t)batch * (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width;
}

/* Bytes of a node's value at a batch, in f32. */
static inline size_t mps_value_bytes(const MpsExecutable *executable, int node, int batch) {
    return mps_value_floats(&executable->network, node, batch) * sizeof(float);
}

#endif
