/* broken_kernels.c: stands in for kernels_available() in a program of the tests: the fastest table
 * that it lists multiplies wrong. The separation, which chooses for itself, is as ever. */
#include "backend/cpu/kernels/kernels.h"

const Kernels *const *__real_kernels_available(void);
const Kernels *const *__wrap_kernels_available(void);

static Kernels broken;
static const Kernels *tables[2] = {&broken, NULL};

static void multiply_wrong(float *to, const float *a, const float *b, size_t positions) {
    kernels_reference.multiply(to, a, b, positions);
    to[0] += 0.001F;
}

/* One thread calls it. */
const Kernels *const *__wrap_kernels_available(void) {
    const Kernels *const *real = __real_kernels_available();
    while (real[1])
        real++;
    broken = **real;
    broken.multiply = multiply_wrong;
    return tables;
}
