/* reference.c: every kernel in plain C, written to be read. The twins must agree with it. */
#include <math.h>

#include "backend/cpu/kernels/kernels.h"

/* Row `row` of A times one column block of B. */
static void multiply_row(const GemmArguments *g, size_t row, int column, float *sums) {
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++)
        sums[lane] = 0;
    for (size_t block = 0; block < g->k_blocks; block++) {
        const float *a = g->a[block] + row * g->a_stride;
        const float *b = g->b[column] + block * CHANNEL_BLOCK * CHANNEL_BLOCK;
        for (size_t k = 0; k < CHANNEL_BLOCK; k++)
            for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++)
                sums[lane] += a[k] * b[k * CHANNEL_BLOCK + lane];
    }
}

static void gemm(const GemmArguments *g) {
    for (int column = 0; column < g->columns; column++)
        for (size_t row = 0; row < g->rows; row++) {
            float sums[CHANNEL_BLOCK];
            size_t at = row * g->c_stride;
            multiply_row(g, row, column, sums);
            for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++)
                g->c[column][at + lane] =
                    g->add[column] ? sums[lane] + g->add[column][at + lane] : sums[lane];
        }
}

static float act_none(float x, float alpha) {
    (void)alpha;
    return x;
}

/* The exact GELU: x times the normal distribution's Φ(x). */
static float act_gelu(float x, float alpha) {
    (void)alpha;
    return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
}

static float act_relu(float x, float alpha) {
    (void)alpha;
    return x < 0 ? 0 : x;
}

static float act_elu(float x, float alpha) {
    return x > 0 ? x : alpha * expm1f(x);
}

static inline void load(float *to, const float *from, size_t positions, const float *scale,
                        const float *shift, float alpha, float (*act)(float, float)) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++) {
        size_t lane = i % CHANNEL_BLOCK;
        to[i] = act(from[i] * scale[lane] + shift[lane], alpha);
    }
}

static void load_none(float *to, const float *from, size_t positions, const float *scale,
                      const float *shift, float alpha) {
    load(to, from, positions, scale, shift, alpha, act_none);
}

static void load_gelu(float *to, const float *from, size_t positions, const float *scale,
                      const float *shift, float alpha) {
    load(to, from, positions, scale, shift, alpha, act_gelu);
}

static void load_relu(float *to, const float *from, size_t positions, const float *scale,
                      const float *shift, float alpha) {
    load(to, from, positions, scale, shift, alpha, act_relu);
}

static void load_elu(float *to, const float *from, size_t positions, const float *scale,
                     const float *shift, float alpha) {
    load(to, from, positions, scale, shift, alpha, act_elu);
}

static void multiply(float *to, const float *a, const float *b, size_t positions) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++)
        to[i] = a[i] * b[i];
}

static void add(float *to, const float *a, const float *b, size_t positions) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++)
        to[i] = a[i] + b[i];
}

static void statistics(const float *row, size_t positions, float *mean, float *squares) {
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
        double sum = 0;
        for (size_t i = 0; i < positions; i++)
            sum += row[i * CHANNEL_BLOCK + lane];
        float center = (float)(sum / (double)positions);
        double square_sum = 0;
        for (size_t i = 0; i < positions; i++) {
            double difference = (double)row[i * CHANNEL_BLOCK + lane] - center;
            square_sum += difference * difference;
        }
        mean[lane] = center;
        squares[lane] = (float)square_sum;
    }
}

const Kernels kernels_reference = {
    .name = "reference",
    .gemm = gemm,
    .load = {[ACT_NONE] = load_none,
             [ACT_GELU] = load_gelu,
             [ACT_RELU] = load_relu,
             [ACT_ELU] = load_elu},
    .multiply = multiply,
    .add = add,
    .statistics = statistics,
};
