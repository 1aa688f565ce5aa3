/* gelu_avx512.h: GELU by a table of polynomials, which AVX-512 looks up in a register. A rational
 * function without tables takes two thirds more time. */
#ifndef CLEAVE_CPU_GELU_AVX512_H
#define CLEAVE_CPU_GELU_AVX512_H

#include <immintrin.h>

#include "backend/cpu/kernels/simd.h"

#define GELU_DEGREE 4
/* Between the middles of two pieces: exact in binary. */
#define GELU_STEP 0.3828125f

/* erf(x / √2) near x = i · GELU_STEP is the polynomial of x - i · GELU_STEP whose coefficients
 * stand in column i, the constant first: a fit of the largest error (2.2e-7; iteratively reweighted
 * least squares in float64). The first piece is exactly 0 at 0, and the last one is 1: erf is, to
 * within 2.9e-8, from there on. */
static const float gelu_pieces[GELU_DEGREE + 1][16] = {
    {0.0f, 0.298141181f, 0.556100547f, 0.749211967f, 0.874292374f, 0.944387853f, 0.978374124f,
     0.992630899f, 0.997805059f, 0.999429584f, 0.999870896f, 0.999974549f, 0.999995649f,
     0.999999344f, 0.99999994f, 1.0f},
    {0.797882736f, 0.741506398f, 0.595185757f, 0.412617326f, 0.247057229f, 0.127761558f,
     0.0570626296f, 0.0220114272f, 0.00733303837f, 0.00210985774f, 0.00052426249f, 0.000112502705f,
     2.0849071e-05f, 3.33664593e-06f, 4.61128565e-07f, 0.0f},
    {9.30780297e-05f, -0.141924232f, -0.227838591f, -0.23692745f, -0.189151198f, -0.122272454f,
     -0.0655345619f, -0.0294935163f, -0.0112297656f, -0.00363507611f, -0.00100367574f,
     -0.000236937543f, -4.79057744e-05f, -8.3066243e-06f, -1.23646998e-06f, 0.0f},
    {-0.134454533f, -0.104870789f, -0.0410858206f, 0.0214343201f, 0.0548463613f, 0.0564462058f,
     0.0406446606f, 0.0227709804f, 0.0103385653f, 0.00388197973f, 0.00121972675f, 0.000323096843f,
     7.25218197e-05f, 1.38434352e-05f, 2.25332633e-06f, 0.0f},
    {0.00921307132f, 0.0334086753f, 0.0454630777f, 0.033042036f, 0.0104269627f, -0.00658391044f,
     -0.0123134386f, -0.0102473823f, -0.00598773826f, -0.00271128607f, -0.000989916036f,
     -0.000297463004f, -7.44676654e-05f, -1.56546448e-05f, -2.77870822e-06f, 0.0f}};

/* x Φ(x), where erf(x / √2) is 2 Φ(x) - 1. Its absolute error is below 3e-7 of |x| / 2. Adding 1.5
 * · 2^23 rounds to whole numbers. */
static inline __m512 gelu_by_pieces(__m512 x) {
    const __m512 whole = _mm512_set1_ps(12582912.0f);
    __m512 half = _mm512_mul_ps(x, _mm512_set1_ps(0.5f));
    __m512 size = _mm512_min_ps(_mm512_abs_ps(x), _mm512_set1_ps(15 * GELU_STEP));
    __m512 piece = _mm512_fmadd_ps(size, _mm512_set1_ps(1 / GELU_STEP), whole);
    __m512 middle = _mm512_sub_ps(piece, whole);
    __m512 r = _mm512_fnmadd_ps(middle, _mm512_set1_ps(GELU_STEP), size);
    __m512i index = _mm512_castps_si512(piece); /* in the lowest four bits */
    __m512 erf = _mm512_permutexvar_ps(index, _mm512_loadu_ps(gelu_pieces[GELU_DEGREE]));
    UNROLL
    for (int i = GELU_DEGREE - 1; i >= 0; i--)
        erf =
            _mm512_fmadd_ps(erf, r, _mm512_permutexvar_ps(index, _mm512_loadu_ps(gelu_pieces[i])));
    return _mm512_fmadd_ps(_mm512_abs_ps(half), erf, half);
}

#endif
