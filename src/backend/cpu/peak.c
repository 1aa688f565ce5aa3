/* peak.c: timing the gemm on all threads with everything in the first cache. */
#include "backend/cpu/peak.h"

#include <string.h>

#include "backend/cpu/kernels/dense_gemm.h"
#include "base/clock.h"
#include "base/memory.h"

#define ROWS    60
#define BLOCKS  4
#define CALLS   200  /* of each task */
#define ROUNDS  3    /* at least */
#define SECONDS 0.02 /* at least; the fastest round counts */

/* A thread's operands (as wide as f32's at most) and sums, in vectors of CHANNEL_BLOCK floats. */
typedef struct PeakMemory {
    float a[BLOCKS][ROWS][CHANNEL_BLOCK];
    float b[GEMM_COLUMNS][BLOCKS * CHANNEL_BLOCK][CHANNEL_BLOCK];
    float c[GEMM_COLUMNS][ROWS][CHANNEL_BLOCK];
} PeakMemory;

typedef struct Peak {
    const ProductKernels *products;
    PeakMemory *memory;
} Peak;

static DenseGemm peak_gemm(PeakMemory *memory) {
    return (DenseGemm){ROWS, BLOCKS, memory->a, memory->b, memory->c[0][0]};
}

static void peak_task(void *context, size_t task, int thread) {
    (void)task;
    const Peak *peak = context;
    DenseGemm gemm = peak_gemm(&peak->memory[thread]);
    dense_gemm_run(&gemm, peak->products, CALLS);
}

/* Seconds of the fastest round. */
static double time_rounds(const CpuExecutable *executable, Peak *peak) {
    double start = clock_seconds();
    double best = 0;
    for (int i = 0; i < ROUNDS || clock_seconds() - start < SECONDS; i++) {
        double begin = clock_seconds();
        thread_pool_run(executable->pool, (size_t)executable->threads, peak_task, peak);
        double seconds = clock_seconds() - begin;
        best = i == 0 || seconds < best ? seconds : best;
    }
    return best;
}

double cpu_peak(const CpuExecutable *executable, cleave_precision precision) {
    size_t threads = (size_t)executable->threads;
    size_t bytes = threads * sizeof(PeakMemory);
    Peak peak = {.products = &executable->kernels->products[precision]};
    if (!peak.products->gemm)
        return 0;
    peak.memory = memory_allocate_aligned(bytes);
    if (!peak.memory)
        return 0;
    memset(peak.memory, 0, bytes);
    DenseGemm gemm = peak_gemm(peak.memory);
    double flops = dense_gemm_flops(&gemm) * CALLS * (double)threads;
    double seconds = time_rounds(executable, &peak);
    memory_free_aligned(peak.memory);
    return seconds > 0 ? flops / seconds : 0;
}
