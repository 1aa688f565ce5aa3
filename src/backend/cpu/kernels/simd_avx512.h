/* simd_avx512.h: the vector type and the tile sizes of the AVX-512 kernels: 32 registers of 16
 * floats. */
#ifndef CLEAVE_CPU_SIMD_AVX512_H
#define CLEAVE_CPU_SIMD_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "backend/cpu/kernels/gelu_avx512.h"
#include "backend/cpu/kernels/simd.h"

/* Features of the processor (processor.h) that these kernels are compiled for. */
#define AVX512_NEEDS "avx2 fma f16c avx512f avx512dq avx512vl avx512bw"

#define SIMD_LANES 16
/* 14 rows × 32 columns: 28 sums, 2 vectors of B; A is broadcast from memory by the multiply. */
#define GEMM_TILE_ROWS    14
#define GEMM_TILE_COLUMNS 2

typedef __m512 Vector;

static inline Vector simd_load(const float *from) {
    return _mm512_loadu_ps(from);
}

static inline void simd_store(float *to, Vector v) {
    _mm512_storeu_ps(to, v);
}

static inline Vector simd_set(float x) {
    return _mm512_set1_ps(x);
}

static inline Vector simd_add(Vector a, Vector b) {
    return _mm512_add_ps(a, b);
}

static inline Vector simd_subtract(Vector a, Vector b) {
    return _mm512_sub_ps(a, b);
}

static inline Vector simd_multiply(Vector a, Vector b) {
    return _mm512_mul_ps(a, b);
}

static inline Vector simd_divide(Vector a, Vector b) {
    return _mm512_div_ps(a, b);
}

/* a · b + c, rounded once. */
static inline Vector simd_fma(Vector a, Vector b, Vector c) {
    return _mm512_fmadd_ps(a, b, c);
}

/* c - a · b, rounded once. */
static inline Vector simd_fnma(Vector a, Vector b, Vector c) {
    return _mm512_fnmadd_ps(a, b, c);
}

/* A NaN in x is passed on: the second operand of min and max is what they return then. */
static inline Vector simd_clamp(Vector x, float low, float high) {
    return _mm512_min_ps(simd_set(high), _mm512_max_ps(simd_set(low), x));
}

/* A NaN in b is passed on. */
static inline Vector simd_max(Vector a, Vector b) {
    return _mm512_max_ps(a, b);
}

static inline Vector simd_round(Vector x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* 2^n for whole n in [-126, 127]. */
static inline Vector simd_power_of_two(Vector n) {
    __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
}

/* x · 2^n for whole n, given as n + 1.5 · 2^23, whose lowest bits are those of n. The result is
 * normal. */
static inline Vector simd_scale(Vector x, Vector n) {
    __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(n), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), exponent));
}

/* positive where x > 0, else other. */
static inline Vector simd_where_positive(Vector x, Vector positive, Vector other) {
    __mmask16 mask = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ);
    return _mm512_mask_blend_ps(mask, other, positive);
}

#define SIMD_GELU gelu_by_pieces

/* Element i of vector j becomes element j of vector i. */
static inline void simd_transpose(Vector v[SIMD_LANES]) {
    Vector pairs[SIMD_LANES];
    Vector fours[SIMD_LANES];
    UNROLL
    for (int i = 0; i < SIMD_LANES; i += 2) {
        pairs[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    /* Of vectors i … i + 3, column c of every quarter is in fours[i + c]. */
    UNROLL
    for (int i = 0; i < SIMD_LANES; i += 4) {
        fours[i] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
        fours[i + 1] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
        fours[i + 2] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
        fours[i + 3] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
    }
    UNROLL
    for (int c = 0; c < 4; c++) {
        Vector low = _mm512_shuffle_f32x4(fours[c], fours[c + 4], 0x44);
        Vector high = _mm512_shuffle_f32x4(fours[c], fours[c + 4], 0xee);
        Vector low_after = _mm512_shuffle_f32x4(fours[c + 8], fours[c + 12], 0x44);
        Vector high_after = _mm512_shuffle_f32x4(fours[c + 8], fours[c + 12], 0xee);
        v[c] = _mm512_shuffle_f32x4(low, low_after, 0x88);
        v[c + 4] = _mm512_shuffle_f32x4(low, low_after, 0xdd);
        v[c + 8] = _mm512_shuffle_f32x4(high, high_after, 0x88);
        v[c + 12] = _mm512_shuffle_f32x4(high, high_after, 0xdd);
    }
}

/* ---- Half precision ---- */

static inline Vector simd_load_f16(const uint16_t *from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)from));
}

static inline void simd_store_f16(uint16_t *to, Vector v) {
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

#ifdef __AVX512BF16__

#define SIMD_BF16_PRODUCTS

static inline void simd_store_bf16(uint16_t *to, Vector v) {
    _mm256_storeu_si256((__m256i *)(void *)to, (__m256i)_mm512_cvtneps_pbh(v));
}

/* Positions 2i and 2i + 1 of a lane become neighbours, which one instruction takes. */
static void narrow_vectors_to_bf16(void *to, const float *from, size_t positions) {
    uint16_t *elements = to;
    for (size_t i = 0; i < positions; i += 2) {
        const float *even = from + i * CHANNEL_BLOCK;
        __m256i first = (__m256i)_mm512_cvtneps_pbh(simd_load(even));
        __m256i second = (__m256i)_mm512_cvtneps_pbh(simd_load(even + CHANNEL_BLOCK));
        __m512i pairs = _mm512_or_si512(_mm512_cvtepu16_epi32(first),
                                        _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
        _mm512_storeu_si512(elements + i * CHANNEL_BLOCK, pairs);
    }
}

static inline __m512bh bf16_pairs(const uint16_t *from) {
    int both;
    memcpy(&both, from, sizeof(both));
    return (__m512bh)_mm512_set1_epi32(both);
}

/* Products of pairs: both are added to the sum, the second position's first. Subnormals count as
 * zero. */
ALWAYS_INLINE void bf16_block(Vector sums[][TILE_VECTORS], const uint16_t *a, size_t stride,
                              const uint16_t *const *b, int rows, int columns) {
#pragma GCC unroll 4
    for (size_t k = 0; k < CHANNEL_BLOCK; k += 2) {
        __m512bh right[TILE_VECTORS];
        UNROLL
        for (int v = 0; v < columns; v++)
            right[v] = (__m512bh)_mm512_loadu_si512(b[v] + k * CHANNEL_BLOCK);
        UNROLL
        for (int m = 0; m < rows; m++) {
            __m512bh left = bf16_pairs(a + (size_t)m * stride + k);
            UNROLL
            for (int v = 0; v < columns; v++)
                sums[m][v] = _mm512_dpbf16_ps(sums[m][v], left, right[v]);
        }
    }
}

#else

/* bf16 as the upper half of each lane, rounded; a NaN is made quiet. */
static inline __m512i simd_round_bf16(Vector v) {
    __m512i bits = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    return _mm512_mask_mov_epi32(rounded, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), quiet);
}

static inline void simd_store_bf16(uint16_t *to, Vector v) {
    __m512i upper = _mm512_srli_epi32(simd_round_bf16(v), 16);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtepi32_epi16(upper));
}

static inline Vector simd_load_bf16(const uint16_t *from) {
    __m256i elements = _mm256_loadu_si256((const __m256i *)(const void *)from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(elements), 16));
}

#endif

#endif
