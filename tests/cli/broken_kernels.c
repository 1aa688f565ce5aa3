/* broken_kernels.c: replaces kernels_available() in a program for tests by a list of one table, a
 * copy of the fastest that multiplies wrong. Separations still choose from the real list. */
#include "backend/cpu/kernels/kernels.h"

const Kernels *const *__real_kernels_available(void);
const Kernels *const *__wrap_kernels_available(void);

static Kernels broken;
static const Kernels *tables[2] = {&broken, NULL};

static void multiply_wrong(float *to, const float *a, const float *b, size_t positions) {
    kernels_reference.multiply(to, a, b, positions);
    to[0] += 0.001F;
}

/* Called by one thread alone. */
const Kernels *const *__wrap_kernels_available(void) {
    const Kernels *const *real = __real_kernels_available();
    while (real[1])
        real++;
    broken = **real;
    broken.multiply = multiply_wrong;
    return tables;
}
