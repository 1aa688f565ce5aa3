/* bench.c: how fast each kernel is, at the best of some trials. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "check.h"
#include "gemm_case.h"
#include "kernel_tests.h"

#define POSITIONS 256

/* Rows of a 3×3 convolution from 64 to 64 channels over 256 positions. */
static void bench_gemm(const Kernels *kernels, const char *name, cleave_precision precision) {
    GemmCase gemm;
    memset(&gemm, 0, sizeof(gemm));
    gemm.arguments = (GemmArguments){.rows = POSITIONS,
                                     .k_blocks = GEMM_BLOCKS_MAX,
                                     .columns = GEMM_COLUMNS,
                                     .a_stride = CHANNEL_BLOCK,
                                     .c_stride = CHANNEL_BLOCK};
    for (size_t i = 0; i < GEMM_BLOCKS_MAX; i++)
        gemm.offsets[i] = (i / 3 * (POSITIONS + 2) + i % 3) * CHANNEL_BLOCK;
    gemm_case_make(&gemm, kernels, precision, GEMM_ORDINARY, false, false);
    double best = INFINITY;
    double flops = 2.0 * POSITIONS * GEMM_COLUMNS * GEMM_BLOCKS_MAX * CHANNEL_BLOCK * CHANNEL_BLOCK;
    for (int trial = 0; trial < 30; trial++) {
        double begin = clock_seconds();
        gemm.products->gemm(&gemm.arguments);
        best = fmin(best, clock_seconds() - begin);
    }
    printf("%-10s %-12s %8.2f GFLOP/s\n", kernels->name, name, flops / best / 1e9);
    gemm_case_free(&gemm);
}

/* What a kernel that goes along rows works on. */
typedef struct BenchRows {
    float *a;
    float *b;
    float *to;
    ActKind act;
} BenchRows;

static void run_load(const Kernels *kernels, const BenchRows *rows) {
    kernels->load[rows->act](&(LoadArguments){.to = rows->to,
                                              .from = rows->a,
                                              .ahead = rows->a,
                                              .positions = POSITIONS,
                                              .scale = rows->b,
                                              .shift = rows->b + CHANNEL_BLOCK,
                                              .alpha = 1});
}

static void run_multiply(const Kernels *kernels, const BenchRows *rows) {
    kernels->multiply(rows->to, rows->a, rows->b, POSITIONS);
}

static void run_add(const Kernels *kernels, const BenchRows *rows) {
    kernels->add(rows->to, rows->a, rows->b, POSITIONS);
}

static void run_statistics(const Kernels *kernels, const BenchRows *rows) {
    kernels->statistics(&(StatisticsArguments){.from = rows->a,
                                               .rows = 1,
                                               .positions = POSITIONS,
                                               .mean = rows->to,
                                               .squares = rows->to + CHANNEL_BLOCK});
}

static void bench_row(const Kernels *kernels, const char *name,
                      void (*run)(const Kernels *kernels, const BenchRows *rows), ActKind act) {
    BenchRows rows = {.a = random_floats(POSITIONS * CHANNEL_BLOCK, -4, 4),
                      .b = random_floats(POSITIONS * CHANNEL_BLOCK, -4, 4),
                      .to = equal_floats(POSITIONS * CHANNEL_BLOCK, 0),
                      .act = act};
    double best = INFINITY;
    for (int trial = 0; trial < 200; trial++) {
        double begin = clock_seconds();
        run(kernels, &rows);
        best = fmin(best, clock_seconds() - begin);
    }
    printf("%-10s %-12s %8.2f Gelement/s\n", kernels->name, name,
           POSITIONS * CHANNEL_BLOCK / best / 1e9);
    memory_free_aligned(rows.a);
    memory_free_aligned(rows.b);
    memory_free_aligned(rows.to);
}

/* A pass of radix 4 over a part that fits the first cache. */
static void run_fourier_pass(const Kernels *kernels, const BenchRows *rows) {
    kernels->fourier_pass(&(FourierPass){.data = rows->to,
                                         .blocks = 1,
                                         .radix = 4,
                                         .apart = POSITIONS / 8,
                                         .twiddles = rows->b,
                                         .roots = rows->b});
}

/* As many real values as complex ones need. */
static void run_fourier_split(const Kernels *kernels, const BenchRows *rows) {
    kernels->fourier_split(&(FourierSplit){
        .from = rows->a, .to = rows->to, .half = POSITIONS / 2 - 1, .roots = rows->b, .scale = 1});
}

static void run_fourier_cut(const Kernels *kernels, const BenchRows *rows) {
    uint32_t places[POSITIONS];
    for (size_t i = 0; i < POSITIONS; i++)
        places[i] = (uint32_t)(i * CHANNEL_BLOCK);
    kernels->fourier_cut(&(FourierCut){.from = rows->a,
                                       .hop = POSITIONS / 4,
                                       .frames = CHANNEL_BLOCK,
                                       .samples = POSITIONS,
                                       .window = rows->b,
                                       .to = rows->to,
                                       .places = places});
}

static void run_fourier_add(const Kernels *kernels, const BenchRows *rows) {
    kernels->fourier_add(&(FourierAdd){.from = rows->a,
                                       .from_step = CHANNEL_BLOCK,
                                       .to = rows->to,
                                       .hop = POSITIONS / 4,
                                       .frames = CHANNEL_BLOCK,
                                       .samples = POSITIONS,
                                       .window = rows->b});
}

static void run_transpose_rows(const Kernels *kernels, const BenchRows *rows) {
    enum { COUNT = POSITIONS / CHANNEL_BLOCK };
    TransposeArguments arguments = {
        .from_step = CHANNEL_BLOCK, .to_step = CHANNEL_BLOCK, .count = COUNT};
    for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
        arguments.from[i] = rows->a + i * COUNT * CHANNEL_BLOCK;
        arguments.to[i] = rows->to + i * COUNT * CHANNEL_BLOCK;
    }
    kernels->transpose_rows(&arguments);
}

void bench_kernels(const Kernels *kernels) {
    bench_gemm(kernels, "gemm f32", CLEAVE_PRECISION_F32);
    bench_gemm(kernels, "gemm f16", CLEAVE_PRECISION_F16);
    bench_gemm(kernels, "gemm bf16", CLEAVE_PRECISION_BF16);
    bench_row(kernels, "load none", run_load, ACT_NONE);
    bench_row(kernels, "load gelu", run_load, ACT_GELU);
    bench_row(kernels, "load relu", run_load, ACT_RELU);
    bench_row(kernels, "load elu", run_load, ACT_ELU);
    bench_row(kernels, "multiply", run_multiply, ACT_NONE);
    bench_row(kernels, "add", run_add, ACT_NONE);
    bench_row(kernels, "statistics", run_statistics, ACT_NONE);
    bench_row(kernels, "rows", run_transpose_rows, ACT_NONE);
    bench_row(kernels, "fft pass", run_fourier_pass, ACT_NONE);
    bench_row(kernels, "fft split", run_fourier_split, ACT_NONE);
    bench_row(kernels, "fft cut", run_fourier_cut, ACT_NONE);
    bench_row(kernels, "fft add", run_fourier_add, ACT_NONE);
}
