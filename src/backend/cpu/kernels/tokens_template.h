/* tokens_template.h: the vector kernels of tokens; a part of kernels_template.h. */
#include <math.h>

#include "backend/cpu/kernels/simd.h"

/* ---- Lanes ---- */

static inline float lanes_sum(const float *lanes) {
    float sums[CHANNEL_BLOCK];
    for (int i = 0; i < CHANNEL_BLOCK; i++)
        sums[i] = lanes[i];
    UNROLL
    for (int half = CHANNEL_BLOCK / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            sums[i] += sums[i + half];
    return sums[0];
}

static inline float lanes_largest(const float *lanes) {
    float largest[CHANNEL_BLOCK];
    for (int i = 0; i < CHANNEL_BLOCK; i++)
        largest[i] = lanes[i];
    UNROLL
    for (int half = CHANNEL_BLOCK / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            largest[i] = largest[i] > largest[i + half] ? largest[i] : largest[i + half];
    return largest[0];
}

/* ---- RMS norm ---- */

/* 1 / max(‖row‖, 1e-12). */
ALWAYS_INLINE float inverse_length(const float *row, size_t blocks) {
    float lanes[CHANNEL_BLOCK];
    Vector sums[2][BLOCK_VECTORS];
    for (int v = 0; v < BLOCK_VECTORS; v++)
        sums[0][v] = sums[1][v] = simd_set(0);
    for (size_t block = 0; block < blocks; block++) {
        UNROLL
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            Vector x = simd_load(row + block * CHANNEL_BLOCK + (size_t)(v * SIMD_LANES));
            sums[block % 2][v] = simd_fma(x, x, sums[block % 2][v]);
        }
    }
    for (int v = 0; v < BLOCK_VECTORS; v++)
        simd_store(lanes + v * SIMD_LANES, simd_add(sums[0][v], sums[1][v]));
    float length = sqrtf(lanes_sum(lanes));
    return 1.0f / (length < 1e-12f ? 1e-12f : length);
}

/* Rows that are asked for ahead: tokens of a sequence may lie pages apart. */
#define RMS_NORM_AHEAD 4

ALWAYS_INLINE void rms_norm(const RmsNormArguments *a, ElementStore *store) {
    for (size_t row = 0; row < a->rows; row++) {
        const float *from = a->from + row * a->from_stride;
        const float *ahead =
            row + RMS_NORM_AHEAD < a->rows ? from + RMS_NORM_AHEAD * a->from_stride : from;
        Vector factor = simd_set(inverse_length(from, a->blocks));
        for (size_t block = 0; block < a->blocks; block++) {
            __builtin_prefetch(ahead + block * CHANNEL_BLOCK);
            UNROLL
            for (int v = 0; v < BLOCK_VECTORS; v++) {
                size_t lane = (size_t)v * SIMD_LANES;
                Vector x = simd_load(from + block * CHANNEL_BLOCK + lane);
                Vector gain = simd_load(a->gain + block * CHANNEL_BLOCK + lane);
                store(a->to, row * a->to_stride + block * a->to_block + lane,
                      simd_multiply(simd_multiply(x, factor), gain));
            }
        }
    }
}

/* ---- Softmax ---- */

/* 2^x for x ≤ 0, at least 2^-125: x = n + r, |r| ≤ 1/2, and 2^r by a polynomial of degree 5 that is
 * 1 at 0, a minimax fit of the relative error (1.1e-7; iteratively reweighted least squares).
 * Adding 1.5 · 2^23 rounds to whole numbers. */
ALWAYS_INLINE Vector simd_exp2(Vector x) {
    Vector whole = simd_set(12582912.0f);
    x = simd_max(simd_set(-125.0f), x);
    Vector n = simd_add(x, whole);
    Vector r = simd_subtract(x, simd_subtract(n, whole));
    Vector p = simd_set(0.001326472731307149f);
    p = simd_fma(p, r, simd_set(0.009671512991189957f));
    p = simd_fma(p, r, simd_set(0.05550733581185341f));
    p = simd_fma(p, r, simd_set(0.24022242426872253f));
    p = simd_fma(p, r, simd_set(0.6931470036506653f));
    p = simd_fma(p, r, simd_set(1.0f));
    return simd_scale(p, n);
}

/* From CHANNEL_BLOCK - n on: n ones, then zeros; and n zeros, then minus infinities. */
#define SIXTEEN(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const float lanes_kept[2 * CHANNEL_BLOCK] = {SIXTEEN(1.0f), SIXTEEN(0.0f)};
static const float lanes_excluded[2 * CHANNEL_BLOCK] = {SIXTEEN(0.0f), SIXTEEN(-INFINITY)};

/* Rows whose sums are in registers at once: four vectors of them. */
#define SOFTMAX_VECTORS 4
#define SOFTMAX_ROWS    (SOFTMAX_VECTORS / BLOCK_VECTORS)

/* Where vector `v` of some rows from `row` on lies in a block. */
ALWAYS_INLINE size_t softmax_at(const SoftmaxArguments *a, size_t block, size_t row, int v) {
    return (block * a->stride + row) * CHANNEL_BLOCK + (size_t)(v * SIMD_LANES);
}

/* Takes a block of keys into `largest`; `excluded` is NULL where all lanes are keys. */
ALWAYS_INLINE void softmax_compare(const SoftmaxArguments *a, size_t block, size_t row, int vectors,
                                   Vector *largest, const float *excluded) {
    UNROLL
    for (int v = 0; v < vectors; v++) {
        Vector x = simd_load(a->scores + softmax_at(a, block, row, v));
        if (excluded)
            x = simd_add(x, simd_load(excluded + v % BLOCK_VECTORS * SIMD_LANES));
        largest[v] = simd_max(x, largest[v]);
    }
}

/* Every lane of largest[] gets its row's. */
ALWAYS_INLINE void softmax_largest(const SoftmaxArguments *a, size_t row, int vectors,
                                   Vector *largest) {
    size_t whole = a->keys / CHANNEL_BLOCK;
    size_t rest = a->keys % CHANNEL_BLOCK;
    float lanes[SOFTMAX_ROWS * CHANNEL_BLOCK];
    UNROLL
    for (int v = 0; v < vectors; v++)
        largest[v] = simd_set(-INFINITY);
    for (size_t block = 0; block < whole; block++)
        softmax_compare(a, block, row, vectors, largest, NULL);
    if (rest > 0)
        softmax_compare(a, whole, row, vectors, largest, lanes_excluded + CHANNEL_BLOCK - rest);
    UNROLL
    for (int v = 0; v < vectors; v++)
        simd_store(lanes + v * SIMD_LANES, largest[v]);
    UNROLL
    for (int v = 0; v < vectors; v++)
        largest[v] = simd_set(lanes_largest(lanes + v / BLOCK_VECTORS * CHANNEL_BLOCK));
}

/* Stores the powers of a block of keys, and adds them to `sums`. `kept` is NULL where all lanes are
 * keys; the scores of other lanes may be above the largest. */
ALWAYS_INLINE void softmax_raise(const SoftmaxArguments *a, size_t block, size_t row, int vectors,
                                 const Vector *largest, Vector *sums, const float *kept,
                                 ElementStore *store) {
    UNROLL
    for (int v = 0; v < vectors; v++) {
        size_t at = softmax_at(a, block, row, v);
        Vector exponent = simd_subtract(simd_load(a->scores + at), largest[v]);
        if (kept)
            exponent = simd_clamp(exponent, -INFINITY, 0.0f);
        Vector power = simd_exp2(exponent);
        if (kept)
            power = simd_multiply(power, simd_load(kept + v % BLOCK_VECTORS * SIMD_LANES));
        sums[v] = simd_add(sums[v], power);
        store(a->powers, at, power);
    }
}

/* Some rows from `row` on, as many as `vectors` vectors are. */
ALWAYS_INLINE void softmax_rows(const SoftmaxArguments *a, size_t row, int vectors,
                                ElementStore *store) {
    size_t whole = a->keys / CHANNEL_BLOCK;
    size_t rest = a->keys % CHANNEL_BLOCK;
    float lanes[SOFTMAX_ROWS * CHANNEL_BLOCK];
    Vector largest[SOFTMAX_VECTORS];
    Vector sums[SOFTMAX_VECTORS];
    softmax_largest(a, row, vectors, largest);
    UNROLL
    for (int v = 0; v < vectors; v++)
        sums[v] = simd_set(0);
    for (size_t block = 0; block < whole; block++)
        softmax_raise(a, block, row, vectors, largest, sums, NULL, store);
    if (rest > 0)
        softmax_raise(a, whole, row, vectors, largest, sums, lanes_kept + CHANNEL_BLOCK - rest,
                      store);
    UNROLL
    for (int v = 0; v < vectors; v++)
        simd_store(lanes + v * SIMD_LANES, sums[v]);
    for (int i = 0; i < vectors / BLOCK_VECTORS; i++)
        a->sums[row + (size_t)i] = lanes_sum(lanes + i * CHANNEL_BLOCK);
}

ALWAYS_INLINE void softmax(const SoftmaxArguments *a, ElementStore *store) {
    size_t row = 0;
    for (; row + SOFTMAX_ROWS <= a->rows; row += SOFTMAX_ROWS)
        softmax_rows(a, row, SOFTMAX_VECTORS, store);
    for (; row < a->rows; row++)
        softmax_rows(a, row, BLOCK_VECTORS, store);
}

/* ---- Smaller ones ---- */

static void rope(const RopeArguments *a) {
    Vector scale = simd_set(a->scale);
    for (size_t i = 0; i < a->positions * CHANNEL_BLOCK; i += SIMD_LANES) {
        Vector x = simd_multiply(simd_load(a->x + i), scale);
        Vector y = simd_multiply(simd_load(a->y + i), scale);
        Vector cosine = simd_load(a->cosines + i);
        Vector sine = simd_load(a->sines + i);
        simd_store(a->x + i, simd_subtract(simd_multiply(x, cosine), simd_multiply(y, sine)));
        simd_store(a->y + i, simd_fma(x, sine, simd_multiply(y, cosine)));
    }
}

static void scale_rows(float *to, const float *from, const float *factors, size_t rows) {
    for (size_t row = 0; row < rows; row++) {
        Vector factor = simd_set(factors[row]);
        for (size_t i = row * CHANNEL_BLOCK; i < (row + 1) * CHANNEL_BLOCK; i += SIMD_LANES)
            simd_store(to + i, simd_multiply(simd_load(from + i), factor));
    }
}
