/* test_mask.c: the activations behind the products of the mask MLPs. */
#include <math.h>

#include "base/memory.h"
#include "check.h"
#include "kernel_tests.h"

/* What tanh and sigmoid may be off by; both rise by at most 1 for each 1 of x, whose sum with the
 * bias is rounded once. */
#define CURVE_ERROR 4e-7

static double sum_error(double a, double b) {
    return UNIT_ROUNDOFF * fabs(a + b);
}

static void verify_tanh(const Kernels *kernels, size_t positions, float range) {
    size_t count = positions * CHANNEL_BLOCK;
    float *from = random_floats(count + 1, -range, range);
    float *bias = random_floats(positions + 1, -1, 1);
    float *to = equal_floats(count + 1, CANARY);
    kernels->bias_tanh(to, from, bias, positions);
    for (size_t i = 0; i < count; i++) {
        double x = (double)from[i];
        double b = (double)bias[i / CHANNEL_BLOCK];
        double tolerance = CURVE_ERROR * fmin(1, fabs(x + b)) + sum_error(x, b);
        if (!(fabs((double)to[i] - tanh(x + b)) <= tolerance))
            check_fail("tanh", i, (double)to[i], tanh(x + b));
    }
    check_untouched("tanh wrote outside", count, to[count], CANARY);
    kernels->bias_tanh(from, from, bias, positions);
    check_same_bits("tanh in place", from, to, count);
    memory_free_aligned(from);
    memory_free_aligned(bias);
    memory_free_aligned(to);
}

void test_tanh(const Kernels *kernels, int variant) {
    static const float values[CHANNEL_BLOCK] = {0.0f,  -0.0f, 1e30f,    -1e30f,    88.0f,  -88.0f,
                                                44.0f, 9.0f,  -9.0f,    -INFINITY, 1e-30f, -1e-30f,
                                                1.0f,  -1.0f, INFINITY, NAN};
    (void)variant;
    float to[CHANNEL_BLOCK];
    for (int trial = 0; trial < 60; trial++)
        verify_tanh(kernels, random_below(40), trial % 3 ? 4.0f : 60.0f);
    kernels->bias_tanh(to, values, (const float[]){0}, 1);
    for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
        double expected = tanh((double)values[i]);
        if (isnan(expected) ? !isnan(to[i])
                            : !(fabs((double)to[i] - expected) <= CURVE_ERROR * fabs(expected)))
            check_fail("tanh of a special value", i, (double)to[i], expected);
    }
}

static double exact_gate(const GateArguments *g, size_t at) {
    double value = (double)g->values[at] + (double)g->value_bias[at / CHANNEL_BLOCK];
    double gate = (double)g->gates[at] + (double)g->gate_bias[at / CHANNEL_BLOCK];
    return value / (1 + exp(-gate));
}

static double gate_tolerance(const GateArguments *g, size_t at) {
    double value = fabs((double)g->values[at]) + fabs((double)g->value_bias[at / CHANNEL_BLOCK]);
    double gate = (double)g->gates[at] + (double)g->gate_bias[at / CHANNEL_BLOCK];
    double steepest = fmin(0.25, exp(-0.99 * fabs(gate)));
    double rounding = isinf(gate) ? 0 : UNIT_ROUNDOFF * fabs(gate) * steepest;
    return value * (CURVE_ERROR + rounding + 2 * UNIT_ROUNDOFF);
}

static void verify_gate(const Kernels *kernels, size_t positions, float range) {
    size_t count = positions * CHANNEL_BLOCK;
    float *values = random_floats(count + 1, -9, 9);
    float *gates = random_floats(count + 1, -range, range);
    float *bias = random_floats(2 * positions + 1, -1, 1);
    float *to = equal_floats(count + 1, CANARY);
    GateArguments arguments = {to, values, gates, bias, bias + positions, positions};
    kernels->bias_gate(&arguments);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)to[i] - exact_gate(&arguments, i)) <= gate_tolerance(&arguments, i)))
            check_fail("gate", i, (double)to[i], exact_gate(&arguments, i));
    check_untouched("gate wrote outside", count, to[count], CANARY);
    arguments.to = values;
    kernels->bias_gate(&arguments);
    check_same_bits("gate in place", values, to, count);
    memory_free_aligned(values);
    memory_free_aligned(gates);
    memory_free_aligned(bias);
    memory_free_aligned(to);
}

/* Gates that are wide open or shut, and numbers that are none. */
void test_gate(const Kernels *kernels, int variant) {
    static const float gates[CHANNEL_BLOCK] = {0.0f,   -0.0f,   1e30f, -1e30f, 88.0f,    -88.0f,
                                               500.0f, -500.0f, 1.0f,  -1.0f,  INFINITY, -INFINITY,
                                               -20.0f, 20.0f,   NAN,   0.0f};
    static const float values[CHANNEL_BLOCK] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, NAN};
    static const float zero[1] = {0};
    (void)variant;
    float to[CHANNEL_BLOCK];
    GateArguments arguments = {to, values, gates, zero, zero, 1};
    for (int trial = 0; trial < 60; trial++)
        verify_gate(kernels, random_below(40), trial % 3 ? 6.0f : 100.0f);
    kernels->bias_gate(&arguments);
    for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
        double expected = exact_gate(&arguments, i);
        if (isnan(expected) ? !isnan(to[i])
                            : !(fabs((double)to[i] - expected) <= gate_tolerance(&arguments, i)))
            check_fail("gate of a special value", i, (double)to[i], expected);
    }
}
