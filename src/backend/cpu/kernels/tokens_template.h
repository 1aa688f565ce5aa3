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

static void rms_norm(const RmsNormArguments *a) {
    for (size_t row = 0; row < a->rows; row++) {
        const float *from = a->from + row * a->from_stride;
        float *to = a->to + row * a->to_stride;
        Vector factor = simd_set(inverse_length(from, a->blocks));
        for (size_t block = 0; block < a->blocks; block++) {
            UNROLL
            for (int v = 0; v < BLOCK_VECTORS; v++) {
                size_t lane = (size_t)(v * SIMD_LANES);
                Vector x = simd_load(from + block * CHANNEL_BLOCK + lane);
                Vector gain = simd_load(a->gain + block * CHANNEL_BLOCK + lane);
                simd_store(to + block * a->to_block + lane,
                           simd_multiply(simd_multiply(x, factor), gain));
            }
        }
    }
}

/* ---- Softmax ---- */

/* 2^x for x ≤ 0, at least 2^-126: x = n + r, |r| ≤ 1/2, and 2^r by a polynomial of degree 5 that is
 * 1 at 0, a minimax fit of the relative error (1.1e-7; iteratively reweighted least squares). */
ALWAYS_INLINE Vector simd_exp2(Vector x) {
    x = simd_max(simd_set(-126.0f), x);
    Vector n = simd_round(x);
    Vector r = simd_subtract(x, n);
    Vector p = simd_set(0.001326472731307149f);
    p = simd_fma(p, r, simd_set(0.009671512991189957f));
    p = simd_fma(p, r, simd_set(0.05550733581185341f));
    p = simd_fma(p, r, simd_set(0.24022242426872253f));
    p = simd_fma(p, r, simd_set(0.6931470036506653f));
    p = simd_fma(p, r, simd_set(1.0f));
    return simd_multiply(p, simd_power_of_two(n));
}

/* From CHANNEL_BLOCK - n on: n ones, then zeros; and n zeros, then minus infinities. */
#define SIXTEEN(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const float lanes_kept[2 * CHANNEL_BLOCK] = {SIXTEEN(1.0f), SIXTEEN(0.0f)};
static const float lanes_excluded[2 * CHANNEL_BLOCK] = {SIXTEEN(0.0f), SIXTEEN(-INFINITY)};

/* largest[row] = max(largest[row], scores[row]), lane by lane, of the first `lanes` lanes. */
ALWAYS_INLINE void softmax_largest(float *largest, const float *scores, size_t rows, size_t lanes) {
    const float *excluded = lanes_excluded + CHANNEL_BLOCK - lanes;
    for (size_t i = 0; i < rows * CHANNEL_BLOCK; i += SIMD_LANES) {
        Vector x = simd_load(scores + i);
        if (lanes < CHANNEL_BLOCK)
            x = simd_add(x, simd_load(excluded + i % CHANNEL_BLOCK));
        simd_store(largest + i, simd_max(x, simd_load(largest + i)));
    }
}

/* scores = 2^(scores - largest), and sums += scores, of the first `lanes` lanes; zero beyond. */
ALWAYS_INLINE void softmax_powers(float *scores, float *sums, const float *largest, size_t rows,
                                  size_t lanes) {
    const float *kept = lanes_kept + CHANNEL_BLOCK - lanes;
    for (size_t i = 0; i < rows * CHANNEL_BLOCK; i += SIMD_LANES) {
        Vector power = simd_exp2(simd_subtract(simd_load(scores + i), simd_load(largest + i)));
        if (lanes < CHANNEL_BLOCK)
            power = simd_multiply(power, simd_load(kept + i % CHANNEL_BLOCK));
        simd_store(scores + i, power);
        simd_store(sums + i, simd_add(simd_load(sums + i), power));
    }
}

/* Every lane gets the row's largest. */
static void softmax_spread(float *largest, size_t rows) {
    for (size_t row = 0; row < rows; row++) {
        float value = lanes_largest(largest + row * CHANNEL_BLOCK);
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
            simd_store(largest + row * CHANNEL_BLOCK + lane, simd_set(value));
    }
}

static void softmax(const SoftmaxArguments *a) {
    size_t whole = a->keys / CHANNEL_BLOCK;
    size_t rest = a->keys % CHANNEL_BLOCK;
    size_t floats = a->rows * CHANNEL_BLOCK;
    float *largest = a->room;
    float *sums = a->room + floats;
    for (size_t i = 0; i < floats; i++) {
        largest[i] = -INFINITY;
        sums[i] = 0;
    }
    for (size_t block = 0; block < whole; block++)
        softmax_largest(largest, a->scores + block * floats, a->rows, CHANNEL_BLOCK);
    if (rest > 0)
        softmax_largest(largest, a->scores + whole * floats, a->rows, rest);
    softmax_spread(largest, a->rows);
    for (size_t block = 0; block < whole; block++)
        softmax_powers(a->scores + block * floats, sums, largest, a->rows, CHANNEL_BLOCK);
    if (rest > 0)
        softmax_powers(a->scores + whole * floats, sums, largest, a->rows, rest);
    for (size_t row = 0; row < a->rows; row++)
        a->sums[row] = lanes_sum(sums + row * CHANNEL_BLOCK);
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

static void transpose(float *to, const float *from) {
    for (int i = 0; i < CHANNEL_BLOCK; i++)
        for (int j = 0; j < CHANNEL_BLOCK; j++)
            to[i * CHANNEL_BLOCK + j] = from[j * CHANNEL_BLOCK + i];
}

static void scale_rows(float *to, const float *from, const float *factors, size_t rows) {
    for (size_t row = 0; row < rows; row++) {
        Vector factor = simd_set(factors[row]);
        for (size_t i = row * CHANNEL_BLOCK; i < (row + 1) * CHANNEL_BLOCK; i += SIMD_LANES)
            simd_store(to + i, simd_multiply(simd_load(from + i), factor));
    }
}
