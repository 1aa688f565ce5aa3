/* simd_neon.h: the vector type and the tile sizes of the NEON kernels: 32 registers of 4 floats. */
#ifndef CLEAVE_CPU_SIMD_NEON_H
#define CLEAVE_CPU_SIMD_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#define SIMD_LANES 4
/* 6 rows × 16 columns: 24 sums, 4 vectors of B, and one element of A, which the multiply takes by
 * its lane. */
#define GEMM_TILE_ROWS    6
#define GEMM_TILE_COLUMNS 1

typedef float32x4_t Vector;

static inline Vector simd_load(const float *from) {
    return vld1q_f32(from);
}

static inline void simd_store(float *to, Vector v) {
    vst1q_f32(to, v);
}

static inline Vector simd_set(float x) {
    return vdupq_n_f32(x);
}

static inline Vector simd_add(Vector a, Vector b) {
    return vaddq_f32(a, b);
}

static inline Vector simd_subtract(Vector a, Vector b) {
    return vsubq_f32(a, b);
}

static inline Vector simd_multiply(Vector a, Vector b) {
    return vmulq_f32(a, b);
}

static inline Vector simd_divide(Vector a, Vector b) {
    return vdivq_f32(a, b);
}

/* a · b + c, rounded once. */
static inline Vector simd_fma(Vector a, Vector b, Vector c) {
    return vfmaq_f32(c, a, b);
}

/* A NaN in x is passed on: these min and max (unlike vminnmq and vmaxnmq) return it from either
 * operand. */
static inline Vector simd_clamp(Vector x, float low, float high) {
    return vminq_f32(simd_set(high), vmaxq_f32(simd_set(low), x));
}

static inline Vector simd_round(Vector x) {
    return vrndnq_f32(x);
}

/* 2^n for whole n in [-126, 127]. */
static inline Vector simd_power_of_two(Vector n) {
    int32x4_t exponent = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
}

/* positive where x > 0, else other. */
static inline Vector simd_where_positive(Vector x, Vector positive, Vector other) {
    return vbslq_f32(vcgtzq_f32(x), positive, other);
}

/* ---- Half precision ---- */

static inline Vector simd_load_f16(const uint16_t *from) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
}

static inline void simd_store_f16(uint16_t *to, Vector v) {
    vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(v)));
}

/* bf16 as the upper half of each lane, rounded; a NaN is made quiet. */
static inline uint32x4_t simd_round_bf16(Vector v) {
    uint32x4_t bits = vreinterpretq_u32_f32(v);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vbslq_u32(vceqq_f32(v, v), rounded, quiet);
}

static inline void simd_store_bf16(uint16_t *to, Vector v) {
    vst1_u16(to, vshrn_n_u32(simd_round_bf16(v), 16));
}

static inline Vector simd_load_bf16(const uint16_t *from) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(from), 16));
}

#endif
