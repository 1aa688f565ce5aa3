/* test_products.c: convolutions and linears, by random shapes with odd edges, against float64; and
 * what must not change a bit: the order of threads and blocks, the compute capability, the batch,
 * and whether the operand was normalised and activated beforehand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

typedef enum Kind { CONV, CONV_HALO, LINEAR, CONV_TRANSPOSED } Kind;

typedef struct Problem {
    Kind kind;
    int type; /* of the operands: STORED_… */
    int tile; /* columns of a tile */
    int samples;
    TestOperand operand;
    int kernel[2];
    int stride[2];
    int pad[2];
    int outputs; /* channels, padded */
    int height;  /* of the output */
    int width;
    int slices;
    int columns;
    double *weights; /* (column, k, tap), or of a linear (row, k): numbers that the type has */
    void *packed;
    Value add; /* without memory: none */
    int output_stored;
    bool moments;
} Problem;

typedef struct Output {
    Value value;
    Moments *moments;
    size_t moments_count;
} Output;

/* ---- What a problem is ---- */

static int taps(const Problem *p) {
    return p->kind == LINEAR ? 1 : p->kernel[0] * p->kernel[1];
}

/* Channels in 16 bytes of an operand. */
static int unit(const Problem *p) {
    return p->type == STORED_F32 ? 4 : 8;
}

static int slice(const Problem *p) {
    return PRODUCT_PLANES * unit(p);
}

/* What is summed over, but for taps. */
static int inner(const Problem *p) {
    return p->kind == LINEAR ? p->operand.width : p->operand.channels;
}

/* Rows of weights: columns of the product, or rows of a linear. */
static int weight_rows(const Problem *p) {
    return p->kind == LINEAR ? p->width : p->columns;
}

static int weight_taps(const Problem *p) {
    return p->kind == CONV_TRANSPOSED ? 1 : taps(p);
}

static double weight_at(const Problem *p, int row, int k, int tap) {
    return p->weights[((size_t)row * (size_t)inner(p) + (size_t)k) * (size_t)weight_taps(p) +
                      (size_t)tap];
}

static int tiles(const Problem *p) {
    switch (p->kind) {
    case CONV_HALO:
        return divide_up(p->height, HALO_ROWS) * divide_up(p->width, HALO_COLUMNS);
    case LINEAR:
        return p->height * divide_up(p->width, PRODUCT_PIXELS);
    case CONV_TRANSPOSED:
        return divide_up(p->operand.height * p->operand.width, PRODUCT_PIXELS);
    default:
        return divide_up(p->height * p->width, PRODUCT_PIXELS);
    }
}

static int parts(const Problem *p) {
    return tiles(p) * (p->kind == CONV_TRANSPOSED ? taps(p) : 1);
}

/* To which part of the moments a pixel of the output counts. */
static int part_of(const Problem *p, int y, int x) {
    switch (p->kind) {
    case CONV_HALO:
        return y / HALO_ROWS * divide_up(p->width, HALO_COLUMNS) + x / HALO_COLUMNS;
    case LINEAR:
        return y * divide_up(p->width, PRODUCT_PIXELS) + x / PRODUCT_PIXELS;
    case CONV_TRANSPOSED:
        return (y / p->kernel[0] * p->operand.width + x / p->kernel[1]) / PRODUCT_PIXELS * taps(p) +
               y % p->kernel[0] * p->kernel[1] + x % p->kernel[1];
    default:
        return (y * p->width + x) / PRODUCT_PIXELS;
    }
}

/* ---- Random problems ---- */

static void choose_conv(Problem *p, Random *random, OperandSize *size) {
    for (int i = 0; i < 2; i++) {
        bool transposed = p->kind == CONV_TRANSPOSED;
        p->kernel[i] = p->kind == CONV_HALO ? 3 : random_between(random, 1, 3);
        p->stride[i] = p->kind == CONV_HALO ? 1
                       : transposed         ? p->kernel[i]
                                            : random_between(random, 1, 2);
        p->pad[i] = p->kind == CONV_HALO ? 1
                    : transposed         ? 0
                                         : random_between(random, 0, p->kernel[i] - 1);
    }
    int least[2] = {p->kernel[0] - 2 * p->pad[0], p->kernel[1] - 2 * p->pad[1]};
    size->height = random_between(random, least[0] > 1 ? least[0] : 1, 12);
    size->width = random_between(random, least[1] > 1 ? least[1] : 1, 37);
    int in[2] = {size->height, size->width}, out[2];
    for (int i = 0; i < 2; i++)
        out[i] = p->kind == CONV_TRANSPOSED
                     ? in[i] * p->kernel[i]
                     : (in[i] + 2 * p->pad[i] - p->kernel[i]) / p->stride[i] + 1;
    p->height = out[0];
    p->width = out[1];
}

static void choose_linear(Problem *p, Random *random, OperandSize *size) {
    size->height = p->height = random_between(random, 1, 3);
    size->width = random_between(random, 1, 140);
    p->width = random_chance(random, 50) ? random_between(random, 120, 290)
                                         : random_between(random, 1, 120);
}

/* To kernels padding is channels like others: here its weights are not zero. */
static void fill_weights(Problem *p, Random *random) {
    size_t count = (size_t)weight_rows(p) * (size_t)inner(p) * (size_t)weight_taps(p);
    p->weights = allocate(count * sizeof(double));
    double scale = 1 / sqrt((double)inner(p) * weight_taps(p));
    for (size_t i = 0; i < count; i++)
        p->weights[i] = stored_round(p->type, 2 * scale * random_real(random));
}

/* conv: [columns / N][slice][tap][plane][N][16 bytes]; linear: [rows / 128][slice][plane][128][…].
 */
static void pack_weights(Problem *p) {
    int across = p->kind == LINEAR ? PRODUCT_PIXELS : p->tile, rows = weight_rows(p);
    int blocks = divide_up(rows, across);
    size_t count = (size_t)blocks * (size_t)p->slices * (size_t)weight_taps(p) * (size_t)slice(p) *
                   (size_t)across;
    p->packed = allocate(count * stored_bytes(p->type));
    size_t to = 0;
    for (int block = 0; block < blocks; block++)
        for (int s = 0; s < p->slices; s++)
            for (int tap = 0; tap < weight_taps(p); tap++)
                for (int plane = 0; plane < PRODUCT_PLANES; plane++)
                    for (int i = 0; i < across * unit(p); i++) {
                        int row = block * across + i / unit(p);
                        int k = s * slice(p) + plane * unit(p) + i % unit(p);
                        bool inside = row < rows && k < inner(p);
                        stored_write(p->type, p->packed, to++,
                                     inside ? weight_at(p, row, k, tap) : 0);
                    }
    assert_true(to == count);
}

static Problem problem_random(Random *random, Kind kind, int type, int tile) {
    Problem p = {.kind = kind, .type = type, .tile = tile};
    OperandSize size = {.channels = random_chance(random, 50) ? 40 : 80};
    p.samples = size.samples = random_between(random, 1, 3);
    if (kind == LINEAR)
        choose_linear(&p, random, &size);
    else
        choose_conv(&p, random, &size);
    bool gathers = kind == CONV || kind == CONV_TRANSPOSED;
    p.operand = operand_random(random, size, gathers && type == STORED_F32);
    p.outputs = kind == LINEAR
                    ? p.operand.channels
                    : padded(random_between(random, 1, tile + random_chance(random, 40) * 40));
    p.columns = p.outputs * (kind == CONV_TRANSPOSED ? taps(&p) : 1);
    p.slices = divide_up(inner(&p), slice(&p));
    fill_weights(&p, random);
    pack_weights(&p);
    p.output_stored = random_between(random, STORED_F32, STORED_BF16);
    if (random_chance(random, 50))
        p.add = value_random(random, p.samples, p.height, p.width, p.outputs,
                             random_between(random, STORED_F32, STORED_BF16));
    p.moments = random_chance(random, 60);
    return p;
}

static void problem_free(Problem *p) {
    operand_free(&p->operand);
    value_free(&p->add);
    free(p->weights);
    free(p->packed);
}

/* ---- Running ---- */

static const char *type_name(int type) {
    return type == STORED_F32 ? "f32" : type == STORED_F16 ? "f16" : "bf16";
}

static size_t shared_bytes(const Problem *p) {
    switch (p->kind) {
    case CONV_HALO:
        return (size_t)HALO_SHARED_BYTES(p->tile);
    case LINEAR:
        return (size_t)LINEAR_SHARED_BYTES(p->tile);
    default:
        return (size_t)CONV_SHARED_BYTES(p->tile);
    }
}

static Output output_blank(const Problem *p) {
    Output output = {
        .value = value_blank(p->samples, p->height, p->width, p->outputs, p->output_stored)};
    if (p->moments) {
        output.moments_count = (size_t)p->samples * (size_t)parts(p) * (size_t)p->outputs;
        output.moments = allocate(output.moments_count * sizeof(Moments));
    }
    return output;
}

static void output_free(Output *output) {
    value_free(&output->value);
    free(output->moments);
}

/* Runs some of the samples, from `sample` on. */
static void run_samples(const Problem *p, const TestOperand *operand, const Output *output,
                        int sample, int count, Way way) {
    ProductArguments a = {.operand = operand_arguments(operand, sample),
                          .result = {.output = value_view(&output->value, sample),
                                     .add = value_view(&p->add, sample),
                                     .parts = parts(p),
                                     .height = p->height,
                                     .width = p->width},
                          .weights = (uint64_t)(uintptr_t)p->packed,
                          .slices = p->slices,
                          .columns = p->columns,
                          .transposed = p->kind == CONV_TRANSPOSED};
    if (output->moments)
        a.result.moments =
            (uint64_t)(uintptr_t)(output->moments + (ptrdiff_t)sample * parts(p) * p->outputs);
    for (int i = 0; i < 2; i++) {
        a.kernel[i] = p->kernel[i];
        a.stride[i] = p->stride[i];
        a.pad[i] = p->pad[i];
    }
    static const char *const kinds[] = {"conv", "conv_halo", "linear", "conv"};
    char name[64];
    snprintf(name, sizeof(name), "%s_%s_%d", kinds[p->kind], type_name(p->type), p->tile);
    Grid grid = {tiles(p), divide_up(p->columns, p->tile), count};
    run_kernel(name, &a, grid, shared_bytes(p), way);
}

static Output run(const Problem *p, const TestOperand *operand, Way way) {
    Output output = output_blank(p);
    run_samples(p, operand, &output, 0, p->samples, way);
    return output;
}

static void assert_same(const Output *a, const Output *b) {
    assert_memory_equal(a->value.memory, b->value.memory, value_bytes(&a->value));
    if (a->moments)
        assert_memory_equal(a->moments, b->moments, a->moments_count * sizeof(Moments));
}

/* ---- Against float64 ---- */

/* The operand as the product reads it, of one sample. */
static double *rounded_operand(const Problem *p, int sample) {
    const TestOperand *o = &p->operand;
    double *values =
        allocate((size_t)o->height * (size_t)o->width * (size_t)o->channels * sizeof(double));
    size_t to = 0;
    for (int y = 0; y < o->height; y++)
        for (int x = 0; x < o->width; x++)
            for (int channel = 0; channel < o->channels; channel++)
                values[to++] = stored_round(p->type, operand_at(o, sample, y, x, channel));
    return values;
}

typedef struct Sum {
    double value;
    double size;    /* of its terms, all positive */
    double weights; /* sum of their sizes */
} Sum;

static void sum_add(Sum *sum, double value, double weight) {
    sum->value += value * weight;
    sum->size += fabs(value * weight);
    sum->weights += fabs(weight);
}

static void sum_pixel(const Problem *p, Sum *sum, const double *values, int row, int y, int x,
                      int tap) {
    const TestOperand *o = &p->operand;
    if (y < 0 || y >= o->height || x < 0 || x >= o->width)
        return;
    const double *pixel = values + ((size_t)y * (size_t)o->width + (size_t)x) * (size_t)o->channels;
    for (int k = 0; k < o->channels; k++)
        sum_add(sum, pixel[k], weight_at(p, row, k, tap));
}

static Sum sum_at(const Problem *p, const double *values, int y, int x, int channel) {
    const TestOperand *o = &p->operand;
    Sum sum = {.value = 0};
    if (p->kind == LINEAR) {
        for (int k = 0; k < o->width; k++)
            sum_add(&sum,
                    values[((size_t)y * (size_t)o->width + (size_t)k) * (size_t)o->channels +
                           (size_t)channel],
                    weight_at(p, x, k, 0));
    } else if (p->kind == CONV_TRANSPOSED) {
        int tap = y % p->kernel[0] * p->kernel[1] + x % p->kernel[1];
        sum_pixel(p, &sum, values, tap * p->outputs + channel, y / p->kernel[0], x / p->kernel[1],
                  0);
    } else {
        for (int tap = 0; tap < taps(p); tap++)
            sum_pixel(p, &sum, values, channel, y * p->stride[0] + tap / p->kernel[1] - p->pad[0],
                      x * p->stride[1] + tap % p->kernel[1] - p->pad[1], tap);
    }
    return sum;
}

/* What f32's sums may be off by, and operands that round the other way since f32 computed them. */
static double sum_bound(const Problem *p, const Sum *sum) {
    double flips = operand_is_plain(&p->operand) ? 0 : stored_step(p->type);
    return (flips + 4e-6) * sum->size + 4e-6 * sum->weights;
}

static void check_sample(const Problem *p, const Output *output, int sample, Comparison *all) {
    double *values = rounded_operand(p, sample);
    size_t count = (size_t)parts(p) * (size_t)p->outputs;
    Tally *tallies = calloc(count, sizeof(Tally));
    assert_non_null(tallies);
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            for (int channel = 0; channel < p->outputs; channel++) {
                Sum sum = sum_at(p, values, y, x, channel);
                double bound = sum_bound(p, &sum);
                double want = sum.value;
                if (p->add.memory)
                    want += value_at(&p->add, sample, y, x, channel);
                tally_add(&tallies[part_of(p, y, x) * p->outputs + channel], want, bound);
                compare(all, value_at(&output->value, sample, y, x, channel), want,
                        bound + (fabs(want) + bound) * stored_step(p->output_stored) + 1e-7);
            }
    for (size_t i = 0; output->moments && i < count; i++)
        tally_compare(&tallies[i], &output->moments[(size_t)sample * count + i]);
    free(tallies);
    free(values);
}

/* dB that rounding of operands and of the result leaves. */
static double least_ratio(const Problem *p) {
    static const double ratios[] = {[STORED_F32] = 105, [STORED_F16] = 60, [STORED_BF16] = 42};
    double operand = operand_is_plain(&p->operand) ? ratios[STORED_F32] : ratios[p->type];
    double result = ratios[p->output_stored];
    return operand < result ? operand : result;
}

static void check_against_float64(const Problem *p, const Output *output) {
    Comparison all = {.what = "a product"};
    for (int sample = 0; sample < p->samples; sample++)
        check_sample(p, output, sample, &all);
    compare_end(&all, least_ratio(p));
}

/* ---- What must not change a bit ---- */

static void check_other_ways(const Problem *p, const Output *output) {
    static const Way ways[] = {{75, 2}, {90, 3}, {80, 0}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        Output again = run(p, &p->operand, ways[i]);
        assert_same(output, &again);
        output_free(&again);
    }
}

static void check_single_samples(const Problem *p, const Output *output) {
    Output single = output_blank(p);
    for (int sample = 0; sample < p->samples; sample++)
        run_samples(p, &p->operand, &single, sample, 1, (Way){80, 5});
    assert_same(output, &single);
    output_free(&single);
}

/* A map first, and then the product of what it stored. */
static void check_split(const Problem *p, const Output *output) {
    const TestOperand *o = &p->operand;
    TestOperand plain = {
        .count = 1, .channels = o->channels, .height = o->height, .width = o->width};
    plain.sources[0] = value_blank(p->samples, o->height, o->width, o->channels, p->type);
    MapArguments map = {.operand = operand_arguments(o, 0),
                        .result = {.output = value_view(&plain.sources[0], 0),
                                   .height = o->height,
                                   .width = o->width}};
    Grid grid = {divide_up(o->height * o->width, MAP_PIXELS), divide_up(o->channels, MAP_CHANNELS),
                 p->samples};
    run_kernel("map", &map, grid, MAP_SHARED_BYTES, (Way){80, 7});
    Output split = run(p, &plain, (Way){80, 8});
    assert_same(output, &split);
    output_free(&split);
    operand_free(&plain);
}

/* ---- Tests ---- */

static void check_kernel(Kind kind, int type, int tile) {
    Random random = {.state = ((uint64_t)kind << 16) + ((uint64_t)type << 8) + (uint64_t)tile};
    for (int i = 0; i < CASES; i++) {
        Problem p = problem_random(&random, kind, type, tile);
        Output output = run(&p, &p.operand, (Way){80, 1});
        check_against_float64(&p, &output);
        if (REPEAT) {
            check_other_ways(&p, &output);
            check_single_samples(&p, &output);
            check_split(&p, &output);
        }
        output_free(&output);
        problem_free(&p);
    }
}

static void check_kind(Kind kind) {
    static const int sizes[] = {128, 64, 32};
    for (int type = STORED_F32; type <= STORED_BF16; type++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            check_kernel(kind, type, sizes[i]);
}

static void convolutions(void **state) {
    (void)state;
    check_kind(CONV);
}

static void transposed_convolutions(void **state) {
    (void)state;
    check_kind(CONV_TRANSPOSED);
}

static void convolutions_with_a_halo(void **state) {
    (void)state;
    check_kind(CONV_HALO);
}

static void linears(void **state) {
    (void)state;
    check_kind(LINEAR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(transposed_convolutions),
        cmocka_unit_test(convolutions_with_a_halo),
        cmocka_unit_test(linears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
