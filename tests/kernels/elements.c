/* elements.c: rounding by definition, and the values at which roundings go wrong. */
#include "elements.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"

static const float special_values[] = {
    0.0f,     -0.0f,      1.00390625f, 1.01171875f,   1.00048828125f, 1.00146484375f, 3.38e38f,
    3.4e38f,  -3.4e38f,   65519.9f,    65520.0f,      -65504.f,       INFINITY,       -INFINITY,
    NAN,      -NAN,       0x1p-14f,    0x1.ffcp-15f,  0x1.ffep-15f,   0x1p-24f,       0x1p-25f,
    0x3p-26f, 0x1.8p-24f, -1e-5f,      0x1.fe8p-127f, 0x1.8p-133f,    0x1p-134f,      -1e-40f,
};

#define SPECIAL_VALUES (sizeof(special_values) / sizeof(special_values[0]))

static double value_of_f16(uint16_t bits) {
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    if (exponent == 31)
        magnitude = fraction != 0 ? (double)NAN : (double)INFINITY;
    return bits & 0x8000 ? -magnitude : magnitude;
}

static double value_of_bf16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof(value));
    return (double)value;
}

/* Nearest with `bits` of fraction, ties to even, from exponents of `least` up; what rounds to 2 to
 * the power `limit` is infinite. */
static double rounded(double x, int bits, int least, int limit) {
    int exponent = 0;
    if (x == 0 || isnan(x) || isinf(x))
        return x;
    frexp(x, &exponent);
    exponent = exponent - 1 < least ? least : exponent - 1;
    double step = ldexp(1, exponent - bits);
    double value = nearbyint(x / step) * step;
    return fabs(value) >= ldexp(1, limit) ? copysign((double)INFINITY, x) : value;
}

static double rounded_f32(double x) {
    return (double)(float)x;
}

static double rounded_f16(double x) {
    return rounded(x, 10, -14, 16);
}

static double rounded_bf16(double x) {
    return rounded(x, 7, -126, 128);
}

const ElementFormat element_formats[PRECISIONS] = {
    [CLEAVE_PRECISION_F32] = {rounded_f32, NULL},
    [CLEAVE_PRECISION_F16] = {rounded_f16, value_of_f16},
    [CLEAVE_PRECISION_BF16] = {rounded_bf16, value_of_bf16},
};

float element_special(void) {
    return special_values[random_below(SPECIAL_VALUES)];
}

float *element_special_floats(size_t count) {
    float *values = random_floats(count, -1, 1);
    for (size_t i = 0; i < count; i++)
        values[i] = i % 2 ? element_special() : ldexpf(values[i], (int)random_below(40) - 26);
    return values;
}

void element_check(const char *what, size_t at, double got, double expected) {
    bool flushed = fabs(expected) <= 0x1p-126 && got == 0;
    if (!(got == expected || (isnan(got) && isnan(expected)) || flushed))
        check_fail(what, at, got, expected);
}

void *elements_of(const ProductKernels *products, const ElementFormat *format, float *values,
                  size_t count, bool vectors) {
    void *elements = equal_floats(count, 0);
    if (!products->narrow) {
        memcpy(elements, values, count * sizeof(float));
        return elements;
    }
    for (size_t i = 0; i < count; i++)
        values[i] = (float)format->rounded((double)values[i]);
    (vectors ? products->narrow_vectors : products->narrow)(elements, values,
                                                            count / CHANNEL_BLOCK);
    return elements;
}

#define ELEMENT_CANARY 0x5a5a

uint16_t *element_room(size_t count) {
    uint16_t *room = (uint16_t *)(void *)equal_floats(count + CHANNEL_BLOCK, 0);
    for (size_t i = 0; i < count + CHANNEL_BLOCK; i++)
        room[i] = ELEMENT_CANARY;
    return room;
}

void check_elements(const char *what, const ProductKernels *products, const uint16_t *got,
                    const float *wide, size_t count) {
    uint16_t *expected = element_room(count);
    products->narrow(expected, wide, count / CHANNEL_BLOCK);
    for (size_t i = 0; i < count; i++)
        if (got[i] != expected[i])
            check_fail(what, i, (double)got[i], (double)expected[i]);
    for (size_t i = count; i < count + CHANNEL_BLOCK; i++)
        if (got[i] != ELEMENT_CANARY)
            check_fail("elements written outside", i, (double)got[i], (double)ELEMENT_CANARY);
    memory_free_aligned(expected);
}
