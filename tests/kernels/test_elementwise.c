/* test_elementwise.c: products and sums of two rows, which must have the bits of plain C. */
#include "base/memory.h"
#include "check.h"
#include "kernel_tests.h"

typedef void BinaryKernel(float *to, const float *a, const float *b, size_t positions);

static void verify_rows(const char *name, BinaryKernel *kernel, BinaryKernel *reference,
                        size_t positions) {
    size_t count = positions * CHANNEL_BLOCK;
    float *a = random_floats(count + 1, -9, 9);
    float *b = random_floats(count + 1, -9, 9);
    float *got = equal_floats(count + 1, CANARY);
    float *expected = equal_floats(count + 1, CANARY);
    kernel(got, a, b, positions);
    reference(expected, a, b, positions);
    check_same_bits(name, got, expected, count + 1);
    kernel(a, a, b, positions);
    check_same_bits(name, a, expected, count);
    memory_free_aligned(a);
    memory_free_aligned(b);
    memory_free_aligned(got);
    memory_free_aligned(expected);
}

void test_multiply(const Kernels *kernels, int variant) {
    (void)variant;
    for (size_t positions = 0; positions < 20; positions++)
        verify_rows("multiply", kernels->multiply, kernels_reference.multiply, positions);
}

void test_add(const Kernels *kernels, int variant) {
    (void)variant;
    for (size_t positions = 0; positions < 20; positions++)
        verify_rows("add", kernels->add, kernels_reference.add, positions);
}
