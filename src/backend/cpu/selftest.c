/* selftest.c: one small case for each kernel, of fixed random numbers, against arithmetic
 * in float64. */
#include "backend/cpu/selftest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels/dense_gemm.h"
#include "base/memory.h"
#include "base/random.h"

#define UNIT_ROUNDOFF 0x1p-24
#define F16_ROUNDOFF  0x1p-11
#define BF16_ROUNDOFF 0x1p-8

#define PANEL (CHANNEL_BLOCK * CHANNEL_BLOCK)

/* gemm's case; odd numbers of rows and blocks end in parts of every tile. */
#define ROWS   9
#define BLOCKS 3
#define DEPTH  (BLOCKS * CHANNEL_BLOCK)

#define POSITIONS 37 /* of the kernels that go along rows */
#define TILES     2

/* A pass of Fourier transforms: two blocks of as many butterflies, of the largest radix here. */
#define FOURIER_RADIX 7
#define FOURIER_APART 3
#define FOURIER_SIZE  (2 * FOURIER_RADIX * FOURIER_APART)
#define FRAMES        (CHANNEL_BLOCK - 1)
#define FRAME         37 /* samples of one, more than two vectors */
#define HOP           5

/* What all cases work in. Every array begins at a multiple of MEMORY_ALIGNMENT. */
typedef struct Bench {
    float a[BLOCKS * ROWS * CHANNEL_BLOCK];
    float b[GEMM_COLUMNS * DEPTH * CHANNEL_BLOCK];
    float a_elements[BLOCKS * ROWS * CHANNEL_BLOCK];
    float b_elements[GEMM_COLUMNS * DEPTH * CHANNEL_BLOCK];
    float c[GEMM_COLUMNS * ROWS * CHANNEL_BLOCK];
    float row[3][POSITIONS * CHANNEL_BLOCK];
    float taps[9 * PANEL];
    float weights[WINOGRAD_ELEMENTS_MAX * PANEL];
    float image[WINOGRAD_WINDOW_MAX * (TILES * WINOGRAD_TILE_MAX + 2) * CHANNEL_BLOCK];
    float windows[WINOGRAD_ELEMENTS_MAX * TILES * CHANNEL_BLOCK];
    float products[WINOGRAD_ELEMENTS_MAX * TILES * CHANNEL_BLOCK];
    float result[WINOGRAD_TILE_MAX * TILES * WINOGRAD_TILE_MAX * CHANNEL_BLOCK];
    float positions[2][FOURIER_SIZE * FOURIER_POSITION];
    float work[FOURIER_RADIX * FOURIER_POSITION];
    float numbers[2 * FOURIER_SIZE];
    float window[3 * CHANNEL_BLOCK];
    float samples[2][FRAMES * HOP + 3 * CHANNEL_BLOCK];
    uint32_t places[FRAME];
    uint64_t random;
} Bench;

typedef struct Tests {
    KernelTest *tests;
    int count;
} Tests;

/* ---- Numbers ----------------------------------------------------------------------------- */

/* Within ±[1/4, 1]: far from subnormals, so that roundings are relative. */
static void selftest_draw(Bench *bench, float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = random_next(&bench->random);
        float magnitude = 0.25F + 0.75F * (float)(bits >> 40) * 0x1p-24F;
        values[i] = bits & 1 ? magnitude : -magnitude;
    }
}

static void begin_test(Tests *tests, const char *name) {
    tests->tests[tests->count++] = (KernelTest){.name = name};
}

static void selftest_expect(const Tests *tests, double got, double expected, double bound) {
    KernelTest *test = &tests->tests[tests->count - 1];
    double share = fabs(got - expected) / bound;
    if (!isfinite(got) || isnan(share))
        share = INFINITY;
    test->error = fmax(test->error, share);
}

static double value_of(cleave_precision precision, uint16_t bits) {
    if (precision == CLEAVE_PRECISION_BF16) {
        uint32_t wide = (uint32_t)bits << 16;
        float value;
        memcpy(&value, &wide, sizeof(value));
        return (double)value;
    }
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    double magnitude = exponent ? ldexp(1024.0 + fraction, exponent - 25) : ldexp(fraction, -24);
    return exponent == 31 ? (double)NAN : bits & 0x8000 ? -magnitude : magnitude;
}

static double roundoff(cleave_precision precision) {
    return precision == CLEAVE_PRECISION_F16    ? F16_ROUNDOFF
           : precision == CLEAVE_PRECISION_BF16 ? BF16_ROUNDOFF
                                                : 0.0;
}

/* ---- Products ---------------------------------------------------------------------------- */

/* Both operands are rounded once, and each partial sum. */
static void test_gemm(Tests *tests, const Kernels *kernels, cleave_precision precision,
                      Bench *bench) {
    static const char *const names[PRECISIONS] = {[CLEAVE_PRECISION_F32] = "gemm f32",
                                                  [CLEAVE_PRECISION_F16] = "gemm f16",
                                                  [CLEAVE_PRECISION_BF16] = "gemm bf16"};
    const ProductKernels *products = &kernels->products[precision];
    DenseGemm gemm = {.rows = ROWS, .k_blocks = BLOCKS, .c = bench->c};
    begin_test(tests, names[precision]);
    selftest_draw(bench, bench->a, sizeof(bench->a) / sizeof(float));
    selftest_draw(bench, bench->b, sizeof(bench->b) / sizeof(float));
    dense_gemm_set_operands(&gemm, products, bench->a, bench->b, bench->a_elements,
                            bench->b_elements);
    dense_gemm_run(&gemm, products, 1);
    double share = 2.1 * roundoff(precision) + (DEPTH + 2) * UNIT_ROUNDOFF;
    for (size_t i = 0; i < GEMM_COLUMNS * ROWS * CHANNEL_BLOCK; i++) {
        size_t column = i / (ROWS * CHANNEL_BLOCK);
        size_t row = i / CHANNEL_BLOCK % ROWS;
        double sum = 0.0;
        double magnitude = 0.0;
        for (size_t k = 0; k < DEPTH; k++) {
            size_t at = (k / CHANNEL_BLOCK * ROWS + row) * CHANNEL_BLOCK + k % CHANNEL_BLOCK;
            size_t vector = (column * DEPTH + k) * CHANNEL_BLOCK + i % CHANNEL_BLOCK;
            double term = (double)bench->a[at] * (double)bench->b[vector];
            sum += term;
            magnitude += fabs(term);
        }
        selftest_expect(tests, (double)bench->c[i], sum, share * magnitude);
    }
}

static void test_narrow(Tests *tests, const Kernels *kernels, cleave_precision precision,
                        Bench *bench) {
    uint16_t *to = (uint16_t *)(void *)bench->row[1];
    begin_test(tests, precision == CLEAVE_PRECISION_F16 ? "narrow f16" : "narrow bf16");
    selftest_draw(bench, bench->row[0], POSITIONS * CHANNEL_BLOCK);
    kernels->products[precision].narrow(to, bench->row[0], POSITIONS);
    for (size_t i = 0; i < POSITIONS * CHANNEL_BLOCK; i++) {
        double x = (double)bench->row[0][i];
        selftest_expect(tests, value_of(precision, to[i]), x, roundoff(precision) * fabs(x));
    }
}

static void test_products(Tests *tests, const Kernels *kernels, Bench *bench) {
    for (cleave_precision p = CLEAVE_PRECISION_F32; p < PRECISIONS; p++) {
        if (kernels->products[p].element == 0)
            continue;
        test_gemm(tests, kernels, p, bench);
        if (kernels->products[p].narrow)
            test_narrow(tests, kernels, p, bench);
    }
}

/* Weights that are kept as f16, scaled on the way there and back. */
static void test_f16(Tests *tests, const Kernels *kernels, Bench *bench) {
    uint16_t *to = (uint16_t *)(void *)bench->row[1];
    size_t count = (size_t)POSITIONS * CHANNEL_BLOCK;
    selftest_draw(bench, bench->row[0], count);
    kernels->narrow_f16(to, bench->row[0], count, 0.5F);
    kernels->widen_f16(bench->row[2], to, count, 4.0F);
    begin_test(tests, "narrow f16 weights");
    for (size_t i = 0; i < count; i++) {
        double x = 0.5 * (double)bench->row[0][i];
        selftest_expect(tests, value_of(CLEAVE_PRECISION_F16, to[i]), x, F16_ROUNDOFF * fabs(x));
    }
    begin_test(tests, "widen f16 weights");
    for (size_t i = 0; i < count; i++) {
        double x = 4.0 * value_of(CLEAVE_PRECISION_F16, to[i]);
        selftest_expect(tests, (double)bench->row[2][i], x, UNIT_ROUNDOFF * fabs(x));
    }
}

/* ---- Rows -------------------------------------------------------------------------------- */

static double selftest_activate(ActKind act, double x) {
    switch (act) {
    case ACT_GELU:
        return x * 0.5 * erfc(-x * M_SQRT1_2);
    case ACT_RELU:
        return x < 0.0 ? 0.0 : x;
    case ACT_ELU:
        return x > 0.0 ? x : expm1(x);
    case ACT_NONE:
        break;
    }
    return x;
}

/* The affine step rounds twice, GELU's and ELU's functions are good to 4e-7 of their argument. */
static void test_load(Tests *tests, const Kernels *kernels, ActKind act, Bench *bench) {
    static const char *const names[ACT_KINDS] = {[ACT_NONE] = "load none",
                                                 [ACT_GELU] = "load gelu",
                                                 [ACT_RELU] = "load relu",
                                                 [ACT_ELU] = "load elu"};
    float *scale = bench->row[2];
    float *shift = bench->row[2] + CHANNEL_BLOCK;
    begin_test(tests, names[act]);
    selftest_draw(bench, bench->row[0], POSITIONS * CHANNEL_BLOCK);
    selftest_draw(bench, scale, 2 * CHANNEL_BLOCK);
    for (size_t i = 0; i < CHANNEL_BLOCK; i++)
        scale[i] *= 8.0F; /* so that activations see both of their ends */
    kernels->load[act](&(LoadArguments){.to = bench->row[1],
                                        .from = bench->row[0],
                                        .ahead = bench->row[0],
                                        .positions = POSITIONS,
                                        .scale = scale,
                                        .shift = shift,
                                        .alpha = 1.0F});
    for (size_t i = 0; i < POSITIONS * CHANNEL_BLOCK; i++) {
        double product = (double)bench->row[0][i] * (double)scale[i % CHANNEL_BLOCK];
        double offset = (double)shift[i % CHANNEL_BLOCK];
        selftest_expect(tests, (double)bench->row[1][i], selftest_activate(act, product + offset),
                        1e-6 * (fabs(product) + fabs(offset)));
    }
}

static void test_elementwise(Tests *tests, const Kernels *kernels, Bench *bench) {
    selftest_draw(bench, bench->row[0], POSITIONS * CHANNEL_BLOCK);
    selftest_draw(bench, bench->row[1], POSITIONS * CHANNEL_BLOCK);
    begin_test(tests, "multiply");
    kernels->multiply(bench->row[2], bench->row[0], bench->row[1], POSITIONS);
    for (size_t i = 0; i < POSITIONS * CHANNEL_BLOCK; i++) {
        double x = (double)bench->row[0][i] * (double)bench->row[1][i];
        selftest_expect(tests, (double)bench->row[2][i], x, UNIT_ROUNDOFF * fabs(x));
    }
    begin_test(tests, "add");
    kernels->add(bench->row[2], bench->row[0], bench->row[1], POSITIONS);
    for (size_t i = 0; i < POSITIONS * CHANNEL_BLOCK; i++) {
        double x = (double)bench->row[0][i] + (double)bench->row[1][i];
        selftest_expect(tests, (double)bench->row[2][i], x, UNIT_ROUNDOFF * fabs(x) + 0x1p-126);
    }
}

/* Sums of POSITIONS values within ±1, or squares within 4. */
static void test_statistics(Tests *tests, const Kernels *kernels, Bench *bench) {
    float mean[CHANNEL_BLOCK];
    float squares[CHANNEL_BLOCK];
    selftest_draw(bench, bench->row[0], POSITIONS * CHANNEL_BLOCK);
    kernels->statistics(&(StatisticsArguments){.from = bench->row[0],
                                               .rows = 1,
                                               .positions = POSITIONS,
                                               .mean = mean,
                                               .squares = squares});
    begin_test(tests, "statistics");
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
        double sum = 0.0;
        double around = 0.0;
        for (size_t i = 0; i < POSITIONS; i++)
            sum += (double)bench->row[0][i * CHANNEL_BLOCK + lane];
        for (size_t i = 0; i < POSITIONS; i++) {
            double x = (double)bench->row[0][i * CHANNEL_BLOCK + lane] - sum / POSITIONS;
            around += x * x;
        }
        selftest_expect(tests, (double)mean[lane], sum / POSITIONS, POSITIONS * UNIT_ROUNDOFF);
        selftest_expect(tests, (double)squares[lane], around,
                        4.0 * POSITIONS * POSITIONS * UNIT_ROUNDOFF);
    }
}

/* ---- Winograd ---------------------------------------------------------------------------- */

static size_t image_width(WinogradSize size) {
    return TILES * winograd_tile(size) + 2;
}

static size_t result_width(WinogradSize size) {
    return TILES * winograd_tile(size);
}

/* A 3×3 convolution of one block of channels by one table's transforms of the input, the weights
 * and the output. */
static void run_winograd(WinogradSize size, const Kernels *input, const Kernels *weights,
                         const Kernels *output, Bench *bench) {
    input->products[CLEAVE_PRECISION_F32].winograd_input[size](
        bench->windows, TILES * CHANNEL_BLOCK, bench->image, image_width(size) * CHANNEL_BLOCK,
        TILES);
    weights->winograd[size].weights(bench->weights, PANEL, bench->taps);
    for (size_t i = 0; i < winograd_elements(size) * TILES * CHANNEL_BLOCK; i++) {
        const float *window = bench->windows + i / CHANNEL_BLOCK * CHANNEL_BLOCK;
        const float *panel = bench->weights + i / (TILES * CHANNEL_BLOCK) * PANEL;
        double sum = 0.0;
        for (size_t k = 0; k < CHANNEL_BLOCK; k++)
            sum += (double)window[k] * (double)panel[k * CHANNEL_BLOCK + i % CHANNEL_BLOCK];
        bench->products[i] = (float)sum;
    }
    output->winograd[size].output(&(WinogradOutput){.from = bench->products,
                                                    .from_stride = TILES * CHANNEL_BLOCK,
                                                    .to = bench->result,
                                                    .to_stride = result_width(size) * CHANNEL_BLOCK,
                                                    .rows = winograd_tile(size),
                                                    .positions = result_width(size)});
}

/* The transforms of F(4×4) enlarge roundings some fifty times, and those of F(6×6) four times more.
 */
static void expect_convolution(const Tests *tests, WinogradSize size, const Bench *bench) {
    double enlarged = size == WINOGRAD_6X6 ? 200.0 : 50.0;
    size_t width = result_width(size);
    for (size_t i = 0; i < winograd_tile(size) * width * CHANNEL_BLOCK; i++) {
        size_t y = i / (width * CHANNEL_BLOCK);
        size_t x = i / CHANNEL_BLOCK % width;
        double sum = 0.0;
        double magnitude = 0.0;
        for (size_t t = 0; t < 9 * (size_t)CHANNEL_BLOCK; t++) {
            size_t tap = t / CHANNEL_BLOCK;
            size_t channel = t % CHANNEL_BLOCK;
            size_t at = ((y + tap / 3) * image_width(size) + x + tap % 3) * CHANNEL_BLOCK + channel;
            double term = (double)bench->image[at] *
                          (double)bench->taps[t * CHANNEL_BLOCK + i % CHANNEL_BLOCK];
            sum += term;
            magnitude += fabs(term);
        }
        selftest_expect(tests, (double)bench->result[i], sum, enlarged * UNIT_ROUNDOFF * magnitude);
    }
}

/* Each transform by itself, with the reference's two others. */
static void test_winograd(Tests *tests, const Kernels *kernels, WinogradSize size, Bench *bench) {
    static const char *const names[WINOGRAD_SIZES][3] = {
        [WINOGRAD_4X4] = {"winograd input", "winograd weights", "winograd output"},
        [WINOGRAD_6X6] = {"winograd6 input", "winograd6 weights", "winograd6 output"}};
    const Kernels *reference = &kernels_reference;
    selftest_draw(bench, bench->image, sizeof(bench->image) / sizeof(float));
    selftest_draw(bench, bench->taps, sizeof(bench->taps) / sizeof(float));
    for (int which = 0; which < 3; which++) {
        begin_test(tests, names[size][which]);
        run_winograd(size, which == 0 ? kernels : reference, which == 1 ? kernels : reference,
                     which == 2 ? kernels : reference, bench);
        expect_convolution(tests, size, bench);
    }
}

/* ---- Fourier transforms ------------------------------------------------------------------ */

/* What a pass makes of a value: the real or (part 1) the imaginary part of a product of a value
 * and e^(-2πi · turn). */
static double turned(const float *position, double turn, int part) {
    double re = (double)position[0];
    double im = (double)position[CHANNEL_BLOCK];
    double angle = 2.0 * M_PI * turn;
    return part == 0 ? re * cos(angle) + im * sin(angle) : im * cos(angle) - re * sin(angle);
}

static void expect_pass(const Tests *tests, const Bench *bench, size_t radix) {
    size_t size = radix * FOURIER_APART;
    for (size_t i = 0; i < 2 * size * FOURIER_POSITION; i++) {
        size_t position = i / FOURIER_POSITION;
        size_t k = position % FOURIER_APART;
        size_t j = position / FOURIER_APART % radix;
        int part = (int)(i / CHANNEL_BLOCK % 2);
        double sum = 0.0;
        for (size_t q = 0; q < radix; q++) {
            size_t from = (position / size * size + k + q * FOURIER_APART) * FOURIER_POSITION;
            double turn = (double)(q * k) / (double)size + (double)(q * j) / (double)radix;
            sum += turned(bench->positions[0] + from + i % CHANNEL_BLOCK, turn, part);
        }
        selftest_expect(tests, (double)bench->positions[1][i], sum,
                        2.0 * (double)(radix * (radix + 4)) * UNIT_ROUNDOFF);
    }
}

static void set_number(float *number, double turn) {
    number[0] = (float)cos(2.0 * M_PI * turn);
    number[1] = (float)-sin(2.0 * M_PI * turn);
}

/* Each radix that has a butterfly of its own, and one that has none. */
static void test_fourier_pass(Tests *tests, const Kernels *kernels, Bench *bench) {
    static const size_t radices[] = {2, 3, 4, 5, FOURIER_RADIX};
    float roots[2 * FOURIER_RADIX];
    begin_test(tests, "fourier pass");
    selftest_draw(bench, bench->positions[0], FOURIER_SIZE * FOURIER_POSITION);
    for (size_t i = 0; i < sizeof(radices) / sizeof(radices[0]); i++) {
        size_t radix = radices[i];
        float *twiddle = bench->numbers;
        for (size_t k = 0; k < FOURIER_APART; k++)
            for (size_t q = 1; q < radix; q++, twiddle += 2)
                set_number(twiddle, (double)(k * q) / (double)(radix * FOURIER_APART));
        for (size_t j = 0; j < radix; j++)
            set_number(roots + 2 * j, (double)j / (double)radix);
        memcpy(bench->positions[1], bench->positions[0], sizeof(bench->positions[0]));
        kernels->fourier_pass(&(FourierPass){.data = bench->positions[1],
                                             .blocks = 2,
                                             .radix = radix,
                                             .apart = FOURIER_APART,
                                             .twiddles = bench->numbers,
                                             .roots = roots,
                                             .work = bench->work});
        expect_pass(tests, bench, radix);
    }
}

static void test_fourier_split(Tests *tests, const Kernels *kernels, Bench *bench) {
    enum { HALF = FOURIER_SIZE - 1 };
    begin_test(tests, "fourier split");
    selftest_draw(bench, bench->positions[0], FOURIER_SIZE * FOURIER_POSITION);
    selftest_draw(bench, bench->numbers, FOURIER_SIZE);
    kernels->fourier_split(&(FourierSplit){.from = bench->positions[0],
                                           .to = bench->positions[1],
                                           .half = HALF,
                                           .roots = bench->numbers,
                                           .scale = 0.5F});
    for (size_t i = 0; i < FOURIER_SIZE * CHANNEL_BLOCK; i++) {
        size_t at = i / CHANNEL_BLOCK * FOURIER_POSITION + i % CHANNEL_BLOCK;
        size_t mirrored = HALF * FOURIER_POSITION + 2 * (i % CHANNEL_BLOCK) - at;
        bool low = at < mirrored;
        const float *a = bench->positions[0] + (low ? at : mirrored);
        const float *b = bench->positions[0] + (low ? mirrored : at);
        const float *root = bench->numbers + 2 * (size_min(at, mirrored) / FOURIER_POSITION);
        double re = (double)a[0] - (double)b[0];
        double im = (double)a[CHANNEL_BLOCK] + (double)b[CHANNEL_BLOCK];
        double even = 0.5 * ((double)a[0] + (double)b[0]);
        double odd = re * (double)root[0] - im * (double)root[1];
        double even_im = 0.5 * ((double)a[CHANNEL_BLOCK] - (double)b[CHANNEL_BLOCK]);
        double odd_im = re * (double)root[1] + im * (double)root[0];
        const float *got = bench->positions[1] + at;
        selftest_expect(tests, (double)got[0], low ? even + odd : even - odd, 24.0 * UNIT_ROUNDOFF);
        selftest_expect(tests, (double)got[CHANNEL_BLOCK],
                        low ? even_im + odd_im : odd_im - even_im, 24.0 * UNIT_ROUNDOFF);
    }
}

static void draw_window(Bench *bench) {
    memset(bench->window, 0, sizeof(bench->window));
    selftest_draw(bench, bench->window, FRAME);
}

static void test_fourier_cut(Tests *tests, const Kernels *kernels, Bench *bench) {
    begin_test(tests, "fourier cut");
    draw_window(bench);
    selftest_draw(bench, bench->samples[0], sizeof(bench->samples[0]) / sizeof(float));
    for (size_t i = 0; i < FRAME; i++)
        bench->places[i] = (uint32_t)((FRAME - 1 - i) * CHANNEL_BLOCK);
    kernels->fourier_cut(&(FourierCut){.from = bench->samples[0],
                                       .hop = HOP,
                                       .frames = FRAMES,
                                       .samples = FRAME,
                                       .window = bench->window,
                                       .to = bench->positions[0],
                                       .places = bench->places});
    for (size_t i = 0; i < FRAME; i++)
        for (size_t frame = 0; frame < FRAMES; frame++) {
            double x = (double)bench->samples[0][frame * HOP + i] * (double)bench->window[i];
            selftest_expect(tests, (double)bench->positions[0][bench->places[i] + frame], x,
                            UNIT_ROUNDOFF * fabs(x));
        }
}

/* At most CHANNEL_BLOCK sums within CHANNEL_BLOCK. */
static void test_fourier_add(Tests *tests, const Kernels *kernels, Bench *bench) {
    const float *from = bench->positions[0];
    size_t room = sizeof(bench->samples[0]) / sizeof(float);
    begin_test(tests, "fourier add");
    draw_window(bench);
    selftest_draw(bench, bench->positions[0], FRAME * CHANNEL_BLOCK);
    selftest_draw(bench, bench->samples[0], room);
    memcpy(bench->samples[1], bench->samples[0], sizeof(bench->samples[0]));
    kernels->fourier_add(&(FourierAdd){.from = from,
                                       .from_step = CHANNEL_BLOCK,
                                       .to = bench->samples[1],
                                       .hop = HOP,
                                       .frames = FRAMES,
                                       .samples = FRAME,
                                       .window = bench->window});
    for (size_t at = 0; at < room; at++) {
        double sum = (double)bench->samples[0][at];
        for (size_t frame = 0; frame < FRAMES && frame * HOP <= at; frame++) {
            size_t i = at - frame * HOP;
            if (i < FRAME)
                sum += (double)from[i * CHANNEL_BLOCK + frame] * (double)bench->window[i];
        }
        selftest_expect(tests, (double)bench->samples[1][at], sum,
                        CHANNEL_BLOCK * CHANNEL_BLOCK * UNIT_ROUNDOFF);
    }
}

/* The rows that frames are loaded from, one without any, and stored to. */
static void test_transpose_rows(Tests *tests, const Kernels *kernels, Bench *bench) {
    TransposeArguments rows = {
        .from_step = CHANNEL_BLOCK, .to_step = CHANNEL_BLOCK, .count = BLOCKS};
    begin_test(tests, "transpose rows");
    selftest_draw(bench, bench->taps, BLOCKS * PANEL);
    for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
        rows.from[i] = i == 5 ? NULL : bench->taps + i * BLOCKS * CHANNEL_BLOCK;
        rows.to[i] = bench->weights + i * BLOCKS * CHANNEL_BLOCK;
    }
    kernels->transpose_rows(&rows);
    for (size_t i = 0; i < CHANNEL_BLOCK; i++)
        for (size_t at = 0; at < BLOCKS * CHANNEL_BLOCK; at++) {
            size_t j = at % CHANNEL_BLOCK;
            double x = rows.from[j] ? (double)rows.from[j][at - j + i] : 0.0;
            selftest_expect(tests, (double)rows.to[i][at], x, 0x1p-126);
        }
}

int kernels_self_test(const Kernels *kernels, KernelTest tests[KERNEL_TESTS_MAX]) {
    Tests done = {.tests = tests};
    Bench *bench = memory_allocate_aligned(sizeof(*bench));
    if (!bench)
        return 0;
    bench->random = 1;
    test_products(&done, kernels, bench);
    test_f16(&done, kernels, bench);
    for (int act = 0; act < ACT_KINDS; act++)
        test_load(&done, kernels, (ActKind)act, bench);
    test_elementwise(&done, kernels, bench);
    test_statistics(&done, kernels, bench);
    for (int size = 0; size < WINOGRAD_SIZES; size++)
        test_winograd(&done, kernels, (WinogradSize)size, bench);
    test_transpose_rows(&done, kernels, bench);
    test_fourier_pass(&done, kernels, bench);
    test_fourier_split(&done, kernels, bench);
    test_fourier_cut(&done, kernels, bench);
    test_fourier_add(&done, kernels, bench);
    memory_free_aligned(bench);
    return done.count;
}
