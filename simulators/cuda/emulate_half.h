/* emulate_half.h: f16 in the bits of integers, rounded to nearest even. */
#ifndef CUDASIM_EMULATE_HALF_H
#define CUDASIM_EMULATE_HALF_H

#include <stdint.h>
#include <string.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

static inline uint32_t emu_bits_of(float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline float emu_value_of(uint32_t bits) {
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* By arithmetic on bits. A number below 2^-14 has steps of 2^-24, which are also those of f32
 * between 0.5 and 1: adding 0.5 rounds to them. */
static inline uint16_t emu_half_bits_portable(float value) {
    uint32_t bits = emu_bits_of(value);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t size = bits & 0x7fffffff;
    uint32_t half = 0;
    if (size > 0x7f800000) /* NaN: quiet */
        half = 0x7e00 | (size >> 13 & 0x3ff);
    else if (size >= 0x477ff000) /* 65520 */
        half = 0x7c00;
    else if (size >= 0x38800000) /* 2^-14 */
        half = (size + 0xfff + (size >> 13 & 1) - 0x38000000) >> 13;
    else
        half = emu_bits_of(emu_value_of(size) + 0.5f) - 0x3f000000;
    return (uint16_t)(sign | half);
}

static inline float emu_half_value_portable(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 31;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 31)
        return emu_value_of(sign | 0x7f800000 | (fraction ? 0x400000 | fraction << 13 : 0));
    if (exponent == 0) {
        float size = (float)fraction * 0x1p-24f;
        return sign ? -size : size;
    }
    return emu_value_of(sign | (exponent + 112) << 23 | fraction << 13);
}

#ifdef __F16C__
static inline uint16_t emu_half_bits(float value) {
    return _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT);
}

static inline float emu_half_value(uint16_t half) {
    return _cvtsh_ss(half);
}
#else
static inline uint16_t emu_half_bits(float value) {
    return emu_half_bits_portable(value);
}

static inline float emu_half_value(uint16_t half) {
    return emu_half_value_portable(half);
}
#endif

#endif
