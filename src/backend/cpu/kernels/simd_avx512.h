/* simd_avx512.h: the vector type and the tile sizes of the AVX-512 kernels: 32 registers of 16
 * floats. */
#ifndef CLEAVE_CPU_SIMD_AVX512_H
#define CLEAVE_CPU_SIMD_AVX512_H

#include <immintrin.h>

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

#endif
