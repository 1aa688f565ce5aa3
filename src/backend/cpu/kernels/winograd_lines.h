/* winograd_lines.h: the one-dimensional transforms of Winograd's F(4×4, 3×3) and F(6×6, 3×3) over
 * the vector type of simd_ISA.h; what they compute is in kernels.h. The matrices are those of Toom
 * and Cook (Blahut, Fast Algorithms for Signal Processing, 2010, ch. 5). With points in pairs ±p,
 * each pair shares its even and odd part. */
#ifndef CLEAVE_CPU_WINOGRAD_LINES_H
#define CLEAVE_CPU_WINOGRAD_LINES_H

/* ---- F(4, 3) ---- */

#define SQRT_HALF 0.70710678118654752f
#define SQRT_TWO  1.41421356237309505f

/* to = Bᵀ d: the window's polynomial without one root each of x (x² - ½) (x² - 2). */
ALWAYS_INLINE void winograd4_input_line(Vector to[6], const Vector d[6]) {
    Vector even = simd_fma(d[2], simd_set(-2.0f), d[4]);
    Vector odd = simd_fma(d[1], simd_set(-2.0f), d[3]);
    Vector wide_even = simd_fma(d[2], simd_set(-0.5f), d[4]);
    Vector wide_odd = simd_fma(d[1], simd_set(-0.5f), d[3]);
    to[0] = simd_add(simd_fma(d[2], simd_set(-2.5f), d[4]), d[0]);
    to[1] = simd_fma(odd, simd_set(SQRT_HALF), even);
    to[2] = simd_fma(odd, simd_set(-SQRT_HALF), even);
    to[3] = simd_fma(wide_odd, simd_set(SQRT_TWO), wide_even);
    to[4] = simd_fma(wide_odd, simd_set(-SQRT_TWO), wide_even);
    to[5] = simd_add(simd_fma(d[3], simd_set(-2.5f), d[5]), d[1]);
}

/* to = G g: the filter's polynomial at each point, over the derivative of x (x² - ½) (x² - 2). */
ALWAYS_INLINE void winograd4_weights_line(Vector to[6], const Vector g[3]) {
    Vector even = simd_fma(g[2], simd_set(0.5f), g[0]);
    Vector wide_even = simd_fma(g[2], simd_set(2.0f), g[0]);
    Vector odd = simd_multiply(g[1], simd_set(SQRT_HALF));
    Vector wide_odd = simd_multiply(g[1], simd_set(SQRT_TWO));
    to[0] = g[0];
    to[1] = simd_multiply(simd_add(even, odd), simd_set(-2.0f / 3));
    to[2] = simd_multiply(simd_subtract(even, odd), simd_set(-2.0f / 3));
    to[3] = simd_multiply(simd_add(wide_even, wide_odd), simd_set(1.0f / 6));
    to[4] = simd_multiply(simd_subtract(wide_even, wide_odd), simd_set(1.0f / 6));
    to[5] = g[2];
}

/* to = Aᵀ m: the coefficients of the product's polynomial. */
ALWAYS_INLINE void winograd4_output_line(Vector to[4], const Vector m[6]) {
    Vector even = simd_add(m[1], m[2]);
    Vector odd = simd_multiply(simd_subtract(m[1], m[2]), simd_set(SQRT_HALF));
    Vector wide_even = simd_add(m[3], m[4]);
    Vector wide_odd = simd_multiply(simd_subtract(m[3], m[4]), simd_set(SQRT_TWO));
    to[0] = simd_add(m[0], simd_add(even, wide_even));
    to[1] = simd_add(odd, wide_odd);
    to[2] = simd_fma(wide_even, simd_set(2.0f), simd_multiply(even, simd_set(0.5f)));
    to[3] = simd_add(simd_fma(wide_odd, simd_set(2.0f), simd_multiply(odd, simd_set(0.5f))), m[5]);
}

/* ---- F(6, 3) ---- */

/* to = Bᵀ d: the window's polynomial without one root each of -x (x² - ¼) (x² - 1) (x² - 4). */
ALWAYS_INLINE void winograd6_input_line(Vector to[8], const Vector d[8]) {
    Vector half_even = simd_fma(d[4], simd_set(-5.0f), simd_fma(d[2], simd_set(4.0f), d[6]));
    Vector half_odd = simd_fma(d[3], simd_set(-5.0f), simd_fma(d[1], simd_set(4.0f), d[5]));
    Vector even = simd_fma(d[4], simd_set(-4.25f), simd_add(d[2], d[6]));
    Vector odd = simd_fma(d[3], simd_set(-4.25f), simd_add(d[1], d[5]));
    Vector wide_even = simd_fma(d[4], simd_set(-1.25f), simd_fma(d[2], simd_set(0.25f), d[6]));
    Vector wide_odd = simd_fma(d[3], simd_set(-1.25f), simd_fma(d[1], simd_set(0.25f), d[5]));
    to[0] = simd_fma(simd_subtract(d[4], d[2]), simd_set(5.25f), simd_subtract(d[0], d[6]));
    to[1] = simd_fma(half_odd, simd_set(0.5f), half_even);
    to[2] = simd_fma(half_odd, simd_set(-0.5f), half_even);
    to[3] = simd_add(even, odd);
    to[4] = simd_subtract(even, odd);
    to[5] = simd_fma(wide_odd, simd_set(2.0f), wide_even);
    to[6] = simd_fma(wide_odd, simd_set(-2.0f), wide_even);
    to[7] = simd_fma(simd_subtract(d[3], d[5]), simd_set(5.25f), simd_subtract(d[7], d[1]));
}

/* to = G g: the filter's polynomial at each point, over the derivative of x (x² - ¼) (x² - 1) (x² -
 * 4). */
ALWAYS_INLINE void winograd6_weights_line(Vector to[8], const Vector g[3]) {
    Vector half_even = simd_fma(g[2], simd_set(0.25f), g[0]);
    Vector even = simd_add(g[0], g[2]);
    Vector wide_even = simd_fma(g[2], simd_set(4.0f), g[0]);
    Vector half_odd = simd_multiply(g[1], simd_set(0.5f));
    Vector wide_odd = simd_multiply(g[1], simd_set(2.0f));
    to[0] = g[0];
    to[1] = simd_multiply(simd_add(half_even, half_odd), simd_set(32.0f / 45));
    to[2] = simd_multiply(simd_subtract(half_even, half_odd), simd_set(32.0f / 45));
    to[3] = simd_multiply(simd_add(even, g[1]), simd_set(-2.0f / 9));
    to[4] = simd_multiply(simd_subtract(even, g[1]), simd_set(-2.0f / 9));
    to[5] = simd_multiply(simd_add(wide_even, wide_odd), simd_set(1.0f / 90));
    to[6] = simd_multiply(simd_subtract(wide_even, wide_odd), simd_set(1.0f / 90));
    to[7] = g[2];
}

/* to = Aᵀ m: the coefficients of the product's polynomial. */
ALWAYS_INLINE void winograd6_output_line(Vector to[6], const Vector m[8]) {
    Vector half_even = simd_add(m[1], m[2]);
    Vector half_odd = simd_subtract(m[1], m[2]);
    Vector even = simd_add(m[3], m[4]);
    Vector odd = simd_subtract(m[3], m[4]);
    Vector wide_even = simd_add(m[5], m[6]);
    Vector wide_odd = simd_subtract(m[5], m[6]);
    to[0] = simd_add(simd_add(m[0], half_even), simd_add(even, wide_even));
    to[1] = simd_fma(half_odd, simd_set(0.5f), simd_fma(wide_odd, simd_set(2.0f), odd));
    to[2] = simd_fma(half_even, simd_set(0.25f), simd_fma(wide_even, simd_set(4.0f), even));
    to[3] = simd_fma(half_odd, simd_set(0.125f), simd_fma(wide_odd, simd_set(8.0f), odd));
    to[4] = simd_fma(half_even, simd_set(0.0625f), simd_fma(wide_even, simd_set(16.0f), even));
    to[5] = simd_fma(half_odd, simd_set(0.03125f),
                     simd_fma(wide_odd, simd_set(32.0f), simd_add(odd, m[7])));
}

#endif
