/* simd_neon.h: the vector type and the tile sizes of the NEON kernels: 32 registers of 4 floats. */
#ifndef CLEAVE_CPU_SIMD_NEON_H
#define CLEAVE_CPU_SIMD_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#include "backend/cpu/kernels/simd.h"

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

/* c - a · b, rounded once. */
static inline Vector simd_fnma(Vector a, Vector b, Vector c) {
    return vfmsq_f32(c, a, b);
}

/* A NaN in x is passed on: these min and max (unlike vminnmq and vmaxnmq) return it from either
 * operand. */
static inline Vector simd_clamp(Vector x, float low, float high) {
    return vminq_f32(simd_set(high), vmaxq_f32(simd_set(low), x));
}

/* A NaN in b is passed on. */
static inline Vector simd_max(Vector a, Vector b) {
    return vmaxq_f32(a, b);
}

static inline Vector simd_round(Vector x) {
    return vrndnq_f32(x);
}

/* 2^n for whole n in [-126, 127]. */
static inline Vector simd_power_of_two(Vector n) {
    int32x4_t exponent = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
    return vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
}

/* x · 2^n for whole n, given as n + 1.5 · 2^23, whose lowest bits are those of n. The result is
 * normal. */
static inline Vector simd_scale(Vector x, Vector n) {
    int32x4_t exponent = vshlq_n_s32(vreinterpretq_s32_f32(n), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), exponent));
}

/* positive where x > 0, else other. */
static inline Vector simd_where_positive(Vector x, Vector positive, Vector other) {
    return vbslq_f32(vcgtzq_f32(x), positive, other);
}

/* Element i of vector j becomes element j of vector i. */
static inline void simd_transpose(Vector v[SIMD_LANES]) {
    float32x4x2_t upper = vtrnq_f32(v[0], v[1]);
    float32x4x2_t lower = vtrnq_f32(v[2], v[3]);
    for (int i = 0; i < 2; i++) {
        v[i] = vcombine_f32(vget_low_f32(upper.val[i]), vget_low_f32(lower.val[i]));
        v[i + 2] = vcombine_f32(vget_high_f32(upper.val[i]), vget_high_f32(lower.val[i]));
    }
}

/* ---- Half precision ---- */

static inline Vector simd_load_f16(const uint16_t *from) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
}

static inline void simd_store_f16(uint16_t *to, Vector v) {
    vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(v)));
}

#ifdef __ARM_FEATURE_FP16_FML

#define SIMD_F16_PRODUCTS

/* The products of f16 are of FEAT_FHM: FMLAL and FMLAL2 multiply the lower and the upper half of a
 * vector by one element, which is exact, and add that to sums of f32, which rounds once. Four
 * positions of A are loaded at once. */
ALWAYS_INLINE void f16_block(Vector sums[][TILE_VECTORS], const uint16_t *a, size_t stride,
                             const uint16_t *const *b, int rows, int columns) {
    (void)columns; /* 1 */
    for (size_t k = 0; k < CHANNEL_BLOCK; k += 4) {
        float16x4_t left[GEMM_TILE_ROWS];
        UNROLL
        for (int m = 0; m < rows; m++)
            left[m] = vreinterpret_f16_u16(vld1_u16(a + (size_t)m * stride + k));
#define POSITION(i)                                                             \
    do {                                                                        \
        const uint16_t *at = b[0] + (k + (i)) * CHANNEL_BLOCK;                  \
        float16x8_t first = vreinterpretq_f16_u16(vld1q_u16(at));               \
        float16x8_t second = vreinterpretq_f16_u16(vld1q_u16(at + 8));          \
        UNROLL                                                                  \
        for (int m = 0; m < rows; m++) {                                        \
            sums[m][0] = vfmlalq_lane_low_f16(sums[m][0], first, left[m], i);   \
            sums[m][1] = vfmlalq_lane_high_f16(sums[m][1], first, left[m], i);  \
            sums[m][2] = vfmlalq_lane_low_f16(sums[m][2], second, left[m], i);  \
            sums[m][3] = vfmlalq_lane_high_f16(sums[m][3], second, left[m], i); \
        }                                                                       \
    } while (false)
        POSITION(0);
        POSITION(1);
        POSITION(2);
        POSITION(3);
#undef POSITION
    }
}

#endif

#ifdef __ARM_FEATURE_BF16_VECTOR_ARITHMETIC

#define SIMD_BF16_PRODUCTS

static inline void simd_store_bf16(uint16_t *to, Vector v) {
    vst1_u16(to, vreinterpret_u16_bf16(vcvt_bf16_f32(v)));
}

/* Four positions of a lane become neighbours, and lanes follow each other. */
static void narrow_vectors_to_bf16(void *to, const float *from, size_t positions) {
    uint16_t *elements = to;
    for (size_t i = 0; i < positions; i += 4)
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES) {
            uint16x4x4_t group;
            for (size_t k = 0; k < 4; k++) {
                Vector v = simd_load(from + (i + k) * CHANNEL_BLOCK + lane);
                group.val[k] = vreinterpret_u16_bf16(vcvt_bf16_f32(v));
            }
            vst4_u16(elements + i * CHANNEL_BLOCK + 4 * lane, group);
        }
}

/* Four positions of two rows of A. */
ALWAYS_INLINE bfloat16x8_t bf16_rows(const uint16_t *first, const uint16_t *second) {
    return vreinterpretq_bf16_u16(vcombine_u16(vld1_u16(first), vld1_u16(second)));
}

/* The products of bf16 are BFMMLA's: two rows of A times two lanes of B, four positions of each; it
 * takes twice the products of BFDOT. A vector of sums so holds two rows of two lanes: lanes 4v and
 * 4v + 1 of rows m and m + 1 are in sums[m][v], the two lanes after them in sums[m + 1][v]. The
 * last of an odd number of rows is its own neighbour.
 *
 * The products of two positions are added to each other, and then to the sum, and both times
 * rounded to odd: the last bit of what is not exact is set. So there are as many roundings as
 * positions, with twice the error of rounding to nearest, half of them in sums of two.
 * Subnormals count as zero. (FPCR.EBF, which changes all this, is 0 unless a program sets it.) */
ALWAYS_INLINE void bf16_block(Vector sums[][TILE_VECTORS], const uint16_t *a, size_t stride,
                              const uint16_t *const *b, int rows, int columns) {
    (void)columns; /* 1 */
    UNROLL
    for (size_t k = 0; k < CHANNEL_BLOCK; k += 4) {
        bfloat16x8_t left[GEMM_TILE_ROWS / 2];
        UNROLL
        for (int m = 0; m < rows; m += 2) {
            const uint16_t *row = a + (size_t)m * stride + k;
            left[m / 2] = bf16_rows(row, m + 1 < rows ? row + stride : row);
        }
        UNROLL
        for (int pair = 0; pair < CHANNEL_BLOCK / 2; pair++) {
            const uint16_t *lanes = b[0] + k * CHANNEL_BLOCK + 8 * pair;
            bfloat16x8_t right = vreinterpretq_bf16_u16(vld1q_u16(lanes));
            UNROLL
            for (int m = 0; m < rows; m += 2) {
                Vector *sum = &sums[m + pair % 2][pair / 2];
                *sum = vbfmmlaq_f32(*sum, left[m / 2], right);
            }
        }
    }
}

#define SIMD_BF16_FINISH bf16_finish

/* Gives every row its own sums. */
ALWAYS_INLINE void bf16_finish(Vector sums[][TILE_VECTORS], int rows) {
    UNROLL
    for (int m = 0; m < rows; m += 2) {
        UNROLL
        for (int v = 0; v < TILE_VECTORS; v++) {
            float64x2_t low = vreinterpretq_f64_f32(sums[m][v]);
            float64x2_t high = vreinterpretq_f64_f32(sums[m + 1][v]);
            sums[m][v] = vreinterpretq_f32_f64(vzip1q_f64(low, high));
            sums[m + 1][v] = vreinterpretq_f32_f64(vzip2q_f64(low, high));
        }
    }
}

#else

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

#endif
