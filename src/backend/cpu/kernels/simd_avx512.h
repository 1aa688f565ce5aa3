/* simd_avx512.h: the vector type and the tile sizes of the AVX-512 kernels: 32 registers of 16
 * floats. */
#ifndef CLEAVE_CPU_SIMD_AVX512_H
#define CLEAVE_CPU_SIMD_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

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

/* A NaN in x is passed on: the second operand of min and max is what they return then. */
static inline Vector simd_clamp(Vector x, float low, float high) {
    return _mm512_min_ps(simd_set(high), _mm512_max_ps(simd_set(low), x));
}

static inline Vector simd_round(Vector x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* 2^n for whole n in [-126, 127]. */
static inline Vector simd_power_of_two(Vector n) {
    __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
}

/* positive where x > 0, else other. */
static inline Vector simd_where_positive(Vector x, Vector positive, Vector other) {
    __mmask16 mask = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ);
    return _mm512_mask_blend_ps(mask, other, positive);
}

/* ---- Half precision ---- */

static inline Vector simd_load_f16(const uint16_t *from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)from));
}

static inline void simd_store_f16(uint16_t *to, Vector v) {
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

/* Pairs of bf16, one per lane; the lower half comes first. */
typedef __m512i Pairs;

static inline Pairs pairs_load(const uint16_t *from) {
    return _mm512_loadu_si512(from);
}

static inline void pairs_store(uint16_t *to, Pairs pairs) {
    _mm512_storeu_si512(to, pairs);
}

static inline Pairs pairs_set(const uint16_t *from) {
    int both;
    memcpy(&both, from, sizeof(both));
    return _mm512_set1_epi32(both);
}

#ifdef __AVX512BF16__

/* 14 rows × 32 columns, as in f32: one instruction takes both products. */
#define GEMM_PAIR_ROWS GEMM_TILE_ROWS

static inline void simd_store_bf16(uint16_t *to, Vector v) {
    _mm256_storeu_si256((__m256i *)(void *)to, (__m256i)_mm512_cvtneps_pbh(v));
}

static inline Pairs pairs_round(Vector first, Vector second) {
    __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(first));
    __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(second));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

/* c + both products; subnormals count as zero. */
static inline Vector pairs_fma(Pairs a, Pairs b, Vector c) {
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
}

#else

/* 12 rows × 32 columns: 24 sums, 2 vectors of B and 1 group of A, both taken apart. */
#define GEMM_PAIR_ROWS 12

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

static inline Pairs pairs_round(Vector first, Vector second) {
    __m512i upper = _mm512_and_si512(simd_round_bf16(second), _mm512_set1_epi32(-65536));
    return _mm512_or_si512(_mm512_srli_epi32(simd_round_bf16(first), 16), upper);
}

static inline Vector pairs_first(Pairs pairs) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
}

static inline Vector pairs_second(Pairs pairs) {
    return _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(-65536)));
}

/* c + both products, one after the other. */
static inline Vector pairs_fma(Pairs a, Pairs b, Vector c) {
    c = simd_fma(pairs_first(a), pairs_first(b), c);
    return simd_fma(pairs_second(a), pairs_second(b), c);
}

#endif

#endif
