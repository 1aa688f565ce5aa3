/* executable.h: a network on the GPU: compiled whole for each size of batch (compiled.m), or op by
 * op (eager.m). Inside backend/mps only. */
#ifndef CLEAVE_MPS_EXECUTABLE_H
#define CLEAVE_MPS_EXECUTABLE_H

#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

#include "backend/mps/completion.h"
#include "backend/mps/device.h"
#include "backend/mps/ops.h"
#include "backend/mps/parameters.h"
#include "backend/mps/pieces.h"
#include "backend/mps/profiling.h"

/* What is encoded for the GPU. Encoding may commit what there is so far and go on in another
 * command buffer, so that there may be several; of these the first and the last can be had. */
typedef struct MpsCommands {
    MPSCommandBuffer *all; /* nil: none */
    id<MTLCommandBuffer> first;
    MpsCompletion *completion; /* NULL: nobody asks */
} MpsCommands;

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
typedef struct MpsPiece {
    MPSGraphExecutable *executable;
    NSArray *inputs[MPS_DEPTH]; /* MPSGraphTensorData, as the executable's feeds come, per flight */
    NSArray *outputs[MPS_DEPTH];
} MpsPiece;

/* The whole network for one size of batch. */
typedef struct MpsWhole {
    MpsPiece *pieces; /* one after the other; NULL: not compiled yet */
    Pieces cut;
    bool ran; /* once */
} MpsWhole;

/* One op, as a small graph of its own for one size of batch. */
typedef struct MpsStep {
    OpBuilder builder;           /* graph nil: the op runs on the CPU */
    MPSGraphTensor *operands[2]; /* placeholders, the builder's */
    MPSGraphTensor *result;
} MpsStep;

typedef struct MpsExecutable {
    Executable head;
    const MpsDevice *device;
    cleave_logger log;
    id<MTLCommandQueue> queue;
    Graph network; /* a copy of the nodes, without weights */
    Parameters parameters;
    cleave_precision precision;
    int max_batch;
    MpsFlight flights[MPS_DEPTH]; /* op by op only the first is used, and has only buffers */
    MpsWhole *wholes;             /* compiled: [batch - 1] */
    id<MTLBuffer> *left;          /* compiled, per node: what a piece leaves to those behind it */
    double flops_limit;           /* of a piece */
    int oldest;                   /* flight that is waited for next */
    int flying;                   /* flights given and not collected, from the oldest on */
    int cancelled;                /* of these: they do not run, since one before them failed */
    /* Op by op: */
    MpsStep *steps; /* per node, for steps_batch */
    int steps_batch;
    bool steps_ran;        /* all of them, once */
    id<MTLBuffer> *values; /* per node, shared among those that are not alive at once; not owned */
    NSMutableArray *pool;  /* owns them */
    int64_t *fallback;     /* runs on the CPU, per node */
    int64_t value_bytes;
    MpsProfiling profiling;
    bool no_handlers;   /* MPSGraph was seen not to call them */
    int64_t peak_bytes; /* of the device's memory that this process had */
} MpsExecutable;

/* Compiles the whole for a batch, unless it is already. Errors: CLEAVE_ERROR_DEVICE. */
cleave_status whole_compile(MpsExecutable *executable, int batch, cleave_error *error);
void whole_free(MpsWhole *whole);

/* As submit() and collect() of ExecutableMethods. */
cleave_status whole_submit(MpsExecutable *executable, const float *input, float *output, int batch,
                           const atomic_bool *cancel, cleave_error *error);
cleave_status whole_collect(MpsExecutable *executable, cleave_error *error);

/* Waits for all that was submitted, whose results are lost. */
void whole_drain(MpsExecutable *executable);

/* Makes the graphs of all ops, and room for their values. */
cleave_status steps_create(MpsExecutable *executable, cleave_error *error);
void steps_free(MpsExecutable *executable);

/* Whether the GPU runs an op; if not, the CPU does. */
bool steps_on_gpu(const MpsExecutable *executable, const Node *node);

/* Runs a batch from the first flight's input to its output. */
cleave_status steps_run(MpsExecutable *executable, int batch, const atomic_bool *cancel,
                        cleave_error *error);

/* To encode to; its objects are not retained. */
MpsCommands commands_begin(const MpsExecutable *executable);

/* Hands what is encoded over to the GPU. */
void commands_commit(const MpsCommands *commands);

/* Waits for what was committed. `what` is what ran, for the error's text; *seconds becomes the time
 * that it took the GPU, 0 where that is not known; the executable's failure the cause, where there
 * is more to know. Errors: CLEAVE_ERROR_MEMORY, where less at once may succeed, which holds of what
 * took too long as well; CLEAVE_ERROR_DEVICE. */
cleave_status commands_wait(MpsExecutable *executable, const MpsCommands *commands,
                            const char *what, double *seconds, cleave_error *error);

/* Once nobody waits for them any more, or they were never committed. */
void commands_end(MpsCommands *commands);

/* The status of a run that cannot be made smaller: what took too long is a failure of the device
 * then. */
cleave_status command_took_too_long(cleave_status status, DeviceFailure failure,
                                    cleave_error *error);

/* How MPSGraph is to compile; nil where this macOS cannot be told. Not retained. */
MPSGraphCompilationDescriptor *compilation_descriptor(const MpsDevice *device);

/* How it is to run what was compiled, or a graph that was not. Not retained. */
MPSGraphExecutableExecutionDescriptor *executable_descriptor(const MpsCommands *commands);
MPSGraphExecutionDescriptor *graph_descriptor(const MpsDevice *device, const MpsCommands *commands);

/* Bytes of a node's value at a batch, in f32. */
size_t mps_value_bytes(const MpsExecutable *executable, int node, int batch);

/* "NAME: reason" of an exception, as CLEAVE_ERROR_DEVICE. */
cleave_status exception_error(NSException *exception, const char *what, cleave_error *error);

#endif
