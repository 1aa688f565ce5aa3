/* half.h: f32 to and from IEEE 754's binary16 and bfloat16. Rounding is to nearest, ties to even;
 * NaN stays NaN, what is too large becomes infinity, and subnormals count in full. */
#ifndef CLEAVE_BASE_HALF_H
#define CLEAVE_BASE_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline float float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* ---- binary16 ---- */

/* 10 bits of fraction and exponents from -14 to 15; below, steps of 2^-24. */
static inline uint16_t half_from_float_plain(float value) {
    uint16_t sign = (uint16_t)(float_bits(value) >> 16 & 0x8000);
    float magnitude = fabsf(value);
    if (value != value)
        return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 65520.0f) /* halfway to 2^16, and up */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude == 0)
        return sign;
    int exponent = 0;
    frexpf(magnitude, &exponent);
    if (exponent < -13)
        exponent = -13;
    float step = ldexpf(1, exponent - 11);
    float steps = rintf(magnitude / step);
    uint32_t base = (uint32_t)(exponent + 13) << 10;
    return (uint16_t)(sign | (base + (uint32_t)steps));
}

/* By the processor, if the compiler knows the type. */
static inline uint16_t half_from_float(float value) {
#ifdef __FLT16_MAX__
    _Float16 half = (_Float16)value;
    uint16_t bits;
    memcpy(&bits, &half, sizeof(bits));
    return bits;
#else
    return half_from_float_plain(value);
#endif
}

/* The exponent and fraction of a half, moved into a float's place, are short of 2^112 in scale. One
 * exact multiplication makes up for that, and makes subnormals normal. */
static inline float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t rest = (uint32_t)(half & 0x7fffu) << 13;
    if ((half & 0x7c00u) == 0x7c00u)
        return float_from_bits(sign | rest | 0x7f800000u);
    return float_from_bits(sign | float_bits(float_from_bits(rest) * 0x1p112f));
}

/* ---- bfloat16: the upper half of an f32 ---- */

static inline uint16_t bf16_from_float(float value) {
    uint32_t bits = float_bits(value);
    if (value != value)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float bf16_to_float(uint16_t value) {
    return float_from_bits((uint32_t)value << 16);
}

#endif
