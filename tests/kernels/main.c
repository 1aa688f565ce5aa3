/* main.c: every kernel of every instruction set that this processor runs, against float64
 * arithmetic on random shapes, odd edges included; with --bench, how fast each is.
 *
 *   test_kernels [--bench] [--seed N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "emulated_amx.h"
#include "kernel_tests.h"

static const struct {
    const char *name;
    KernelTest *run;
    int variant;
} tests[] = {
    {"gemm f32", test_gemm, CLEAVE_PRECISION_F32},
    {"special f32", test_gemm_special, CLEAVE_PRECISION_F32},
    {"gemm f16", test_gemm, CLEAVE_PRECISION_F16},
    {"special f16", test_gemm_special, CLEAVE_PRECISION_F16},
    {"narrow f16", test_narrow, CLEAVE_PRECISION_F16},
    {"gemm bf16", test_gemm, CLEAVE_PRECISION_BF16},
    {"special bf16", test_gemm_special, CLEAVE_PRECISION_BF16},
    {"narrow bf16", test_narrow, CLEAVE_PRECISION_BF16},
    {"f16", test_f16, 0},
    {"load none", test_load, ACT_NONE},
    {"load gelu", test_load, ACT_GELU},
    {"load relu", test_load, ACT_RELU},
    {"load elu", test_load, ACT_ELU},
    {"multiply", test_multiply, 0},
    {"add", test_add, 0},
    {"statistics", test_statistics, 0},
    {"tanh", test_tanh, 0},
    {"gate", test_gate, 0},
    {"bias gelu", test_bias_gelu, 0},
    {"rms norm", test_rms_norm, 0},
    {"softmax f32", test_softmax, CLEAVE_PRECISION_F32},
    {"softmax f16", test_softmax, CLEAVE_PRECISION_F16},
    {"softmax bf16", test_softmax, CLEAVE_PRECISION_BF16},
    {"rope", test_rope, 0},
    {"transpose", test_transpose, 0},
    {"scale rows", test_scale_rows, 0},
    {"winograd in", test_winograd_input, WINOGRAD_4X4},
    {"winograd w", test_winograd_weights, WINOGRAD_4X4},
    {"winograd out", test_winograd_output, WINOGRAD_4X4},
    {"winograd6 in", test_winograd_input, WINOGRAD_6X6},
    {"winograd6 w", test_winograd_weights, WINOGRAD_6X6},
    {"winograd6 out", test_winograd_output, WINOGRAD_6X6},
    {"rows", test_transpose_rows, 0},
    {"fft pass", test_fourier_pass, 0},
    {"fft split", test_fourier_split, 0},
    {"fft cut", test_fourier_cut, 0},
    {"fft add", test_fourier_add, 0},
};

static void test_kernels(const Kernels *kernels) {
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        check_begin();
        tests[i].run(kernels, tests[i].variant);
        check_conclude(kernels->name, tests[i].name);
    }
}

/* The tables that this processor runs, and AMX's gemm in plain C. */
static int test_all(void) {
    const Kernels emulated = emulated_amx();
    for (const Kernels *const *table = kernels_available(); *table; table++)
        test_kernels(*table);
    test_kernels(&emulated);
    printf("%d passed, %d failed\n", check_passed(), check_failed());
    return check_failed() ? 1 : 0;
}

static int bench_all(void) {
    for (const Kernels *const *table = kernels_available(); *table; table++)
        bench_kernels(*table);
    return 0;
}

int main(int argc, char **argv) {
    bool timing = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bench") == 0) {
            timing = true;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            random_seed(strtoull(argv[++i], NULL, 10));
        } else {
            fprintf(stderr, "usage: test_kernels [--bench] [--seed N]\n");
            return 2;
        }
    }
    return timing ? bench_all() : test_all();
}
