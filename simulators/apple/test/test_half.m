/* test_half.m: rounding to f16 and bf16, against their definitions. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#import "fixture.h"
#include "half.h"

/* All f16 values, from their fields. */
static double f16_by_definition(unsigned bits) {
    int exponent = (int)(bits >> 10 & 31);
    double mantissa = bits & 1023;
    double size = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return bits >> 15 ? -size : size;
}

static void test_every_f16_is_kept(void) {
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        float value = sim_f16_value((uint16_t)bits);
        float rounded = value;
        if ((bits >> 10 & 31) == 31) {
            CHECK((bits & 1023) ? isnan(value) : isinf(value));
        } else {
            CHECK((double)value == f16_by_definition(bits));
        }
        sim_round_f16(&rounded, 1);
        CHECK(sim_f16_bits(rounded) == bits || isnan(value));
        CHECK(isnan(sim_f16_value(sim_f16_bits(rounded))) == isnan(value));
    }
}

/* Between two neighbours: to the nearer one, from the middle to the one whose last bit is 0. */
static void test_between_neighbours(void) {
    for (unsigned bits = 0; bits < 0x7bff; bits++) {
        double low = f16_by_definition(bits);
        double high = f16_by_definition(bits + 1);
        float middle = (float)((low + high) / 2);
        float values[3] = {nextafterf(middle, 0), middle, nextafterf(middle, INFINITY)};
        sim_round_f16(values, 3);
        CHECK((double)values[0] == low);
        CHECK((double)values[1] == (bits % 2 ? high : low));
        CHECK((double)values[2] == high);
    }
}

static void test_edges(void) {
    float values[] = {65519.99f, 65520.0f, -65520.0f, -0.0f, INFINITY, NAN, 1e-8f, 0x1p-25f};
    sim_round_f16(values, 8);
    CHECK(values[0] == 65504.0f && isinf(values[1]) && values[2] == -INFINITY);
    CHECK(values[3] == 0.0f && signbit(values[3]));
    CHECK(isinf(values[4]) && isnan(values[5]) && values[6] == 0.0f && values[7] == 0.0f);
}

static void test_bf16(void) {
    float values[] = {1.0f, 1.0f + 0x1p-8f, 1.0f + 0x3p-8f, 3.4e38f, NAN, -1.0f - 0x1.01p-8f};
    sim_round_bf16(values, 6);
    CHECK(values[0] == 1.0f && values[1] == 1.0f && values[2] == 1.0f + 0x4p-8f);
    CHECK(isinf(values[3]) && isnan(values[4]) && values[5] == -1.0f - 0x2p-8f);
    CHECK(sim_bf16_value(sim_bf16_bits(values[5])) == values[5]);
}

int main(void) {
    test_every_f16_is_kept();
    test_between_neighbours();
    test_edges();
    test_bf16();
    return 0;
}
