/* half.h: from f32 to IEEE 754's binary16, rounded to nearest, ties to even. NaN stays NaN, what is
 * too large becomes infinity, and subnormals count in full. */
#ifndef CLEAVE_BASE_HALF_H
#define CLEAVE_BASE_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* 10 bits of fraction and exponents from -14 to 15; below, steps of 2^-24. */
static inline uint16_t half_from_float_plain(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
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

/* By the processor, where the compiler knows the type. */
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

#endif
