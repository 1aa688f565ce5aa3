/* selftest.h: a short check of each kernel of a table, in some milliseconds, to find a processor, a
 * compiler or an emulator that computes wrong. The thorough one is tests/kernels. */
#ifndef CLEAVE_CPU_SELFTEST_H
#define CLEAVE_CPU_SELFTEST_H

#include "backend/cpu/kernels/kernels.h"

#define KERNEL_TESTS_MAX 32

typedef struct KernelTest {
    const char *name; /* "gemm bf16", "load gelu"; static storage */
    double error; /* the largest, against float64, as a share of its bound: beyond 1 the kernel is
                  wrong; infinite where it put out no number */
} KernelTest;

/* Checks each kernel that the table has; writes to `tests` and returns how many there are, or 0
 * where memory ran out. */
int kernels_self_test(const Kernels *kernels, KernelTest tests[KERNEL_TESTS_MAX]);

#endif
