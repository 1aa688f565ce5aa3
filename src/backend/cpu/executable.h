/* executable.h: a compiled graph on the CPU: its tensors, its steps, and the memory that they
 * share. */
#ifndef CLEAVE_CPU_EXECUTABLE_H
#define CLEAVE_CPU_EXECUTABLE_H

#include "backend/backend.h"
#include "backend/cpu/conv_plan.h"
#include "backend/cpu/profiling.h"
#include "backend/cpu/tensor_layout.h"
#include "base/thread_pool.h"
#include "graph/program.h"

typedef struct CpuStep CpuStep;

struct CpuExecutable {
    Executable head;
    const Kernels *kernels;
    const CompileOptions *options; /* while the steps are created; else NULL */
    cleave_precision precision;    /* as asked for; some steps stay f32 */
    bool sizes_only; /* no run will follow: nothing large is allocated, no weight read, no
                        thread started */
    int threads;
    int max_batch;
    ThreadPool *pool; /* NULL if sizes_only */
    Graph graph;      /* a copy of the nodes, without weights */
    Program program;
    ConvPlan *plans;    /* per program step */
    CpuTensor *tensors; /* per node */
    CpuStep **steps;
    int step_count;
    unsigned char *arena; /* the tensors' data */
    size_t arena_bytes;
    float *statistics; /* the tensors' statistics */
    size_t statistics_bytes;
    unsigned char *scratch; /* scratch_bytes per thread */
    size_t scratch_bytes;
    unsigned char *shared; /* shared_bytes, for one step at a time */
    size_t shared_bytes;
    CpuProfiling profiling;
};

static inline void *thread_scratch(const CpuExecutable *executable, int thread) {
    return executable->scratch + (size_t)thread * executable->scratch_bytes;
}

/* How a convolution of the executable's program is computed. */
static inline const ConvPlan *step_plan(const CpuExecutable *executable, const Step *step) {
    return &executable->plans[step - executable->program.steps];
}

/* What an executable is made for. */
typedef enum CpuPurpose {
    CPU_FOR_RUNS,
    CPU_FOR_SIZES /* sizes_only */
} CpuPurpose;

/* On failure *created is NULL. Destroyed by executable_destroy(). */
cleave_status cpu_executable_create(CpuExecutable **created, const Graph *graph,
                                    const CompileOptions *options, CpuPurpose purpose,
                                    cleave_error *error);

#endif
