/* half.c: rounding to f16 and bf16, by the bits of f32. */
#include "half.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float value_of(uint32_t bits) {
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* f32 has 13 bits of mantissa more. Below 2^-14 steps are 2^-24, which are also those of f32
 * between 0.5 and 1: adding 0.5 rounds to them. */
static float round_f16(float value) {
    uint32_t bits = bits_of(value);
    uint32_t sign = bits & 0x80000000u;
    uint32_t size = bits & 0x7fffffffu;
    uint32_t normal = (size + 0x0fffu + ((size >> 13) & 1u)) & ~0x1fffu;
    uint32_t small = bits_of(value_of(size) + 0.5f - 0.5f);
    uint32_t rounded = size < 0x38800000u ? small : normal;
    rounded = rounded > 0x477fe000u ? 0x7f800000u : rounded; /* 65504 */
    rounded = size > 0x7f800000u ? size | 0x00400000u : rounded;
    return value_of(sign | rounded);
}

void sim_round_f16(float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = round_f16(values[i]);
}

void sim_round_bf16(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = bits_of(values[i]);
        uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
        values[i] = value_of(values[i] != values[i] ? (bits | 0x00400000u) & 0xffff0000u : rounded);
    }
}

float sim_f16_value(uint16_t bits) {
    uint32_t exponent = (bits >> 10) & 31u;
    uint32_t mantissa = bits & 1023u;
    float sign = bits >> 15 ? -1.0f : 1.0f;
    if (exponent == 31)
        return value_of((uint32_t)(bits >> 15) << 31 | 0x7f800000u | mantissa << 13);
    if (exponent == 0)
        return sign * ldexpf((float)mantissa, -24);
    return value_of((uint32_t)(bits >> 15) << 31 | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t sim_f16_bits(float value) {
    uint32_t bits = bits_of(value);
    uint32_t sign = bits >> 31 << 15;
    uint32_t size = bits & 0x7fffffffu;
    if (size >= 0x7f800000u)
        return (uint16_t)(sign | 0x7c00u | ((size & 0x007fffffu) >> 13));
    if (size < 0x38800000u)
        return (uint16_t)(sign | (uint32_t)ldexpf(value_of(size), 24));
    return (uint16_t)(sign | ((size >> 23) - 112) << 10 | ((size >> 13) & 1023u));
}

float sim_bf16_value(uint16_t bits) {
    return value_of((uint32_t)bits << 16);
}

uint16_t sim_bf16_bits(float value) {
    return (uint16_t)(bits_of(value) >> 16);
}
