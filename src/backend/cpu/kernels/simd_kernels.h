/* simd_kernels.h: the vector kernels, written once over the vector type of simd_ISA.h. Each ISA's
 * file includes its simd_ISA.h, then this, and names the table KERNELS_TABLE with SIMD_NAME. */
#include <math.h>

#include "backend/cpu/kernels/kernels.h"

/* Vectors per channel block. */
#define BLOCK_VECTORS (CHANNEL_BLOCK / SIMD_LANES)
#define TILE_VECTORS  (GEMM_TILE_COLUMNS * BLOCK_VECTORS)

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* In front of a loop over the registers of a tile: its count is a constant once inlined. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* ---- gemm ---- */

/* One tile: `rows` × `columns` sums in registers. rows, columns, and on the usual path stride, are
 * constants where this is inlined, so that the loops over them unroll completely. */
ALWAYS_INLINE void gemm_tile(const GemmArguments *g, size_t row, int column, int rows, int columns,
                             size_t stride) {
    Vector sums[GEMM_TILE_ROWS][TILE_VECTORS];
    int vectors = columns * BLOCK_VECTORS;
    UNROLL
    for (int m = 0; m < rows; m++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sums[m][v] = simd_set(0);
    }
    const float *b[GEMM_TILE_COLUMNS];
    for (int j = 0; j < columns; j++)
        b[j] = g->b[column + j];
    for (size_t block = 0; block < g->k_blocks; block++) {
        const float *a = g->a[block] + row * stride;
#pragma GCC unroll 4
        for (size_t k = 0; k < CHANNEL_BLOCK; k++) {
            Vector right[TILE_VECTORS];
            UNROLL
            for (int v = 0; v < vectors; v++)
                right[v] = simd_load(b[v / BLOCK_VECTORS] + k * CHANNEL_BLOCK +
                                     v % BLOCK_VECTORS * SIMD_LANES);
            UNROLL
            for (int m = 0; m < rows; m++) {
                Vector left = simd_set(a[(size_t)m * stride + k]);
                UNROLL
                for (int v = 0; v < vectors; v++)
                    sums[m][v] = simd_fma(left, right[v], sums[m][v]);
            }
        }
        for (int j = 0; j < columns; j++)
            b[j] += CHANNEL_BLOCK * CHANNEL_BLOCK;
    }
    UNROLL
    for (int v = 0; v < vectors; v++) {
        int j = column + v / BLOCK_VECTORS;
        size_t lane = (size_t)(v % BLOCK_VECTORS * SIMD_LANES);
        const float *add = g->add[j];
        UNROLL
        for (int m = 0; m < rows; m++) {
            size_t at = (row + (size_t)m) * g->c_stride + lane;
            Vector sum = add ? simd_add(sums[m][v], simd_load(add + at)) : sums[m][v];
            simd_store(g->c[j] + at, sum);
        }
    }
}

/* Any number of rows up to a tile's height, through a switch: one specialised tile each. */
ALWAYS_INLINE void gemm_rows(const GemmArguments *g, size_t row, int column, size_t rows,
                             int columns, size_t stride) {
#define TILE(n)                                        \
    case n:                                            \
        gemm_tile(g, row, column, n, columns, stride); \
        break
    switch (rows) {
        TILE(1);
        TILE(2);
        TILE(3);
        TILE(4);
        TILE(5);
        TILE(6);
#if GEMM_TILE_ROWS > 6
        TILE(7);
        TILE(8);
        TILE(9);
        TILE(10);
        TILE(11);
        TILE(12);
        TILE(13);
        TILE(14);
#endif
    default:
        break;
    }
#undef TILE
}

/* Cuts the rows into tiles as even as can be: 16 rows are 8 + 8, not 14 + 2. */
ALWAYS_INLINE void gemm_columns(const GemmArguments *g, int column, int columns, size_t stride) {
    size_t tiles = (g->rows + GEMM_TILE_ROWS - 1) / GEMM_TILE_ROWS;
    size_t row = 0;
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t rows = (g->rows - row + (tiles - tile) - 1) / (tiles - tile);
        gemm_rows(g, row, column, rows, columns, stride);
        row += rows;
    }
}

static void gemm_dense(const GemmArguments *g, int column, int columns) {
#if GEMM_TILE_COLUMNS == 2
    if (columns == 2) {
        gemm_columns(g, column, 2, CHANNEL_BLOCK);
        return;
    }
#endif
    (void)columns;
    gemm_columns(g, column, 1, CHANNEL_BLOCK);
}

static void gemm_strided(const GemmArguments *g, int column) {
    gemm_columns(g, column, 1, g->a_stride);
}

static void gemm(const GemmArguments *g) {
    if (g->a_stride == CHANNEL_BLOCK) {
        for (int column = 0; column < g->columns; column += GEMM_TILE_COLUMNS) {
            int left = g->columns - column;
            gemm_dense(g, column, left < GEMM_TILE_COLUMNS ? left : GEMM_TILE_COLUMNS);
        }
    } else {
        for (int column = 0; column < g->columns; column++)
            gemm_strided(g, column);
    }
}

/* ---- activations ---- */

/* erf(x), with an absolute error below 4e-7: x · P(x²) / Q(x²), a relative minimax fit of erf(x)/x
 * over |x| ≤ 3.95 (made with the iteratively reweighted rational least squares of Sanathanan,
 * Koerner and Lawson), beyond which erf is 1 to within 2.4e-8. */
ALWAYS_INLINE Vector simd_erf(Vector x) {
    x = simd_clamp(x, -3.95f, 3.95f);
    Vector s = simd_multiply(x, x);
    Vector p = simd_set(2.0258589756849688e-06f);
    p = simd_fma(p, s, simd_set(0.0002846666320692748f));
    p = simd_fma(p, s, simd_set(0.003807663219049573f));
    p = simd_fma(p, s, simd_set(0.0528738759458065f));
    p = simd_fma(p, s, simd_set(0.19154012203216553f));
    p = simd_fma(p, s, simd_set(1.1283791065216064f));
    Vector q = simd_set(3.783018109970726e-05f);
    q = simd_fma(q, s, simd_set(0.0011705863289535046f));
    q = simd_fma(q, s, simd_set(0.015054099261760712f));
    q = simd_fma(q, s, simd_set(0.11455520987510681f));
    q = simd_fma(q, s, simd_set(0.5030807256698608f));
    q = simd_fma(q, s, simd_set(1.0f));
    return simd_divide(simd_multiply(x, p), q);
}

/* exp(x) - 1 for x ≤ 0: x = n ln 2 + r, |r| ≤ ln 2 / 2; 2^n (exp(r) - 1) + (2^n - 1), with the
 * Taylor series of exp(r) - 1 to degree 7 (its remainder is below 6e-9 of r). */
ALWAYS_INLINE Vector simd_expm1(Vector x) {
    x = simd_clamp(x, -87.0f, 0.0f);
    Vector n = simd_round(simd_multiply(x, simd_set(1.44269504f)));
    Vector r = simd_fma(n, simd_set(-0.693359375f), x);
    r = simd_fma(n, simd_set(2.12194440e-4f), r);
    Vector p = simd_set(1.0f / 5040);
    p = simd_fma(p, r, simd_set(1.0f / 720));
    p = simd_fma(p, r, simd_set(1.0f / 120));
    p = simd_fma(p, r, simd_set(1.0f / 24));
    p = simd_fma(p, r, simd_set(1.0f / 6));
    p = simd_fma(p, r, simd_set(1.0f / 2));
    p = simd_fma(simd_multiply(p, r), r, r);
    Vector power = simd_power_of_two(n);
    return simd_fma(power, p, simd_subtract(power, simd_set(1.0f)));
}

ALWAYS_INLINE Vector simd_act(Vector x, ActKind act, float alpha) {
    switch (act) {
    case ACT_NONE:
        return x;
    case ACT_GELU: {
        Vector half = simd_multiply(x, simd_set(0.5f));
        return simd_fma(half, simd_erf(simd_multiply(x, simd_set(0.70710678118654752f))), half);
    }
    case ACT_RELU:
        return simd_clamp(x, 0.0f, INFINITY);
    case ACT_ELU:
        return simd_where_positive(x, x, simd_multiply(simd_set(alpha), simd_expm1(x)));
    }
    return x;
}

ALWAYS_INLINE void load(float *to, const float *from, size_t positions, const float *scale,
                        const float *shift, float alpha, ActKind act) {
    Vector scales[BLOCK_VECTORS];
    Vector shifts[BLOCK_VECTORS];
    for (int v = 0; v < BLOCK_VECTORS; v++) {
        scales[v] = simd_load(scale + v * SIMD_LANES);
        shifts[v] = simd_load(shift + v * SIMD_LANES);
    }
    for (size_t i = 0; i < positions; i++) {
        UNROLL
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            size_t at = i * CHANNEL_BLOCK + (size_t)(v * SIMD_LANES);
            Vector x = simd_fma(simd_load(from + at), scales[v], shifts[v]);
            simd_store(to + at, simd_act(x, act, alpha));
        }
    }
}

static void load_none(float *to, const float *from, size_t positions, const float *scale,
                      const float *shift, float alpha) {
    load(to, from, positions, scale, shift, alpha, ACT_NONE);
}

static void load_gelu(float *to, const float *from, size_t positions, const float *scale,
                      const float *shift, float alpha) {
    load(to, from, positions, scale, shift, alpha, ACT_GELU);
}

static void load_relu(float *to, const float *from, size_t positions, const float *scale,
                      const float *shift, float alpha) {
    load(to, from, positions, scale, shift, alpha, ACT_RELU);
}

static void load_elu(float *to, const float *from, size_t positions, const float *scale,
                     const float *shift, float alpha) {
    load(to, from, positions, scale, shift, alpha, ACT_ELU);
}

/* ---- elementwise and statistics ---- */

static void multiply(float *to, const float *a, const float *b, size_t positions) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i += SIMD_LANES)
        simd_store(to + i, simd_multiply(simd_load(a + i), simd_load(b + i)));
}

static void add(float *to, const float *a, const float *b, size_t positions) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i += SIMD_LANES)
        simd_store(to + i, simd_add(simd_load(a + i), simd_load(b + i)));
}

/* Four partial sums per lane: enough to hide the latency of an add, and less rounding. */
#define STATISTICS_SUMS 4

/* Σ (x - center)^power over the part, for one vector of lanes; power is 1 or 2. */
ALWAYS_INLINE Vector sum_of_powers(const StatisticsArguments *a, size_t lane, Vector center,
                                   int power) {
    Vector sums[STATISTICS_SUMS];
    for (int s = 0; s < STATISTICS_SUMS; s++)
        sums[s] = simd_set(0);
    for (size_t row = 0; row < a->rows; row++) {
        const float *from = a->from + row * a->stride + lane;
        size_t i = 0;
        for (; i + STATISTICS_SUMS <= a->positions; i += STATISTICS_SUMS) {
            UNROLL
            for (int s = 0; s < STATISTICS_SUMS; s++) {
                Vector x = simd_subtract(simd_load(from + (i + (size_t)s) * CHANNEL_BLOCK), center);
                sums[s] = power == 1 ? simd_add(sums[s], x) : simd_fma(x, x, sums[s]);
            }
        }
        for (; i < a->positions; i++) {
            Vector x = simd_subtract(simd_load(from + i * CHANNEL_BLOCK), center);
            sums[0] = power == 1 ? simd_add(sums[0], x) : simd_fma(x, x, sums[0]);
        }
    }
    return simd_add(simd_add(sums[0], sums[1]), simd_add(sums[2], sums[3]));
}

static void statistics(const StatisticsArguments *a) {
    Vector count = simd_set((float)(a->rows * a->positions));
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES) {
        Vector center = simd_divide(sum_of_powers(a, lane, simd_set(0), 1), count);
        simd_store(a->mean + lane, center);
        simd_store(a->squares + lane, sum_of_powers(a, lane, center, 2));
    }
}

#include "backend/cpu/kernels/simd_winograd.h"

const Kernels KERNELS_TABLE = {
    .name = SIMD_NAME,
    .gemm = gemm,
    .load = {[ACT_NONE] = load_none,
             [ACT_GELU] = load_gelu,
             [ACT_RELU] = load_relu,
             [ACT_ELU] = load_elu},
    .multiply = multiply,
    .add = add,
    .winograd_input = winograd_input,
    .winograd_weights = winograd_weights,
    .winograd_output = winograd_output,
    .statistics = statistics,
};
