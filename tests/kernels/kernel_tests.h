/* kernel_tests.h: the tests of one kernel each, of which main.c has the table. Each reports what is
 * wrong with check_fail(). */
#ifndef CLEAVE_TESTS_KERNELS_KERNEL_TESTS_H
#define CLEAVE_TESTS_KERNELS_KERNEL_TESTS_H

#include "backend/cpu/kernels/kernels.h"

/* `variant` is a cleave_precision, an ActKind, a WinogradSize, or 0 where a kernel has one form
 * only. */
typedef void KernelTest(const Kernels *kernels, int variant);

KernelTest test_gemm;         /* of a precision */
KernelTest test_gemm_special; /* with values at which roundings go wrong */
KernelTest test_narrow;       /* of a precision below f32 */
KernelTest test_f16;
KernelTest test_load; /* of an ActKind */
KernelTest test_bias_gelu;
KernelTest test_multiply;
KernelTest test_add;
KernelTest test_statistics;
KernelTest test_tanh;
KernelTest test_gate;
KernelTest test_rms_norm;
KernelTest test_softmax; /* of a precision */
KernelTest test_rope;
KernelTest test_transpose;
KernelTest test_scale_rows;
KernelTest test_winograd_input; /* of a WinogradSize, as are the next */
KernelTest test_winograd_weights;
KernelTest test_winograd_output;
KernelTest test_transpose_rows;
KernelTest test_fourier_pass;
KernelTest test_fourier_split;
KernelTest test_fourier_cut;
KernelTest test_fourier_add;

/* Prints how fast a table's kernels are. */
void bench_kernels(const Kernels *kernels);

#endif
