/* simd_avx2.h: the vector type and the tile sizes of the AVX2 kernels: 16 registers of 8 floats. */
#ifndef CLEAVE_CPU_SIMD_AVX2_H
#define CLEAVE_CPU_SIMD_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#include "backend/cpu/kernels/simd.h"

/* Features of the processor (processor.h) that these kernels are compiled for. */
#define AVX2_NEEDS "avx2 fma f16c"

#define SIMD_LANES 8
/* 6 rows × 16 columns: 12 sums, 2 vectors of B, 1 broadcast of A. */
#define GEMM_TILE_ROWS    6
#define GEMM_TILE_COLUMNS 1

typedef __m256 Vector;

static inline Vector simd_load(const float *from) {
    return _mm256_loadu_ps(from);
}

static inline void simd_store(float *to, Vector v) {
    _mm256_storeu_ps(to, v);
}

static inline Vector simd_set(float x) {
    return _mm256_set1_ps(x);
}

static inline Vector simd_add(Vector a, Vector b) {
    return _mm256_add_ps(a, b);
}

static inline Vector simd_subtract(Vector a, Vector b) {
    return _mm256_sub_ps(a, b);
}

static inline Vector simd_multiply(Vector a, Vector b) {
    return _mm256_mul_ps(a, b);
}

static inline Vector simd_divide(Vector a, Vector b) {
    return _mm256_div_ps(a, b);
}

/* a · b + c, rounded once. */
static inline Vector simd_fma(Vector a, Vector b, Vector c) {
    return _mm256_fmadd_ps(a, b, c);
}

/* c - a · b, rounded once. */
static inline Vector simd_fnma(Vector a, Vector b, Vector c) {
    return _mm256_fnmadd_ps(a, b, c);
}

/* A NaN in x is passed on: the second operand of min and max is what they return then. */
static inline Vector simd_clamp(Vector x, float low, float high) {
    return _mm256_min_ps(simd_set(high), _mm256_max_ps(simd_set(low), x));
}

/* A NaN in b is passed on. */
static inline Vector simd_max(Vector a, Vector b) {
    return _mm256_max_ps(a, b);
}

static inline Vector simd_round(Vector x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* 2^n for whole n in [-126, 127]. */
static inline Vector simd_power_of_two(Vector n) {
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

/* x · 2^n for whole n, given as n + 1.5 · 2^23, whose lowest bits are those of n. The result is
 * normal. */
static inline Vector simd_scale(Vector x, Vector n) {
    __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), exponent));
}

/* positive where x > 0, else other. */
static inline Vector simd_where_positive(Vector x, Vector positive, Vector other) {
    return _mm256_blendv_ps(other, positive, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ));
}

/* Element i of vector j becomes element j of vector i. */
static inline void simd_transpose(Vector v[SIMD_LANES]) {
    Vector pairs[SIMD_LANES];
    Vector fours[SIMD_LANES];
    UNROLL
    for (int i = 0; i < SIMD_LANES; i += 2) {
        pairs[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    UNROLL
    for (int i = 0; i < SIMD_LANES; i += 4) {
        fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
        fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
        fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
        fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
    }
}

/* ---- Half precision ---- */

static inline Vector simd_load_f16(const uint16_t *from) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)from));
}

static inline void simd_store_f16(uint16_t *to, Vector v) {
    _mm_storeu_si128((__m128i *)(void *)to, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

/* bf16 as the upper half of each lane, rounded; a NaN is made quiet. */
static inline __m256i simd_round_bf16(Vector v) {
    __m256i bits = _mm256_castps_si256(v);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    __m256 unordered = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
    return _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(unordered));
}

static inline void simd_store_bf16(uint16_t *to, Vector v) {
    __m256i upper = _mm256_srli_epi32(simd_round_bf16(v), 16);
    __m128i packed =
        _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
    _mm_storeu_si128((__m128i *)(void *)to, packed);
}

static inline Vector simd_load_bf16(const uint16_t *from) {
    __m128i elements = _mm_loadu_si128((const __m128i *)(const void *)from);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(elements), 16));
}

#endif
