/* executable.h: a network on the GPU: compiled whole for each size of batch (whole.m), or op by
 * op (steps.m). Inside backend/mps only. */
#ifndef CLEAVE_MPS_EXECUTABLE_H
#define CLEAVE_MPS_EXECUTABLE_H

#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

#include "backend/mps/device.h"
#include "backend/mps/ops.h"
#include "backend/mps/parameters.h"
#include "backend/mps/profiling.h"

/* The whole network for one size of batch. */
typedef struct MpsWhole {
    MPSGraphExecutable *executable; /* nil: not compiled yet */
    NSArray *inputs;                /* MPSGraphTensorData, as the executable's feeds come */
    NSArray *outputs;
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
    id<MTLCommandQueue> queue;
    Graph network; /* a copy of the nodes, without weights */
    Parameters parameters;
    cleave_precision precision;
    int max_batch;
    id<MTLBuffer> input;  /* (max_batch, channels, samples) f32, which the host writes */
    id<MTLBuffer> output; /* (max_batch, stems · channels, samples) f32, which the host reads */
    MpsWhole *wholes;     /* compiled: [batch - 1] */
    /* Op by op: */
    MpsStep *steps; /* per node, for steps_batch */
    int steps_batch;
    id<MTLBuffer> *values; /* per node, shared among those that are not alive at once; not owned */
    NSMutableArray *pool;  /* owns them */
    int64_t *degraded;     /* runs on the CPU, per node */
    int64_t value_bytes;
    MpsProfiling profiling;
    int64_t peak_bytes; /* of the device's memory that this process had */
} MpsExecutable;

/* Compiles the whole for a batch, unless it is already. Errors: CLEAVE_ERROR_DEVICE. */
cleave_status whole_compile(MpsExecutable *executable, int batch, cleave_error *error);
void whole_free(MpsWhole *whole);

/* Runs input to output; both lie in the executable's buffers. */
cleave_status whole_run(MpsExecutable *executable, int batch, cleave_error *error);

/* Makes the graphs of all ops, and room for their values. */
cleave_status steps_create(MpsExecutable *executable, cleave_error *error);
void steps_free(MpsExecutable *executable);
cleave_status steps_run(MpsExecutable *executable, int batch, const atomic_bool *cancel,
                        cleave_error *error);

/* Commits what is encoded and waits for it. `what` is what ran, for the error's text; *seconds
 * becomes the time that it took the GPU, 0 where that is not known; *failure the cause, where there
 * is more to know. Errors: CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_DEVICE. */
cleave_status commands_finish(MPSCommandBuffer *commands, const char *what, double *seconds,
                              DeviceFailure *failure, cleave_error *error);

/* "NAME: reason" of an exception, as CLEAVE_ERROR_DEVICE. */
cleave_status exception_error(NSException *exception, const char *what, cleave_error *error);

#endif
