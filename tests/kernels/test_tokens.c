/* test_tokens.c: the kernels of tokens: norms of rows, softmax, RoPE, and what is smaller. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "elements.h"
#include "kernel_tests.h"

static void check_near(const char *what, size_t at, float got, double expected, double tolerance) {
    if (!(fabs((double)got - expected) <= tolerance))
        check_fail(what, at, (double)got, expected);
}

/* ---- RMS norm ---- */

static double length_of(const float *row, size_t features) {
    double squares = 0;
    for (size_t i = 0; i < features; i++)
        squares += (double)row[i] * (double)row[i];
    return fmax(sqrt(squares), 1e-12);
}

/* The elements are those of the norm in f32, whose arguments these are. */
static void verify_norm_elements(const Kernels *kernels, const RmsNormArguments *wide,
                                 cleave_precision precision) {
    RmsNormArguments narrow = *wide;
    size_t count = wide->rows * wide->blocks * CHANNEL_BLOCK;
    uint16_t *got = element_room(count);
    narrow.to = got;
    kernels->products[precision].rms_norm(&narrow);
    check_elements("norm as elements", &kernels->products[precision], got, wide->to, count);
    memory_free_aligned(got);
}

/* Of rows of x, from_stride apart, into blocks. */
static void verify_norm(const Kernels *kernels, size_t rows, size_t blocks, float range) {
    size_t features = blocks * CHANNEL_BLOCK;
    size_t stride = features + random_below(2) * CHANNEL_BLOCK;
    float *from = random_floats(rows * stride + 1, -range, range);
    float *gain = random_floats(features, -2, 2);
    float *to = equal_floats(rows * features + CHANNEL_BLOCK, CANARY);
    RmsNormArguments arguments = {.from = from,
                                  .to = to,
                                  .gain = gain,
                                  .from_stride = stride,
                                  .to_block = rows * CHANNEL_BLOCK,
                                  .to_stride = CHANNEL_BLOCK,
                                  .blocks = blocks,
                                  .rows = rows};
    kernels->products[CLEAVE_PRECISION_F32].rms_norm(&arguments);
    for (size_t i = 0; i < rows * features; i++) {
        size_t row = i / features;
        size_t feature = i % features;
        const float *x = from + row * stride;
        double expected = (double)x[feature] / length_of(x, features) * (double)gain[feature];
        size_t at =
            (feature / CHANNEL_BLOCK * rows + row) * CHANNEL_BLOCK + feature % CHANNEL_BLOCK;
        check_near("norm", at, to[at], expected,
                   (5 + 0.5 * (double)blocks) * UNIT_ROUNDOFF * fabs(expected));
    }
    for (size_t i = 0; i < CHANNEL_BLOCK; i++)
        check_untouched("norm wrote outside", i, to[rows * features + i], CANARY);
    verify_norm_elements(kernels, &arguments, CLEAVE_PRECISION_F16);
    verify_norm_elements(kernels, &arguments, CLEAVE_PRECISION_BF16);
    arguments.to = from;
    arguments.to_block = CHANNEL_BLOCK;
    arguments.to_stride = stride;
    kernels->products[CLEAVE_PRECISION_F32].rms_norm(&arguments);
    for (size_t row = 0; row < rows; row++)
        for (size_t block = 0; block < blocks; block++)
            check_same_bits("norm in place", from + row * stride + block * CHANNEL_BLOCK,
                            to + (block * rows + row) * CHANNEL_BLOCK, CHANNEL_BLOCK);
    memory_free_aligned(from);
    memory_free_aligned(gain);
    memory_free_aligned(to);
}

void test_rms_norm(const Kernels *kernels, int variant) {
    (void)variant;
    for (int trial = 0; trial < 60; trial++)
        verify_norm(kernels, random_below(9), 1 + random_below(26), trial % 2 ? 3.0f : 1e4f);
    verify_norm(kernels, 3, 2, 0);
    verify_norm(kernels, 3, 2, 1e-13f); /* shorter than the 1e-12 that it is divided by */
}

/* ---- Softmax ---- */

typedef struct SoftmaxCase {
    SoftmaxArguments arguments;
    size_t blocks;
    float *scores;
    float *sums;
} SoftmaxCase;

static SoftmaxCase make_softmax(size_t rows, size_t keys, float range) {
    size_t stride = rows + random_below(3);
    SoftmaxCase c = {.blocks = (keys + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK};
    c.scores = random_floats(c.blocks * stride * CHANNEL_BLOCK + 1, -range, range);
    c.sums = equal_floats(rows + 1, CANARY);
    c.arguments = (SoftmaxArguments){
        .scores = c.scores, .sums = c.sums, .rows = rows, .stride = stride, .keys = keys};
    return c;
}

static size_t softmax_at(const SoftmaxCase *c, size_t row, size_t key) {
    return (key / CHANNEL_BLOCK * c->arguments.stride + row) * CHANNEL_BLOCK + key % CHANNEL_BLOCK;
}

/* The powers of a row as elements, against those of float64, and their sum. What lies below 2^-125
 * need not be kept apart. */
static void verify_softmax_row(const SoftmaxCase *c, cleave_precision precision, size_t row) {
    static const double roundings[PRECISIONS] = {[CLEAVE_PRECISION_F32] = 0,
                                                 [CLEAVE_PRECISION_F16] = 0x1.01p-11,
                                                 [CLEAVE_PRECISION_BF16] = 0x1.01p-8};
    const ElementFormat *format = &element_formats[precision];
    double largest = -INFINITY;
    double sum = 0;
    for (size_t key = 0; key < c->arguments.keys; key++)
        largest = fmax(largest, (double)c->scores[softmax_at(c, row, key)]);
    for (size_t key = 0; key < c->blocks * CHANNEL_BLOCK; key++) {
        size_t at = softmax_at(c, row, key);
        bool is_key = key < c->arguments.keys;
        double expected = is_key ? exp2((double)(c->scores[at] - (float)largest)) : 0;
        double got = format->value ? format->value(((const uint16_t *)c->arguments.powers)[at])
                                   : (double)((const float *)c->arguments.powers)[at];
        double least = precision == CLEAVE_PRECISION_F16 ? 0x1p-25 : 0x1p-124;
        double tolerance = (6 * UNIT_ROUNDOFF + roundings[precision]) * expected + least;
        if (!(fabs(got - expected) <= (is_key ? tolerance : 0)))
            check_fail("power", at, got, expected);
        sum += expected;
    }
    check_near("sum of powers", row, c->sums[row], sum, 10 * UNIT_ROUNDOFF * sum);
}

/* `beyond` stands where no key is. */
static void verify_softmax(const Kernels *kernels, cleave_precision precision, size_t rows,
                           size_t keys, float range, float beyond) {
    const ProductKernels *products = &kernels->products[precision];
    SoftmaxCase c = make_softmax(rows, keys, range);
    size_t floats = c.blocks * c.arguments.stride * CHANNEL_BLOCK;
    float *powers = equal_floats(floats + 1, CANARY);
    c.arguments.powers = powers;
    for (size_t row = 0; row < rows; row++)
        for (size_t key = keys; key < c.blocks * CHANNEL_BLOCK; key++)
            c.scores[softmax_at(&c, row, key)] = beyond;
    products->softmax(&c.arguments);
    for (size_t row = 0; row < rows; row++)
        verify_softmax_row(&c, precision, row);
    check_untouched("sums beyond the rows", rows, c.sums[rows], CANARY);
    check_untouched("powers beyond the keys", floats, powers[floats], CANARY);
    if (precision == CLEAVE_PRECISION_F32) {
        c.arguments.powers = c.scores;
        products->softmax(&c.arguments);
        for (size_t row = 0; row < rows; row++)
            for (size_t key = 0; key < c.blocks * CHANNEL_BLOCK; key++)
                check_same_bits("softmax in place", c.scores + softmax_at(&c, row, key),
                                powers + softmax_at(&c, row, key), 1);
    }
    memory_free_aligned(c.scores);
    memory_free_aligned(c.sums);
    memory_free_aligned(powers);
}

/* A row's bits do not depend on how many there are; a NaN reaches the sum. */
static void verify_softmax_alone(const Kernels *kernels) {
    SoftmaxCase all = make_softmax(7, 37, 20);
    SoftmaxCase one = make_softmax(1, 37, 20);
    for (size_t key = 0; key < 48; key++)
        one.scores[softmax_at(&one, 0, key)] = all.scores[softmax_at(&all, 2, key)];
    all.scores[softmax_at(&all, 5, 36)] = NAN;
    all.arguments.powers = all.scores;
    one.arguments.powers = one.scores;
    kernels->products[CLEAVE_PRECISION_F32].softmax(&all.arguments);
    kernels->products[CLEAVE_PRECISION_F32].softmax(&one.arguments);
    check_same_bits("sum of a row by itself", one.sums, all.sums + 2, 1);
    for (size_t key = 0; key < 48; key++)
        check_same_bits("power of a row by itself", one.scores + softmax_at(&one, 0, key),
                        all.scores + softmax_at(&all, 2, key), 1);
    if (!isnan(all.sums[5]))
        check_fail("sum with a NaN", 5, (double)all.sums[5], (double)NAN);
    memory_free_aligned(all.scores);
    memory_free_aligned(all.sums);
    memory_free_aligned(one.scores);
    memory_free_aligned(one.sums);
}

void test_softmax(const Kernels *kernels, int precision) {
    if (!kernels->products[precision].softmax)
        return;
    for (int trial = 0; trial < 60; trial++)
        verify_softmax(kernels, (cleave_precision)precision, random_below(13), 1 + random_below(70),
                       trial % 2 ? 8.0f : 300.0f, 1e4f);
    verify_softmax(kernels, (cleave_precision)precision, 3, 32, 0, 0);
    /* The exponents beyond the keys pass all that a float's exponent can be. */
    for (int beyond = 0; beyond < 1200; beyond++)
        verify_softmax(kernels, (cleave_precision)precision, 1, 5, 0, 0.5f * (float)beyond);
    verify_softmax_alone(kernels);
}

/* ---- Smaller ones ---- */

static void verify_rope(const Kernels *kernels, size_t positions) {
    size_t count = positions * CHANNEL_BLOCK;
    float *from = random_floats(2 * count + 1, -9, 9);
    float *angles = random_floats(2 * count + 1, -1, 1);
    float *x = equal_floats(count + 1, CANARY);
    float *y = equal_floats(count + 1, CANARY);
    float scale = random_float(0, 2);
    memcpy(x, from, count * sizeof(float));
    memcpy(y, from + count, count * sizeof(float));
    kernels->rope(&(RopeArguments){x, y, angles, angles + count, positions, scale});
    for (size_t i = 0; i < count; i++) {
        double first = (double)from[i] * (double)scale;
        double second = (double)from[count + i] * (double)scale;
        double cosine = (double)angles[i];
        double sine = (double)angles[count + i];
        double tolerance = 4 * UNIT_ROUNDOFF * (fabs(first) + fabs(second));
        check_near("first of a pair", i, x[i], first * cosine - second * sine, tolerance);
        check_near("second of a pair", i, y[i], second * cosine + first * sine, tolerance);
    }
    check_untouched("rope wrote outside", count, x[count], CANARY);
    check_untouched("rope wrote outside", count, y[count], CANARY);
    memory_free_aligned(from);
    memory_free_aligned(angles);
    memory_free_aligned(x);
    memory_free_aligned(y);
}

void test_rope(const Kernels *kernels, int variant) {
    (void)variant;
    for (size_t positions = 0; positions < 20; positions++)
        verify_rope(kernels, positions);
}

void test_transpose(const Kernels *kernels, int variant) {
    (void)variant;
    float *from = random_floats(CHANNEL_BLOCK * CHANNEL_BLOCK, -1, 1);
    float *got = equal_floats(CHANNEL_BLOCK * CHANNEL_BLOCK + 1, CANARY);
    TransposeArguments rows = {.count = 1};
    for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
        rows.from[i] = from + i * CHANNEL_BLOCK;
        rows.to[i] = got + i * CHANNEL_BLOCK;
    }
    kernels->transpose_rows(&rows);
    for (size_t i = 0; i < CHANNEL_BLOCK * CHANNEL_BLOCK; i++)
        check_same_bits("transpose", got + i,
                        from + i % CHANNEL_BLOCK * CHANNEL_BLOCK + i / CHANNEL_BLOCK, 1);
    check_untouched("transpose wrote outside", 0, got[CHANNEL_BLOCK * CHANNEL_BLOCK], CANARY);
    memory_free_aligned(from);
    memory_free_aligned(got);
}

void test_scale_rows(const Kernels *kernels, int variant) {
    (void)variant;
    for (size_t rows = 0; rows < 20; rows++) {
        size_t count = rows * CHANNEL_BLOCK;
        float *from = random_floats(count + 1, -9, 9);
        float *factors = random_floats(rows + 1, -2, 2);
        float *got = equal_floats(count + 1, CANARY);
        float *expected = equal_floats(count + 1, CANARY);
        kernels->scale_rows(got, from, factors, rows);
        kernels_reference.scale_rows(expected, from, factors, rows);
        check_same_bits("scaled rows", got, expected, count + 1);
        kernels->scale_rows(from, from, factors, rows);
        check_same_bits("rows scaled in place", from, expected, count);
        memory_free_aligned(from);
        memory_free_aligned(factors);
        memory_free_aligned(got);
        memory_free_aligned(expected);
    }
}
