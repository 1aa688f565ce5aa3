/* kernels_template.h: the vector kernels, written once over the vector type of simd_ISA.h, and
 * compiled once for each instruction set: its file includes its simd_ISA.h, then this, and names
 * the table (KERNELS_TABLE, SIMD_NAME) and the features of the processor that it needs
 * (SIMD_NEEDS). */
#include <math.h>

#include "backend/cpu/kernels/simd.h"

/* ---- gemm ---- */

#define GEMM(name)   gemm_f32_##name
#define GEMM_ELEMENT float
#define GEMM_ROWS    GEMM_TILE_ROWS
#define GEMM_LOAD    simd_load
#include "backend/cpu/kernels/gemm_template.h"

#define GEMM(name)   gemm_f16_##name
#define GEMM_ELEMENT uint16_t
#define GEMM_ROWS    GEMM_TILE_ROWS
#ifdef SIMD_F16_PRODUCTS
#define F16_NATIVE true
#define GEMM_BLOCK f16_block
#else
#define F16_NATIVE false
#define GEMM_LOAD  simd_load_f16
#endif
#include "backend/cpu/kernels/gemm_template.h"

#ifdef SIMD_BF16_GEMM
#define BF16_NATIVE true
#define BF16_GEMM   SIMD_BF16_GEMM
#else
#define BF16_GEMM    gemm_bf16_all
#define GEMM(name)   gemm_bf16_##name
#define GEMM_ELEMENT uint16_t
#define GEMM_ROWS    GEMM_TILE_ROWS
#ifdef SIMD_BF16_PRODUCTS
#define BF16_NATIVE true
#define GEMM_BLOCK  bf16_block
#ifdef SIMD_BF16_FINISH
#define GEMM_FINISH SIMD_BF16_FINISH
#endif
#else
#define BF16_NATIVE false
#define GEMM_LOAD   simd_load_bf16
#endif
#include "backend/cpu/kernels/gemm_template.h"
#endif

/* ---- elements of a precision ---- */

/* Stores a vector as elements from element `at` on. */
typedef void ElementStore(void *to, size_t at, Vector v);

ALWAYS_INLINE void store_f32(void *to, size_t at, Vector v) {
    simd_store((float *)to + at, v);
}

ALWAYS_INLINE void store_f16(void *to, size_t at, Vector v) {
    simd_store_f16((uint16_t *)to + at, v);
}

ALWAYS_INLINE void store_bf16(void *to, size_t at, Vector v) {
    simd_store_bf16((uint16_t *)to + at, v);
}

ALWAYS_INLINE void narrow(void *to, const float *from, size_t positions, ElementStore *store) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i += SIMD_LANES)
        store(to, i, simd_load(from + i));
}

static void narrow_to_f16(void *to, const float *from, size_t positions) {
    narrow(to, from, positions, store_f16);
}

static void narrow_to_bf16(void *to, const float *from, size_t positions) {
    narrow(to, from, positions, store_bf16);
}

#ifndef SIMD_BF16_PRODUCTS
#define narrow_vectors_to_bf16 narrow_to_bf16
#endif

static void widen_f16(float *to, const uint16_t *from, size_t count, float scale) {
    for (size_t i = 0; i < count; i += SIMD_LANES)
        simd_store(to + i, simd_multiply(simd_load_f16(from + i), simd_set(scale)));
}

static void narrow_f16(uint16_t *to, const float *from, size_t count, float scale) {
    for (size_t i = 0; i < count; i += SIMD_LANES)
        simd_store_f16(to + i, simd_multiply(simd_load(from + i), simd_set(scale)));
}

/* ---- activations ---- */

/* A polynomial of s; the highest power's coefficient comes first. */
ALWAYS_INLINE Vector simd_polynomial(Vector s, const float *coefficients, int count) {
    Vector sum = simd_set(coefficients[0]);
    UNROLL
    for (int i = 1; i < count; i++)
        sum = simd_fma(sum, s, simd_set(coefficients[i]));
    return sum;
}

/* x · P(x²) / Q(x²) for x cut to [-bound, bound]; P and Q have `count` coefficients each. */
ALWAYS_INLINE Vector simd_odd_ratio(Vector x, float bound, const float *p, const float *q,
                                    int count) {
    x = simd_clamp(x, -bound, bound);
    Vector s = simd_multiply(x, x);
    return simd_divide(simd_multiply(x, simd_polynomial(s, p, count)),
                       simd_polynomial(s, q, count));
}

#ifndef SIMD_GELU
#define SIMD_GELU simd_gelu

/* erf(x), with an absolute error below 4e-7: x · P(x²) / Q(x²), a relative minimax fit of erf(x)/x
 * over |x| ≤ 3.95 (made with the iteratively reweighted rational least squares of Sanathanan,
 * Koerner and Lawson), beyond which erf is 1 to within 2.4e-8. */
ALWAYS_INLINE Vector simd_erf(Vector x) {
    static const float p[] = {2.0258589756849688e-06f, 0.0002846666320692748f,
                              0.003807663219049573f,   0.0528738759458065f,
                              0.19154012203216553f,    1.1283791065216064f};
    static const float q[] = {3.783018109970726e-05f, 0.0011705863289535046f, 0.015054099261760712f,
                              0.11455520987510681f,   0.5030807256698608f,    1.0f};
    return simd_odd_ratio(x, 3.95f, p, q, 6);
}

ALWAYS_INLINE Vector simd_gelu(Vector x) {
    Vector half = simd_multiply(x, simd_set(0.5f));
    return simd_fma(half, simd_erf(simd_multiply(x, simd_set(0.70710678118654752f))), half);
}

#endif

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
    case ACT_GELU:
        return SIMD_GELU(x);
    case ACT_RELU:
        return simd_clamp(x, 0.0f, INFINITY);
    case ACT_ELU:
        return simd_where_positive(x, x, simd_multiply(simd_set(alpha), simd_expm1(x)));
    }
    return x;
}

ALWAYS_INLINE void bias_gelu(void *to, const float *from, const float *bias, size_t positions,
                             ElementStore *store) {
    Vector biases[BLOCK_VECTORS];
    for (int v = 0; v < BLOCK_VECTORS; v++)
        biases[v] = simd_load(bias + v * SIMD_LANES);
    for (size_t i = 0; i < positions; i++) {
        UNROLL
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            size_t at = i * CHANNEL_BLOCK + (size_t)(v * SIMD_LANES);
            store(to, at, SIMD_GELU(simd_add(simd_load(from + at), biases[v])));
        }
    }
}

ALWAYS_INLINE void load(const LoadArguments *a, ActKind act) {
    Vector scales[BLOCK_VECTORS];
    Vector shifts[BLOCK_VECTORS];
    for (int v = 0; v < BLOCK_VECTORS; v++) {
        scales[v] = simd_load(a->scale + v * SIMD_LANES);
        shifts[v] = simd_load(a->shift + v * SIMD_LANES);
    }
    const float *from = a->from;
    const float *ahead = a->ahead;
    const size_t count = a->positions * CHANNEL_BLOCK;
    const float alpha = a->alpha;
    float *to = a->to;
    for (size_t at = 0; at < count; at += CHANNEL_BLOCK) {
        __builtin_prefetch(ahead + at);
        UNROLL
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            size_t lane = at + (size_t)(v * SIMD_LANES);
            Vector x = simd_fma(simd_load(from + lane), scales[v], shifts[v]);
            simd_store(to + lane, simd_act(x, act, alpha));
        }
    }
}

static void load_none(const LoadArguments *a) {
    load(a, ACT_NONE);
}

static void load_gelu(const LoadArguments *a) {
    load(a, ACT_GELU);
}

static void load_relu(const LoadArguments *a) {
    load(a, ACT_RELU);
}

static void load_elu(const LoadArguments *a) {
    load(a, ACT_ELU);
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

#include "backend/cpu/kernels/tokens_template.h"
#include "backend/cpu/kernels/winograd_lines.h"

#define WINOGRAD(name) winograd4_##name
#define WINOGRAD_TILE  4
#include "backend/cpu/kernels/winograd_template.h"

#define WINOGRAD(name) winograd6_##name
#define WINOGRAD_TILE  6
#include "backend/cpu/kernels/winograd_template.h"
/* These use kernels of both. */
#include "backend/cpu/kernels/element_kernels.h"
/* This one uses the exponential of the first. */
#include "backend/cpu/kernels/fourier_template.h"
#include "backend/cpu/kernels/mask_template.h"

const Kernels KERNELS_TABLE = {
    .name = SIMD_NAME,
    .needs = SIMD_NEEDS,
    .products = {[CLEAVE_PRECISION_F32] = {.element = sizeof(float),
                                           .native = true,
                                           .gemm = gemm_f32_all,
                                           ELEMENT_KERNELS_OF(f32)},
                 [CLEAVE_PRECISION_F16] = {.element = sizeof(uint16_t),
                                           .native = F16_NATIVE,
                                           .gemm = gemm_f16_all,
                                           .narrow = narrow_to_f16,
                                           .narrow_vectors = narrow_to_f16,
                                           ELEMENT_KERNELS_OF(f16)},
                 [CLEAVE_PRECISION_BF16] = {.element = sizeof(uint16_t),
                                            .native = BF16_NATIVE,
                                            .gemm = BF16_GEMM,
                                            .narrow = narrow_to_bf16,
                                            .narrow_vectors = narrow_vectors_to_bf16,
                                            ELEMENT_KERNELS_OF(bf16)}},
    .widen_f16 = widen_f16,
    .narrow_f16 = narrow_f16,
    .load = {[ACT_NONE] = load_none,
             [ACT_GELU] = load_gelu,
             [ACT_RELU] = load_relu,
             [ACT_ELU] = load_elu},
    .multiply = multiply,
    .add = add,
    .winograd = {[WINOGRAD_4X4] = {winograd4_weights, winograd4_output},
                 [WINOGRAD_6X6] = {winograd6_weights, winograd6_output}},
    .statistics = statistics,
    .rope = rope,
    .transpose_rows = transpose_rows,
    .scale_rows = scale_rows,
    .bias_tanh = bias_tanh,
    .bias_gate = bias_gate,
    .fourier_pass = fourier_pass,
    .fourier_split = fourier_split,
    .fourier_cut = fourier_cut,
    .fourier_add = fourier_add,
};
