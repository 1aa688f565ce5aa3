/* test_load.c: an affine step and an activation along a row. */
#include <math.h>

#include "base/memory.h"
#include "check.h"
#include "elements.h"
#include "kernel_tests.h"

static double exact_act(ActKind act, double x, double alpha) {
    switch (act) {
    case ACT_NONE:
        return x;
    case ACT_GELU:
        return x * 0.5 * erfc(-x * 0.70710678118654752440);
    case ACT_RELU:
        return x < 0 ? 0 : x;
    case ACT_ELU:
        return x > 0 ? x : alpha * expm1(x);
    }
    return NAN;
}

/* The affine step may round twice; GELU's erf is good to 4e-7 of its argument's half, ELU's
 * exponential to a few units in the last place of the larger of its terms. */
static double act_tolerance(ActKind act, double x, double magnitude) {
    double affine = 2.5 * UNIT_ROUNDOFF * magnitude;
    if (act == ACT_GELU)
        return 1.2 * affine + 4e-7 * fmax(0.5 * fabs(x), 1e-30);
    if (act == ACT_ELU)
        return affine + 4 * UNIT_ROUNDOFF * fmin(1, fabs(x));
    return affine;
}

static void verify_row(const Kernels *kernels, ActKind act, size_t positions, float range) {
    size_t count = positions * CHANNEL_BLOCK;
    float *from = random_floats(count + 1, -range, range);
    float *to = equal_floats(count + CHANNEL_BLOCK, CANARY);
    float *scale = random_floats(CHANNEL_BLOCK, -2, 2);
    float *shift = random_floats(CHANNEL_BLOCK, -2, 2);
    float alpha = random_float(0, 2);
    LoadArguments arguments = {.to = to,
                               .from = from,
                               .ahead = from + count,
                               .positions = positions,
                               .scale = scale,
                               .shift = shift,
                               .alpha = alpha};
    kernels->load[act](&arguments);
    for (size_t i = 0; i < count; i++) {
        size_t lane = i % CHANNEL_BLOCK;
        double product = (double)from[i] * (double)scale[lane];
        double x = product + (double)shift[lane];
        double expected = exact_act(act, x, (double)alpha);
        double tolerance = act_tolerance(act, x, fabs(product) + fabs((double)shift[lane]));
        if (!(fabs((double)to[i] - expected) <= tolerance))
            check_fail("load", i, (double)to[i], expected);
    }
    for (size_t i = count; i < count + CHANNEL_BLOCK; i++)
        check_untouched("load wrote outside", i, to[i], CANARY);
    arguments.to = from;
    kernels->load[act](&arguments);
    check_same_bits("load in place", from, to, count);
    memory_free_aligned(from);
    memory_free_aligned(to);
    memory_free_aligned(scale);
    memory_free_aligned(shift);
}

/* Zero must stay exactly zero, large values must not overflow on the way, and a NaN must come
 * through, so that a broken weight is noticed. */
static void verify_special(const Kernels *kernels, ActKind act) {
    static const float values[CHANNEL_BLOCK] = {0.0f,   -0.0f,   1e30f,  -1e30f,  88.0f, -88.0f,
                                                500.0f, -500.0f, 1e-30f, -1e-30f, 3.95f, -3.95f,
                                                5.6f,   -5.6f,   NAN,    1.0f};
    float *scale = equal_floats(CHANNEL_BLOCK, 1);
    float *shift = equal_floats(CHANNEL_BLOCK, 0);
    float to[CHANNEL_BLOCK];
    kernels->load[act](&(LoadArguments){.to = to,
                                        .from = values,
                                        .ahead = NULL,
                                        .positions = 1,
                                        .scale = scale,
                                        .shift = shift,
                                        .alpha = 1.0f});
    for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
        double x = (double)values[i];
        double expected = exact_act(act, x, 1);
        if (isnan(x) ? !isnan(to[i])
                     : !(fabs((double)to[i] - expected) <= act_tolerance(act, x, fabs(x))))
            check_fail("load of a special value", i, (double)to[i], expected);
    }
    if (to[0] != 0 || to[1] != 0)
        check_fail("load of zero", 0, (double)to[0], 0);
    memory_free_aligned(scale);
    memory_free_aligned(shift);
}

void test_load(const Kernels *kernels, int act) {
    for (int trial = 0; trial < 60; trial++)
        verify_row(kernels, (ActKind)act, random_below(40), trial % 3 ? 4.0f : 60.0f);
    verify_special(kernels, (ActKind)act);
}

static void verify_bias_gelu_elements(const Kernels *kernels, cleave_precision precision,
                                      const float *from, const float *bias, size_t positions,
                                      const float *wide) {
    size_t count = positions * CHANNEL_BLOCK;
    uint16_t *got = element_room(count);
    kernels->products[precision].bias_gelu(got, from, bias, positions);
    check_elements("GELU as elements", &kernels->products[precision], got, wide, count);
    memory_free_aligned(got);
}

static void verify_bias_gelu(const Kernels *kernels, size_t positions, float range) {
    const ProductKernels *products = &kernels->products[CLEAVE_PRECISION_F32];
    size_t count = positions * CHANNEL_BLOCK;
    float *from = random_floats(count + 1, -range, range);
    float *to = equal_floats(count + CHANNEL_BLOCK, CANARY);
    float *bias = random_floats(CHANNEL_BLOCK, -2, 2);
    if (count > 0 && range > 50)
        from[random_below(count)] = NAN;
    products->bias_gelu(to, from, bias, positions);
    for (size_t i = 0; i < count; i++) {
        double x = (double)from[i] + (double)bias[i % CHANNEL_BLOCK];
        double expected = exact_act(ACT_GELU, x, 0);
        if (isnan(x) ? !isnan(to[i])
                     : !(fabs((double)to[i] - expected) <= act_tolerance(ACT_GELU, x, fabs(x))))
            check_fail("GELU", i, (double)to[i], expected);
    }
    for (size_t i = count; i < count + CHANNEL_BLOCK; i++)
        check_untouched("GELU wrote outside", i, to[i], CANARY);
    verify_bias_gelu_elements(kernels, CLEAVE_PRECISION_F16, from, bias, positions, to);
    verify_bias_gelu_elements(kernels, CLEAVE_PRECISION_BF16, from, bias, positions, to);
    products->bias_gelu(from, from, bias, positions);
    check_same_bits("GELU in place", from, to, count);
    memory_free_aligned(from);
    memory_free_aligned(to);
    memory_free_aligned(bias);
}

void test_bias_gelu(const Kernels *kernels, int variant) {
    (void)variant;
    for (int trial = 0; trial < 60; trial++)
        verify_bias_gelu(kernels, random_below(40), trial % 3 ? 4.0f : 60.0f);
}
