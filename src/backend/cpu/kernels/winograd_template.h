/* winograd_template.h: the transforms of Winograd's F(4×4, 3×3) over the vector type of simd_ISA.h;
 * what they compute is in kernels.h. With points in pairs ±p, each pair shares its even and odd
 * part. */
#ifndef CLEAVE_CPU_SIMD_WINOGRAD_H
#define CLEAVE_CPU_SIMD_WINOGRAD_H

#define SQRT_HALF 0.70710678118654752f
#define SQRT_TWO  1.41421356237309505f

/* to = Bᵀ d: the window's polynomial without one root each of x (x² - ½) (x² - 2). */
ALWAYS_INLINE void winograd_input_line(Vector to[WINOGRAD_WINDOW],
                                       const Vector d[WINOGRAD_WINDOW]) {
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
ALWAYS_INLINE void winograd_weights_line(Vector to[WINOGRAD_WINDOW], const Vector g[3]) {
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
ALWAYS_INLINE void winograd_output_line(Vector to[WINOGRAD_TILE], const Vector m[WINOGRAD_WINDOW]) {
    Vector even = simd_add(m[1], m[2]);
    Vector odd = simd_multiply(simd_subtract(m[1], m[2]), simd_set(SQRT_HALF));
    Vector wide_even = simd_add(m[3], m[4]);
    Vector wide_odd = simd_multiply(simd_subtract(m[3], m[4]), simd_set(SQRT_TWO));
    to[0] = simd_add(m[0], simd_add(even, wide_even));
    to[1] = simd_add(odd, wide_odd);
    to[2] = simd_fma(wide_even, simd_set(2.0f), simd_multiply(even, simd_set(0.5f)));
    to[3] = simd_add(simd_fma(wide_odd, simd_set(2.0f), simd_multiply(odd, simd_set(0.5f))), m[5]);
}

/* One vector of lanes of a row of tiles. Tiles overlap by two columns, which are kept. */
ALWAYS_INLINE void winograd_input_lanes(void *to, size_t at, size_t to_stride, const float *from,
                                        size_t from_stride, size_t tiles, ElementStore *store) {
    enum { OVERLAP = WINOGRAD_WINDOW - WINOGRAD_TILE };
    Vector columns[WINOGRAD_WINDOW][WINOGRAD_WINDOW]; /* [column][row] */
    for (size_t tile = 0; tile < tiles; tile++) {
        UNROLL
        for (int x = 0; x < WINOGRAD_WINDOW; x++) {
            if (tile > 0 && x < OVERLAP) {
                UNROLL
                for (int y = 0; y < WINOGRAD_WINDOW; y++)
                    columns[x][y] = columns[x + WINOGRAD_TILE][y];
                continue;
            }
            Vector window[WINOGRAD_WINDOW];
            UNROLL
            for (int y = 0; y < WINOGRAD_WINDOW; y++)
                window[y] = simd_load(from + (size_t)y * from_stride + (size_t)x * CHANNEL_BLOCK);
            winograd_input_line(columns[x], window);
        }
        UNROLL
        for (int y = 0; y < WINOGRAD_WINDOW; y++) {
            Vector line[WINOGRAD_WINDOW];
            Vector out[WINOGRAD_WINDOW];
            UNROLL
            for (int x = 0; x < WINOGRAD_WINDOW; x++)
                line[x] = columns[x][y];
            winograd_input_line(out, line);
            UNROLL
            for (int x = 0; x < WINOGRAD_WINDOW; x++)
                store(to, at + (size_t)(y * WINOGRAD_WINDOW + x) * to_stride, out[x]);
        }
        from += WINOGRAD_TILE * CHANNEL_BLOCK;
        at += CHANNEL_BLOCK;
    }
}

ALWAYS_INLINE void winograd_input(void *to, size_t to_stride, const float *from, size_t from_stride,
                                  size_t tiles, ElementStore *store) {
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
        winograd_input_lanes(to, lane, to_stride, from + lane, from_stride, tiles, store);
}

ALWAYS_INLINE void winograd_weights_lanes(float *to, size_t to_stride, const float *taps) {
    Vector columns[3][WINOGRAD_WINDOW];
    UNROLL
    for (int x = 0; x < 3; x++) {
        Vector filter[3];
        UNROLL
        for (int y = 0; y < 3; y++)
            filter[y] = simd_load(taps + (y * 3 + x) * CHANNEL_BLOCK * CHANNEL_BLOCK);
        winograd_weights_line(columns[x], filter);
    }
    UNROLL
    for (int y = 0; y < WINOGRAD_WINDOW; y++) {
        Vector out[WINOGRAD_WINDOW];
        Vector line[3] = {columns[0][y], columns[1][y], columns[2][y]};
        winograd_weights_line(out, line);
        UNROLL
        for (int x = 0; x < WINOGRAD_WINDOW; x++)
            simd_store(to + (size_t)(y * WINOGRAD_WINDOW + x) * to_stride, out[x]);
    }
}

static void winograd_weights(float *to, size_t to_stride, const float *taps) {
    for (size_t i = 0; i < CHANNEL_BLOCK * CHANNEL_BLOCK; i += SIMD_LANES)
        winograd_weights_lanes(to + i, to_stride, taps + i);
}

/* One vector of lanes of one tile; `rows` × `columns` of it are written. */
ALWAYS_INLINE void winograd_output_tile(const WinogradOutput *o, size_t at, size_t from,
                                        size_t rows, size_t columns) {
    Vector half[WINOGRAD_WINDOW][WINOGRAD_TILE]; /* [column][row] */
    UNROLL
    for (int x = 0; x < WINOGRAD_WINDOW; x++) {
        Vector points[WINOGRAD_WINDOW];
        UNROLL
        for (int y = 0; y < WINOGRAD_WINDOW; y++)
            points[y] =
                simd_load(o->from + (size_t)(y * WINOGRAD_WINDOW + x) * o->from_stride + from);
        winograd_output_line(half[x], points);
    }
    UNROLL
    for (size_t y = 0; y < WINOGRAD_TILE; y++) {
        Vector line[WINOGRAD_WINDOW];
        Vector out[WINOGRAD_TILE];
        UNROLL
        for (int x = 0; x < WINOGRAD_WINDOW; x++)
            line[x] = half[x][y];
        winograd_output_line(out, line);
        if (y >= rows)
            break;
        UNROLL
        for (size_t x = 0; x < WINOGRAD_TILE; x++) {
            size_t position = at + y * o->to_stride + x * CHANNEL_BLOCK;
            if (x < columns)
                simd_store(o->to + position,
                           o->add ? simd_add(out[x], simd_load(o->add + position)) : out[x]);
        }
    }
}

static void winograd_output(const WinogradOutput *o) {
    for (size_t tile = 0; tile * WINOGRAD_TILE < o->positions; tile++) {
        size_t left = o->positions - tile * WINOGRAD_TILE;
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES) {
            size_t at = tile * WINOGRAD_TILE * CHANNEL_BLOCK + lane;
            size_t from = tile * CHANNEL_BLOCK + lane;
            if (o->rows == WINOGRAD_TILE && left >= WINOGRAD_TILE)
                winograd_output_tile(o, at, from, WINOGRAD_TILE, WINOGRAD_TILE);
            else
                winograd_output_tile(o, at, from, o->rows, left);
        }
    }
}

#endif
