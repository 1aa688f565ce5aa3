/* reference.c: every kernel in plain C, written to be read. The twins must agree with it. */
#include <math.h>
#include <string.h>

#include "backend/cpu/kernels/kernels.h"
#include "base/half.h"

/* ---- Half precision ---- */

static void narrow_to_bf16(void *to, const float *from, size_t positions) {
    uint16_t *elements = to;
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++)
        elements[i] = bf16_from_float(from[i]);
}

static void narrow_to_f16(void *to, const float *from, size_t positions) {
    uint16_t *elements = to;
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++)
        elements[i] = half_from_float_plain(from[i]);
}

static void widen_f16(float *to, const uint16_t *from, size_t count, float scale) {
    for (size_t i = 0; i < count; i++)
        to[i] = half_to_float(from[i]) * scale;
}

static void narrow_f16(uint16_t *to, const float *from, size_t count, float scale) {
    for (size_t i = 0; i < count; i++)
        to[i] = half_from_float_plain(from[i] * scale);
}

/* ---- Elements of a precision ---- */

/* Stores a value as element `at`. */
typedef void ElementStore(void *to, size_t at, float x);

static void store_f32(void *to, size_t at, float x) {
    ((float *)to)[at] = x;
}

static void store_f16(void *to, size_t at, float x) {
    ((uint16_t *)to)[at] = half_from_float_plain(x);
}

static void store_bf16(void *to, size_t at, float x) {
    ((uint16_t *)to)[at] = bf16_from_float(x);
}

/* ---- gemm ---- */

static float element_f32(const void *elements, size_t at) {
    return ((const float *)elements)[at];
}

static float element_f16(const void *elements, size_t at) {
    return half_to_float(((const uint16_t *)elements)[at]);
}

static float element_bf16(const void *elements, size_t at) {
    return bf16_to_float(((const uint16_t *)elements)[at]);
}

/* Row `row` of A times one column block of B. */
static inline void multiply_row(const GemmArguments *g, size_t row, int column, float *sums,
                                float (*element)(const void *, size_t)) {
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++)
        sums[lane] = 0;
    for (size_t block = 0; block < g->k_blocks; block++)
        for (size_t k = 0; k < CHANNEL_BLOCK; k++) {
            float left = element(g->a[block], row * g->a_stride + k);
            size_t vector = (block * CHANNEL_BLOCK + k) * CHANNEL_BLOCK;
            for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++)
                sums[lane] += left * element(g->b[column], vector + lane);
        }
}

static inline void gemm(const GemmArguments *g, float (*element)(const void *, size_t)) {
    for (int column = 0; column < g->columns; column++)
        for (size_t row = 0; row < g->rows; row++) {
            float sums[CHANNEL_BLOCK];
            size_t at = row * g->c_stride;
            multiply_row(g, row, column, sums, element);
            for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
                float sum = g->bias[column] ? sums[lane] + g->bias[column][lane] : sums[lane];
                g->c[column][at + lane] = g->add[column] ? sum + g->add[column][at + lane] : sum;
            }
        }
}

static void gemm_f32(const GemmArguments *g) {
    gemm(g, element_f32);
}

static void gemm_f16(const GemmArguments *g) {
    gemm(g, element_f16);
}

static void gemm_bf16(const GemmArguments *g) {
    gemm(g, element_bf16);
}

/* ---- Loading ---- */

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

static inline void load(const LoadArguments *a, float (*act)(float, float)) {
    for (size_t i = 0; i < a->positions * CHANNEL_BLOCK; i++) {
        size_t lane = i % CHANNEL_BLOCK;
        a->to[i] = act(a->from[i] * a->scale[lane] + a->shift[lane], a->alpha);
    }
}

static void load_none(const LoadArguments *a) {
    load(a, act_none);
}

static void load_gelu(const LoadArguments *a) {
    load(a, act_gelu);
}

static void load_relu(const LoadArguments *a) {
    load(a, act_relu);
}

static void load_elu(const LoadArguments *a) {
    load(a, act_elu);
}

static void multiply(float *to, const float *a, const float *b, size_t positions) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++)
        to[i] = a[i] * b[i];
}

static void add(float *to, const float *a, const float *b, size_t positions) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++)
        to[i] = a[i] + b[i];
}

/* ---- Winograd ---- */

#define SQRT_HALF 0.70710678118654752f
#define SQRT_TWO  1.41421356237309505f

/* Bᵀ, G or Aᵀ, with up to so many rows and columns. */
typedef float Transform[WINOGRAD_WINDOW_MAX][WINOGRAD_WINDOW_MAX];

typedef struct WinogradMatrices {
    Transform input;   /* Bᵀ */
    Transform weights; /* G */
    Transform output;  /* Aᵀ */
} WinogradMatrices;

static const WinogradMatrices winograd_matrices[WINOGRAD_SIZES] = {
    [WINOGRAD_4X4] = {.input = {{1, 0, -2.5f, 0, 1, 0},
                                {0, -SQRT_TWO, -2, SQRT_HALF, 1, 0},
                                {0, SQRT_TWO, -2, -SQRT_HALF, 1, 0},
                                {0, -SQRT_HALF, -0.5f, SQRT_TWO, 1, 0},
                                {0, SQRT_HALF, -0.5f, -SQRT_TWO, 1, 0},
                                {0, 1, 0, -2.5f, 0, 1}},
                      .weights = {{1, 0, 0},
                                  {-2.0f / 3, -2.0f / 3 * SQRT_HALF, -1.0f / 3},
                                  {-2.0f / 3, 2.0f / 3 * SQRT_HALF, -1.0f / 3},
                                  {1.0f / 6, SQRT_TWO / 6, 1.0f / 3},
                                  {1.0f / 6, -SQRT_TWO / 6, 1.0f / 3},
                                  {0, 0, 1}},
                      .output = {{1, 1, 1, 1, 1, 0},
                                 {0, SQRT_HALF, -SQRT_HALF, SQRT_TWO, -SQRT_TWO, 0},
                                 {0, 0.5f, 0.5f, 2, 2, 0},
                                 {0, 0.5f * SQRT_HALF, -0.5f * SQRT_HALF, 2 * SQRT_TWO,
                                  -2 * SQRT_TWO, 1}}},
    [WINOGRAD_6X6] = {.input = {{1, 0, -5.25f, 0, 5.25f, 0, -1, 0},
                                {0, 2, 4, -2.5f, -5, 0.5f, 1, 0},
                                {0, -2, 4, 2.5f, -5, -0.5f, 1, 0},
                                {0, 1, 1, -4.25f, -4.25f, 1, 1, 0},
                                {0, -1, 1, 4.25f, -4.25f, -1, 1, 0},
                                {0, 0.5f, 0.25f, -2.5f, -1.25f, 2, 1, 0},
                                {0, -0.5f, 0.25f, 2.5f, -1.25f, -2, 1, 0},
                                {0, -1, 0, 5.25f, 0, -5.25f, 0, 1}},
                      .weights = {{1, 0, 0},
                                  {32.0f / 45, 16.0f / 45, 8.0f / 45},
                                  {32.0f / 45, -16.0f / 45, 8.0f / 45},
                                  {-2.0f / 9, -2.0f / 9, -2.0f / 9},
                                  {-2.0f / 9, 2.0f / 9, -2.0f / 9},
                                  {1.0f / 90, 1.0f / 45, 2.0f / 45},
                                  {1.0f / 90, -1.0f / 45, 2.0f / 45},
                                  {0, 0, 1}},
                      .output = {{1, 1, 1, 1, 1, 1, 1, 0},
                                 {0, 0.5f, -0.5f, 1, -1, 2, -2, 0},
                                 {0, 0.25f, 0.25f, 1, 1, 4, 4, 0},
                                 {0, 0.125f, -0.125f, 1, -1, 8, -8, 0},
                                 {0, 0.0625f, 0.0625f, 1, 1, 16, 16, 0},
                                 {0, 0.03125f, -0.03125f, 1, -1, 32, -32, 1}}},
};

/* to = T from Tᵀ, with T (out × in), from (in × in) and to (out × out). */
static void transform(Transform to, const Transform t, const Transform from, size_t out,
                      size_t in) {
    Transform half;
    for (size_t i = 0; i < out; i++)
        for (size_t k = 0; k < in; k++) {
            half[i][k] = 0;
            for (size_t j = 0; j < in; j++)
                half[i][k] += t[i][j] * from[j][k];
        }
    for (size_t i = 0; i < out; i++)
        for (size_t k = 0; k < out; k++) {
            to[i][k] = 0;
            for (size_t j = 0; j < in; j++)
                to[i][k] += t[k][j] * half[i][j];
        }
}

static inline void winograd_input(WinogradSize size, void *to, size_t to_stride, const float *from,
                                  size_t from_stride, size_t tiles, ElementStore *store) {
    size_t side = winograd_window(size);
    for (size_t i = 0; i < tiles * CHANNEL_BLOCK; i++) {
        size_t tile = i / CHANNEL_BLOCK;
        size_t lane = i % CHANNEL_BLOCK;
        Transform window;
        Transform elements;
        for (size_t y = 0; y < side; y++)
            for (size_t x = 0; x < side; x++)
                window[y][x] =
                    from[y * from_stride + (tile * winograd_tile(size) + x) * CHANNEL_BLOCK + lane];
        transform(elements, winograd_matrices[size].input, window, side, side);
        for (size_t e = 0; e < winograd_elements(size); e++)
            store(to, e * to_stride + i, elements[e / side][e % side]);
    }
}

static inline void winograd_weights(WinogradSize size, float *to, size_t to_stride,
                                    const float *taps) {
    size_t side = winograd_window(size);
    for (size_t i = 0; i < CHANNEL_BLOCK * CHANNEL_BLOCK; i++) {
        Transform filter;
        Transform elements;
        for (size_t tap = 0; tap < 9; tap++)
            filter[tap / 3][tap % 3] = taps[tap * CHANNEL_BLOCK * CHANNEL_BLOCK + i];
        transform(elements, winograd_matrices[size].weights, filter, side, 3);
        for (size_t e = 0; e < winograd_elements(size); e++)
            to[e * to_stride + i] = elements[e / side][e % side];
    }
}

static inline void winograd_output(WinogradSize size, const WinogradOutput *o) {
    size_t side = winograd_window(size);
    for (size_t i = 0; i < o->positions * CHANNEL_BLOCK; i++) {
        size_t position = i / CHANNEL_BLOCK;
        size_t lane = i % CHANNEL_BLOCK;
        const float *from = o->from + position / winograd_tile(size) * CHANNEL_BLOCK + lane;
        Transform elements;
        Transform tile;
        for (size_t e = 0; e < winograd_elements(size); e++)
            elements[e / side][e % side] = from[e * o->from_stride];
        transform(tile, winograd_matrices[size].output, elements, winograd_tile(size), side);
        for (size_t y = 0; y < o->rows; y++) {
            size_t at = y * o->to_stride + i;
            float value = tile[y][position % winograd_tile(size)];
            o->to[at] = o->add ? value + o->add[at] : value;
        }
    }
}

#define WINOGRAD_KERNELS(name, size)                                                         \
    static inline void name##_input(void *to, size_t to_stride, const float *from,           \
                                    size_t from_stride, size_t tiles, ElementStore *store) { \
        winograd_input(size, to, to_stride, from, from_stride, tiles, store);                \
    }                                                                                        \
    static void name##_weights(float *to, size_t to_stride, const float *taps) {             \
        winograd_weights(size, to, to_stride, taps);                                         \
    }                                                                                        \
    static void name##_output(const WinogradOutput *o) {                                     \
        winograd_output(size, o);                                                            \
    }

WINOGRAD_KERNELS(winograd4, WINOGRAD_4X4)
WINOGRAD_KERNELS(winograd6, WINOGRAD_6X6)

static void statistics(const StatisticsArguments *s) {
    double count = (double)s->rows * (double)s->positions;
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
        double sum = 0;
        for (size_t row = 0; row < s->rows; row++)
            for (size_t i = 0; i < s->positions; i++)
                sum += s->from[row * s->stride + i * CHANNEL_BLOCK + lane];
        float center = (float)(sum / count);
        double square_sum = 0;
        for (size_t row = 0; row < s->rows; row++)
            for (size_t i = 0; i < s->positions; i++) {
                double difference =
                    (double)s->from[row * s->stride + i * CHANNEL_BLOCK + lane] - center;
                square_sum += difference * difference;
            }
        s->mean[lane] = center;
        s->squares[lane] = (float)square_sum;
    }
}

/* ---- Tokens ---- */

static size_t softmax_at(const SoftmaxArguments *a, size_t row, size_t key) {
    return (key / CHANNEL_BLOCK * a->stride + row) * CHANNEL_BLOCK + key % CHANNEL_BLOCK;
}

static inline void softmax(const SoftmaxArguments *a, ElementStore *store) {
    size_t padded = (a->keys + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK * CHANNEL_BLOCK;
    for (size_t row = 0; row < a->rows; row++) {
        float largest = -INFINITY;
        double sum = 0;
        for (size_t key = 0; key < a->keys; key++)
            largest = fmaxf(largest, a->scores[softmax_at(a, row, key)]);
        for (size_t key = 0; key < padded; key++) {
            size_t at = softmax_at(a, row, key);
            float power = key < a->keys ? exp2f(a->scores[at] - largest) : 0;
            sum += (double)power;
            store(a->powers, at, power);
        }
        a->sums[row] = (float)sum;
    }
}

static inline void rms_norm(const RmsNormArguments *a, ElementStore *store) {
    for (size_t row = 0; row < a->rows; row++) {
        const float *from = a->from + row * a->from_stride;
        double squares = 0;
        for (size_t i = 0; i < a->blocks * CHANNEL_BLOCK; i++)
            squares += (double)from[i] * (double)from[i];
        float length = fmaxf((float)sqrt(squares), 1e-12f);
        for (size_t i = 0; i < a->blocks * CHANNEL_BLOCK; i++)
            store(a->to, row * a->to_stride + i / CHANNEL_BLOCK * a->to_block + i % CHANNEL_BLOCK,
                  from[i] / length * a->gain[i]);
    }
}

static inline void bias_gelu(void *to, const float *from, const float *bias, size_t positions,
                             ElementStore *store) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++)
        store(to, i, act_gelu(from[i] + bias[i % CHANNEL_BLOCK], 0));
}

#include "backend/cpu/kernels/element_kernels.h"

static void rope(const RopeArguments *a) {
    for (size_t i = 0; i < a->positions * CHANNEL_BLOCK; i++) {
        float x = a->x[i] * a->scale;
        float y = a->y[i] * a->scale;
        a->x[i] = x * a->cosines[i] - y * a->sines[i];
        a->y[i] = y * a->cosines[i] + x * a->sines[i];
    }
}

static void transpose_rows(const TransposeArguments *a) {
    for (size_t n = 0; n < a->count; n++)
        for (size_t i = 0; i < CHANNEL_BLOCK; i++)
            for (size_t j = 0; j < CHANNEL_BLOCK && a->to[i]; j++)
                a->to[i][n * a->to_step + j] = a->from[j] ? a->from[j][n * a->from_step + i] : 0;
}

static void scale_rows(float *to, const float *from, const float *factors, size_t rows) {
    for (size_t i = 0; i < rows * CHANNEL_BLOCK; i++)
        to[i] = from[i] * factors[i / CHANNEL_BLOCK];
}

/* ---- Masks ---- */

static void bias_tanh(float *to, const float *from, const float *bias, size_t positions) {
    for (size_t i = 0; i < positions * CHANNEL_BLOCK; i++)
        to[i] = tanhf(from[i] + bias[i / CHANNEL_BLOCK]);
}

static void bias_gate(const GateArguments *g) {
    for (size_t i = 0; i < g->positions * CHANNEL_BLOCK; i++) {
        float value = g->values[i] + g->value_bias[i / CHANNEL_BLOCK];
        float gate = g->gates[i] + g->gate_bias[i / CHANNEL_BLOCK];
        g->to[i] = value / (1 + expf(-gate));
    }
}

/* ---- Fourier transforms ---- */

typedef struct Complex {
    double re;
    double im;
} Complex;

/* One lane of a position. */
static Complex complex_load(const float *at) {
    return (Complex){(double)at[0], (double)at[CHANNEL_BLOCK]};
}

static void complex_store(float *at, Complex x) {
    at[0] = (float)x.re;
    at[CHANNEL_BLOCK] = (float)x.im;
}

static Complex complex_sum(Complex a, Complex b) {
    return (Complex){a.re + b.re, a.im + b.im};
}

/* x times a number of a table. */
static Complex complex_times(Complex x, const float *number) {
    double re = (double)number[0];
    double im = (double)number[1];
    return (Complex){x.re * re - x.im * im, x.re * im + x.im * re};
}

/* Sum j of one butterfly, of which only this lane is computed. */
static Complex butterfly_sum(const FourierPass *p, const float *from, size_t k, size_t j) {
    const float *twiddles = p->twiddles + 2 * k * (p->radix - 1);
    Complex sum = complex_load(from);
    for (size_t q = 1; q < p->radix; q++) {
        Complex x = complex_load(from + q * p->apart * FOURIER_POSITION);
        x = complex_times(x, twiddles + 2 * (q - 1));
        sum = complex_sum(sum, complex_times(x, p->roots + 2 * (q * j % p->radix)));
    }
    return sum;
}

static void butterfly(const FourierPass *p, float *data, size_t k) {
    Complex own[FOURIER_OWN_RADIX];
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
        for (size_t j = 0; j < p->radix; j++) {
            Complex sum = butterfly_sum(p, data + lane, k, j);
            if (p->radix <= FOURIER_OWN_RADIX)
                own[j] = sum;
            else
                complex_store(p->work + j * FOURIER_POSITION, sum);
        }
        for (size_t j = 0; j < p->radix; j++)
            complex_store(data + j * p->apart * FOURIER_POSITION + lane,
                          p->radix <= FOURIER_OWN_RADIX
                              ? own[j]
                              : complex_load(p->work + j * FOURIER_POSITION));
    }
}

static void fourier_pass(const FourierPass *p) {
    for (size_t block = 0; block < p->blocks; block++)
        for (size_t k = 0; k < p->apart; k++)
            butterfly(p, p->data + (block * p->radix * p->apart + k) * FOURIER_POSITION, k);
}

static size_t split_place(const FourierSplit *s, size_t position) {
    return s->places ? s->places[position] : position * FOURIER_POSITION;
}

static void fourier_split(const FourierSplit *s) {
    double scale = (double)s->scale;
    for (size_t k = 0; k <= s->half / 2; k++)
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
            Complex a = complex_load(s->from + k * FOURIER_POSITION + lane);
            Complex b = complex_load(s->from + (s->half - k) * FOURIER_POSITION + lane);
            Complex sum = {scale * (a.re + b.re), scale * (a.im - b.im)};
            Complex difference = {a.re - b.re, a.im + b.im};
            difference = complex_times(difference, s->roots + 2 * k);
            Complex low = complex_sum(sum, difference);
            Complex high = {sum.re - difference.re, difference.im - sum.im};
            complex_store(s->to + split_place(s, k) + lane, low);
            complex_store(s->to + split_place(s, s->half - k) + lane, high);
        }
}

static void fourier_cut(const FourierCut *c) {
    for (size_t i = 0; i < c->samples; i++)
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
            size_t frame = lane < c->frames ? lane : c->frames - 1;
            c->to[c->places[i] + lane] = c->from[frame * c->hop + i] * c->window[i];
        }
}

static void fourier_add(const FourierAdd *a) {
    for (size_t frame = 0; frame < a->frames; frame++)
        for (size_t i = 0; i < a->samples; i++)
            a->to[frame * a->hop + i] += a->from[i * a->from_step + frame] * a->window[i];
}

const Kernels kernels_reference = {
    .name = "reference",
    .needs = "",
    .products = {[CLEAVE_PRECISION_F32] = {.element = sizeof(float),
                                           .native = true,
                                           .gemm = gemm_f32,
                                           ELEMENT_KERNELS_OF(f32)},
                 [CLEAVE_PRECISION_F16] = {.element = sizeof(uint16_t),
                                           .gemm = gemm_f16,
                                           .narrow = narrow_to_f16,
                                           .narrow_vectors = narrow_to_f16,
                                           ELEMENT_KERNELS_OF(f16)},
                 [CLEAVE_PRECISION_BF16] = {.element = sizeof(uint16_t),
                                            .gemm = gemm_bf16,
                                            .narrow = narrow_to_bf16,
                                            .narrow_vectors = narrow_to_bf16,
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
