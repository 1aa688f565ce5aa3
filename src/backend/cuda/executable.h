/* executable.h: a compiled network on a GPU: its plan, memory, streams, and the batches on their
 * way. */
#ifndef CLEAVE_BACKEND_CUDA_EXECUTABLE_H
#define CLEAVE_BACKEND_CUDA_EXECUTABLE_H

#include "backend/backend.h"
#include "backend/cuda/device.h"
#include "backend/cuda/plan.h"
#include "backend/cuda/profiling.h"

/* Kernels by number: KERNEL_conv_f32_128, … */
typedef enum KernelNumber {
#define KERNEL_NUMBER(name, arguments, threads, capability) KERNEL_##name,
    CUDA_KERNELS(KERNEL_NUMBER)
#undef KERNEL_NUMBER
        KERNEL_COUNT
} KernelNumber;

/* A batch on its way, and the memory that it has to itself. */
typedef struct CudaFlight {
    CudaAddress input;
    CudaAddress output;
    float *host_input; /* pinned */
    float *host_output;
    CudaEvent uploaded;
    CudaEvent computed;
    CudaEvent downloaded;
    float *result; /* where the caller wants it */
    int batch;     /* 0: not on its way */
} CudaFlight;

typedef struct CudaExecutable {
    Executable head;
    CudaSession session;
    CudaPlan plan;
    cleave_logger log;
    CudaFunction functions[KERNEL_COUNT]; /* NULL: the plan does not use it */
    CudaStream up;
    CudaStream compute;
    CudaStream down;
    CudaAddress weights;
    CudaAddress arena;
    CudaAddress norms;
    CudaFlight flights[CUDA_FLIGHTS];
    int next;              /* flight that takes the next batch */
    CudaGraphExec *graphs; /* [batch - 1][flight]; NULL: not captured yet, or op by op */
    bool without_graphs;   /* capturing failed once */
    CudaProfiling profiling;
} CudaExecutable;

static inline CudaAddress weights_at(const CudaExecutable *executable, size_t offset) {
    return executable->weights + offset;
}

static inline CudaAddress arena_at(const CudaExecutable *executable, size_t offset) {
    return executable->arena + offset;
}

extern const ExecutableMethods cuda_methods;

/* For a plan that becomes the executable's, also after a failure. */
cleave_status cuda_executable_create(CudaExecutable **created, CudaPlan *plan, const Graph *graph,
                                     const CompileOptions *options, cleave_error *error);

/* Bytes that a plan takes. */
ExecutableMemory cuda_plan_memory(const CudaPlan *plan, bool fuse);

#endif
