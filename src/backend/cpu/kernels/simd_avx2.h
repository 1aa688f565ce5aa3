/* simd_avx2.h: the vector type and the tile sizes of the AVX2 kernels: 16 registers of 8 floats. */
#ifndef CLEAVE_CPU_SIMD_AVX2_H
#define CLEAVE_CPU_SIMD_AVX2_H

#include <immintrin.h>

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

/* A NaN in x is passed on: the second operand of min and max is what they return then. */
static inline Vector simd_clamp(Vector x, float low, float high) {
    return _mm256_min_ps(simd_set(high), _mm256_max_ps(simd_set(low), x));
}

static inline Vector simd_round(Vector x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* 2^n for whole n in [-126, 127]. */
static inline Vector simd_power_of_two(Vector n) {
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

/* positive where x > 0, else other. */
static inline Vector simd_where_positive(Vector x, Vector positive, Vector other) {
    return _mm256_blendv_ps(other, positive, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ));
}

#endif
