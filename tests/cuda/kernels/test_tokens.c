/* test_tokens.c: the kernels of tokens, by random shapes with odd edges, against float64; and what
 * must not change a bit: the order of threads and blocks, the compute capability, and the batch. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static const Way ways[] = {{80, 1}, {75, 2}, {90, 3}};
static const char *const type_names[] = {"f32", "f16", "bf16"};

/* dB that rounding of operands and of the result leaves. */
static const double ratios[] = {[STORED_F32] = 105, [STORED_F16] = 60, [STORED_BF16] = 42};

static uint64_t address_of(const void *memory) {
    return (uint64_t)(uintptr_t)memory;
}

/* Numbers that a type has. */
static void *numbers_random(Random *random, int stored, size_t count, double size) {
    void *memory = allocate(count * stored_bytes(stored));
    for (size_t i = 0; i < count; i++)
        stored_write(stored, memory, i, size * random_real(random));
    return memory;
}

/* What a kernel writes, several times over. */
typedef struct Runs {
    void *first; /* result */
    size_t bytes;
} Runs;

/* The first result is kept, and all others must be the same. */
static void keep_or_compare(Runs *runs, void *result, size_t bytes) {
    if (!runs->first) {
        *runs = (Runs){result, bytes};
        return;
    }
    assert_memory_equal(runs->first, result, bytes);
    free(result);
}

/* ---- Norms ---- */

#define GROUPS_MAX 4

typedef struct RmsProblem {
    int samples;
    int rows;
    int groups;
    int input_row;
    int output_row;
    int stored;
    RmsGroup table[GROUPS_MAX];
    float *input;
} RmsProblem;

/* Groups overlap in what they read, as bands do. The first row is zero, and the second almost. */
static RmsProblem rms_problem(Random *random, bool round_only) {
    RmsProblem p = {.samples = random_between(random, 1, 2),
                    .rows = random_between(random, 3, 20),
                    .groups = random_between(random, 1, GROUPS_MAX),
                    .stored = random_between(random, STORED_F32, STORED_BF16)};
    for (int i = 0; i < p.groups; i++) {
        int features = random_between(random, 1, 150);
        int first = i == 0 ? 0 : (int)p.table[i - 1].input + 2 * random_between(random, 0, 9);
        p.table[i] = (RmsGroup){.input = first,
                                .output = p.output_row,
                                .features = features,
                                .padded = padded(features)};
        p.output_row += padded(features);
        p.input_row = padded(first + features > p.input_row ? first + features : p.input_row);
        if (round_only)
            continue;
        float *gamma = numbers_random(random, STORED_F32, (size_t)padded(features), 2);
        p.table[i].gamma = address_of(gamma);
    }
    size_t row = (size_t)p.input_row;
    p.input = numbers_random(random, STORED_F32, (size_t)(p.samples * p.rows) * row, 3);
    for (size_t i = 0; i < 2 * row; i++)
        p.input[i] = i < row ? 0 : p.input[i] * 1e-13f;
    return p;
}

static void rms_free(RmsProblem *p) {
    for (int i = 0; i < p->groups; i++)
        free((void *)(uintptr_t)p->table[i].gamma);
    free(p->input);
}

static double rms_at(const RmsProblem *p, const float *row, const RmsGroup *group, int feature) {
    const float *gamma = (const float *)(uintptr_t)group->gamma;
    double sum = 0;
    if (!gamma)
        return (double)row[group->input + feature];
    for (int i = 0; i < group->features; i++)
        sum += pow((double)row[group->input + i], 2);
    (void)p;
    return (double)row[group->input + feature] / fmax(sqrt(sum), 1e-12) * sqrt(group->features) *
           (double)gamma[feature];
}

static void rms_check(const RmsProblem *p, const void *output) {
    Comparison all = {.what = "a norm"};
    for (int row = 0; row < p->samples * p->rows; row++)
        for (int i = 0; i < p->groups; i++) {
            const RmsGroup *group = &p->table[i];
            for (int k = 0; k < group->padded; k++) {
                size_t at = (size_t)row * (size_t)p->output_row + (size_t)group->output + (size_t)k;
                double want = k < group->features
                                  ? rms_at(p, p->input + (ptrdiff_t)row * p->input_row, group, k)
                                  : 0;
                compare(&all, stored_read(p->stored, output, at), want,
                        (stored_step(p->stored) + 2e-6) * fabs(want) + 1e-7);
            }
        }
    compare_end(&all, ratios[p->stored]);
}

static void *rms_run(const RmsProblem *p, int batch, Way way) {
    size_t count = (size_t)(p->samples * p->rows) * (size_t)p->output_row;
    char *output = allocate(count * stored_bytes(p->stored));
    for (int sample = 0; sample < p->samples; sample += batch) {
        size_t before = (size_t)(sample * p->rows);
        RmsArguments a = {
            .groups = address_of(p->table),
            .input = address_of(p->input + before * (size_t)p->input_row),
            .input_sample = (int64_t)p->rows * p->input_row,
            .input_row = p->input_row,
            .output = address_of(output + before * (size_t)p->output_row * stored_bytes(p->stored)),
            .output_sample = (int64_t)p->rows * p->output_row,
            .output_row = p->output_row,
            .stored = p->stored,
            .rows = p->rows};
        run_kernel("rms", &a, (Grid){divide_up(p->rows, RMS_ROWS), p->groups, batch}, 0, way);
    }
    return output;
}

static void norms(void **state) {
    (void)state;
    Random random = {11};
    for (int i = 0; i < 2 * CASES; i++) {
        RmsProblem p = rms_problem(&random, i % 3 == 2);
        Runs runs = {NULL, (size_t)(p.samples * p.rows * p.output_row) * stored_bytes(p.stored)};
        for (size_t k = 0; k < (REPEAT ? 3 : 1); k++)
            keep_or_compare(&runs, rms_run(&p, k == 1 ? 1 : p.samples, ways[k]), runs.bytes);
        rms_check(&p, runs.first);
        free(runs.first);
        rms_free(&p);
    }
}

/* ---- Linears ---- */

/* Groups have rows of their own, one group's behind the other's. */
typedef struct RowsProblem {
    int type;
    int tile;
    int finish;
    int samples;
    int rows;
    int groups;
    int k[GROUPS_MAX]; /* padded */
    int channels[GROUPS_MAX];
    int operand_row;
    int output_row;
    int output_stored;
    int tiles;
    void *operand;
    double *weights[GROUPS_MAX]; /* (channel, k): numbers that the type has */
    void *packed[GROUPS_MAX];
    float *biases;
    float *add;
    float *turns;
    RowsTile *table;
    int heads;
    int head; /* padded */
    int frames;
    int along_bands;
} RowsProblem;

static int unit_of(const RowsProblem *p) {
    return p->type == STORED_F32 ? 4 : 8;
}

static int slices_of(const RowsProblem *p, int group) {
    return divide_up(p->k[group], PRODUCT_PLANES * unit_of(p));
}

/* The channel that a column of the weights is of (arguments.h). */
static int channel_of(const RowsProblem *p, int column) {
    int pair = column / 32 * 16 + column % 16;
    return p->type == STORED_F32 ? 2 * pair + column / 16 % 2 : column;
}

static void pack_group(RowsProblem *p, int group) {
    int tiles = divide_up(p->channels[group], p->tile), unit = unit_of(p);
    size_t count = (size_t)(tiles * slices_of(p, group) * PRODUCT_PLANES * p->tile * unit);
    size_t to = 0;
    p->packed[group] = allocate(count * stored_bytes(p->type));
    for (int tile = 0; tile < tiles; tile++)
        for (int plane = 0; plane < slices_of(p, group) * PRODUCT_PLANES; plane++)
            for (int i = 0; i < p->tile * unit; i++) {
                int channel = tile * p->tile + channel_of(p, i / unit);
                int k = plane * unit + i % unit;
                bool inside = channel < p->channels[group] && k < p->k[group];
                stored_write(p->type, p->packed[group], to++,
                             inside ? p->weights[group][channel * p->k[group] + k] : 0);
            }
}

static void make_group(RowsProblem *p, Random *random, int group) {
    int64_t before = (int64_t)group * p->rows;
    size_t count = (size_t)(p->k[group] * p->channels[group]);
    size_t bytes = (size_t)(slices_of(p, group) * ROWS_WEIGHT_BYTES(p->tile));
    p->weights[group] = allocate(count * sizeof(double));
    for (size_t i = 0; i < count; i++)
        p->weights[group][i] =
            stored_round(p->type, 2 / sqrt((double)p->k[group]) * random_real(random));
    pack_group(p, group);
    for (int first = 0; first < p->channels[group]; first += p->tile) {
        int left = p->channels[group] - first;
        p->table[p->tiles] = (RowsTile){
            .weights = address_of(p->packed[group]) + (uint64_t)(first / p->tile) * bytes,
            .bias = address_of(p->biases + (ptrdiff_t)p->tiles * p->tile),
            .operand = before * p->operand_row,
            .output = before * p->output_row,
            .slices = slices_of(p, group),
            .k = p->k[group],
            .first = first,
            .channels = left < p->tile ? left : p->tile};
        p->tiles++;
    }
}

/* Features of a head are padded, and gates follow q, k and v. */
static void choose_attention(RowsProblem *p, Random *random) {
    p->head = 32;
    p->heads = random_between(random, 1, 3);
    p->frames = random_between(random, 1, p->rows);
    p->rows = p->rows / p->frames * p->frames;
    p->along_bands = random_between(random, 0, 1);
    p->groups = 1;
    p->channels[0] = 3 * p->heads * p->head + padded(p->heads);
    p->turns = numbers_random(random, STORED_F32, (size_t)(p->rows * p->head), 1);
}

static RowsProblem rows_problem(Random *random, int type, int tile, int finish) {
    RowsProblem p = {.type = type, .tile = tile, .finish = finish};
    p.samples = random_between(random, 1, 2);
    p.rows = random_chance(random, 50) ? random_between(random, 1, 40)
                                       : random_between(random, 100, 290);
    p.groups = random_between(random, 1, 3);
    for (int i = 0; i < p.groups; i++)
        p.channels[i] = padded(random_between(random, 1, random_chance(random, 50) ? 40 : 150));
    if (finish == ROWS_ATTENTION)
        choose_attention(&p, random);
    for (int i = 0; i < p.groups; i++) {
        p.k[i] = padded(random_between(random, 1, 100));
        p.operand_row = p.k[i] > p.operand_row ? p.k[i] : p.operand_row;
        p.output_row = p.channels[i] > p.output_row ? p.channels[i] : p.output_row;
    }
    p.output_stored = random_between(random, STORED_F32, STORED_BF16);
    size_t rows = (size_t)(p.samples * p.groups * p.rows);
    p.operand = numbers_random(random, type, rows * (size_t)p.operand_row, 2);
    p.biases = numbers_random(random, STORED_F32, (size_t)GROUPS_MAX * 8 * 128, 1);
    if (finish == ROWS_PLAIN && random_chance(random, 50)) {
        p.output_stored = STORED_F32;
        p.add = numbers_random(random, STORED_F32, rows * (size_t)p.output_row, 1);
    }
    p.table = allocate(GROUPS_MAX * 16 * sizeof(RowsTile));
    for (int i = 0; i < p.groups; i++)
        make_group(&p, random, i);
    return p;
}

static void rows_free(RowsProblem *p) {
    for (int i = 0; i < p->groups; i++) {
        free(p->weights[i]);
        free(p->packed[i]);
    }
    free(p->operand);
    free(p->biases);
    free(p->add);
    free(p->turns);
    free(p->table);
}

typedef struct RowsOutput {
    void *values;
    float *gates;
} RowsOutput;

static size_t rows_values_bytes(const RowsProblem *p) {
    return (size_t)(p->samples * p->groups * p->rows) * (size_t)p->output_row *
           stored_bytes(p->output_stored);
}

static size_t rows_gates_bytes(const RowsProblem *p) {
    return (size_t)(p->samples * p->rows * p->heads) * sizeof(float);
}

/* What nothing is written to must stay as it is, so both begin with the same. */
static RowsOutput rows_run(const RowsProblem *p, int batch, Way way) {
    char name[64];
    RowsOutput output = {allocate(rows_values_bytes(p)), allocate(rows_gates_bytes(p))};
    snprintf(name, sizeof(name), "rows_%s_%d", type_names[p->type], p->tile);
    for (int sample = 0; sample < p->samples; sample += batch) {
        size_t before = (size_t)(sample * p->groups * p->rows);
        size_t to = before * (size_t)p->output_row;
        RowsArguments a = {
            .tiles = address_of(p->table),
            .operand =
                address_of(p->operand) + before * (size_t)p->operand_row * stored_bytes(p->type),
            .operand_sample = (int64_t)p->groups * p->rows * p->operand_row,
            .operand_row = p->operand_row,
            .output = address_of(output.values) + to * stored_bytes(p->output_stored),
            .output_sample = (int64_t)p->groups * p->rows * p->output_row,
            .output_row = p->output_row,
            .add = p->add ? address_of(p->add + to) : 0,
            .stored = p->output_stored,
            .rows = p->rows,
            .finish = p->finish,
            .turned = 2 * p->heads * p->head,
            .kept = 3 * p->heads * p->head,
            .head = p->head,
            .turns = address_of(p->turns),
            .gates = address_of(output.gates + (size_t)(sample * p->rows * p->heads)),
            .heads = p->heads,
            .frames = p->frames,
            .along_bands = p->along_bands};
        run_kernel(name, &a, (Grid){divide_up(p->rows, PRODUCT_PIXELS), p->tiles, batch},
                   (size_t)ROWS_SHARED_BYTES(p->tile), way);
    }
    return output;
}

/* A sum, and what f32 may be off by. */
typedef struct Sum {
    double value;
    double bound;
} Sum;

static const RowsTile *tile_of(const RowsProblem *p, int group, int channel) {
    int tile = channel / p->tile;
    for (int i = 0; i < group; i++)
        tile += divide_up(p->channels[i], p->tile);
    return &p->table[tile];
}

static Sum rows_sum(const RowsProblem *p, int group, size_t row, int channel) {
    const RowsTile *tile = tile_of(p, group, channel);
    const float *biases = (const float *)(uintptr_t)tile->bias;
    double value = (double)biases[channel - tile->first], size = fabs(value);
    for (int k = 0; k < p->k[group]; k++) {
        double product =
            stored_read(p->type, p->operand, row * (size_t)p->operand_row + (size_t)k) *
            p->weights[group][channel * p->k[group] + k];
        value += product;
        size += fabs(product);
    }
    return (Sum){value, 2e-6 * size + 1e-7};
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

/* Of a pair: where it goes, and what stands there. */
static void check_pair(const RowsProblem *p, const RowsOutput *output, int group, int row,
                       int channel, Comparison *all) {
    int sample = row / p->rows, own = row % p->rows;
    size_t at = (size_t)(sample * p->groups + group) * (size_t)p->rows + (size_t)own;
    size_t to = at * (size_t)p->output_row;
    Sum sums[2] = {rows_sum(p, group, at, channel), rows_sum(p, group, at, channel + 1)};
    if (p->finish == ROWS_GATED) {
        double gate = sigmoid(sums[1].value), want = sums[0].value * gate;
        double bound = sums[0].bound + 0.25 * fabs(sums[0].value) * sums[1].bound + 1e-6;
        compare(all, stored_read(p->output_stored, output->values, to + (size_t)channel / 2), want,
                bound + (fabs(want) + bound) * stored_step(p->output_stored));
        return;
    }
    Sum turned[2] = {sums[0], sums[1]};
    if (p->finish == ROWS_ATTENTION && channel < 2 * p->heads * p->head) {
        int position = p->along_bands ? own / p->frames : own % p->frames;
        const float *turn = p->turns + (ptrdiff_t)position * p->head + channel % p->head;
        double c = (double)turn[0], s = (double)turn[1];
        turned[0].value = sums[0].value * c - sums[1].value * s;
        turned[1].value = sums[1].value * c + sums[0].value * s;
        turned[0].bound = turned[1].bound = 2 * (sums[0].bound + sums[1].bound) +
                                            1e-6 * (fabs(sums[0].value) + fabs(sums[1].value));
    }
    for (int i = 0; i < 2; i++) {
        int gate = channel + i - 3 * p->heads * p->head;
        double want = turned[i].value, bound = 1.2 * turned[i].bound + 1e-6 * (1 + fabs(want));
        if (p->finish == ROWS_ATTENTION && gate >= 0) {
            if (gate < p->heads)
                compare(all, (double)output->gates[row * p->heads + gate], sigmoid(want), bound);
            continue;
        }
        if (p->finish == ROWS_GELU)
            want = 0.5 * want * (1 + erf(want * 0.70710678118654752440));
        if (p->finish == ROWS_TANH)
            want = tanh(want);
        if (p->add)
            want += (double)p->add[to + (size_t)(channel + i)];
        compare(all, stored_read(p->output_stored, output->values, to + (size_t)(channel + i)),
                want, bound + (fabs(want) + bound) * stored_step(p->output_stored));
    }
}

static void rows_check(const RowsProblem *p, const RowsOutput *output) {
    Comparison all = {.what = "a linear"};
    for (int group = 0; group < p->groups; group++)
        for (int row = 0; row < p->samples * p->rows; row++)
            for (int channel = 0; channel < p->channels[group]; channel += 2)
                check_pair(p, output, group, row, channel, &all);
    compare_end(&all, ratios[p->output_stored]);
}

static void check_rows(int type, int tile, int finish) {
    Random random = {(uint64_t)(type * 1000 + tile * 7 + finish)};
    for (int i = 0; i < (CASES + 2) / 3; i++) {
        RowsProblem p = rows_problem(&random, type, tile, finish);
        RowsOutput first = rows_run(&p, p.samples, ways[0]);
        rows_check(&p, &first);
        for (size_t k = 1; k < 3 && REPEAT; k++) {
            RowsOutput again = rows_run(&p, k == 1 ? 1 : p.samples, ways[k]);
            assert_memory_equal(first.values, again.values, rows_values_bytes(&p));
            assert_memory_equal(first.gates, again.gates, rows_gates_bytes(&p));
            free(again.values);
            free(again.gates);
        }
        free(first.values);
        free(first.gates);
        rows_free(&p);
    }
}

static void linears(void **state) {
    (void)state;
    for (int type = STORED_F32; type <= STORED_BF16; type++)
        for (int tile = 32; tile <= 128; tile *= 2)
            for (int finish = ROWS_PLAIN; finish <= ROWS_ATTENTION; finish++)
                check_rows(type, tile, finish);
}

/* ---- Attention ---- */

typedef struct AttentionProblem {
    int type;
    int head; /* padded */
    int heads;
    int samples;
    int bands;
    int frames;
    bool along_bands;
    double scale; /* of scores */
    void *qkv;
    float *gates;
} AttentionProblem;

static int positions_of(const AttentionProblem *p) {
    return p->along_bands ? p->bands : p->frames;
}

static int sequences_of(const AttentionProblem *p) {
    return p->along_bands ? p->frames : p->bands;
}

static size_t row_of(const AttentionProblem *p, int sample, int sequence, int position) {
    int band = p->along_bands ? position : sequence;
    int frame = p->along_bands ? sequence : position;
    return (size_t)((sample * p->bands + band) * p->frames + frame);
}

static size_t qkv_row(const AttentionProblem *p) {
    return (size_t)(3 * p->heads * p->head);
}

static size_t qkv_bytes(const AttentionProblem *p) {
    return (size_t)(p->samples * p->bands * p->frames) * qkv_row(p) * stored_bytes(p->type);
}

/* Some scores are large, and rise along the sequence, so that sums are scaled down on the way. */
static AttentionProblem attention_problem(Random *random, int type, int head, int length) {
    AttentionProblem p = {.type = type,
                          .head = head,
                          .heads = random_between(random, 1, 3),
                          .samples = random_between(random, 1, 2),
                          .along_bands = random_chance(random, 50)};
    int others = random_between(random, 1, 2);
    p.bands = p.along_bands ? length : others;
    p.frames = p.along_bands ? others : length;
    p.scale = (random_chance(random, 50) ? 4 : 0.5) / sqrt((double)head);
    size_t rows = (size_t)(p.samples * p.bands * p.frames);
    p.qkv = numbers_random(random, type, rows * qkv_row(&p), 2);
    p.gates = numbers_random(random, STORED_F32, rows * (size_t)p.heads, 1);
    return p;
}

static void *attention_run(const AttentionProblem *p, int batch, Way way) {
    char name[64];
    int queries = p->type == STORED_F32 ? ATTENTION_QUERIES_F32 : ATTENTION_QUERIES;
    int length = positions_of(p), rows = p->bands * p->frames;
    char *memory = allocate(qkv_bytes(p));
    memcpy(memory, p->qkv, qkv_bytes(p));
    snprintf(name, sizeof(name), "attention_%s_%d", type_names[p->type], p->head);
    for (int sample = 0; sample < p->samples; sample += batch) {
        AttentionArguments a = {.qkv = address_of(memory) +
                                       (size_t)(sample * rows) * qkv_row(p) * stored_bytes(p->type),
                                .gates = address_of(p->gates + (ptrdiff_t)sample * rows * p->heads),
                                .sequence_rows = p->along_bands ? 1 : p->frames,
                                .position_rows = p->along_bands ? p->frames : 1,
                                .rows = rows,
                                .heads = p->heads,
                                .length = length,
                                .tiles = divide_up(length, queries),
                                .scale = (float)(p->scale * 1.44269504088896340736)};
        run_kernel(name, &a, (Grid){sequences_of(p) * p->heads * a.tiles, 1, batch},
                   p->type == STORED_F32 ? (size_t)ATTENTION_SHARED_BYTES_F32(p->head)
                                         : (size_t)ATTENTION_SHARED_BYTES(p->head),
                   way);
    }
    return memory;
}

static double qkv_at(const AttentionProblem *p, const void *memory, size_t row, int which, int head,
                     int feature) {
    size_t at = row * qkv_row(p) + (size_t)((which * p->heads + head) * p->head + feature);
    return stored_read(p->type, memory, at);
}

/* The shares of one query, not rounded. */
static void shares_of(const AttentionProblem *p, int sample, int sequence, int head, int query,
                      double *shares) {
    size_t own = row_of(p, sample, sequence, query);
    double most = -INFINITY, sum = 0;
    for (int key = 0; key < positions_of(p); key++) {
        double score = 0;
        for (int e = 0; e < p->head; e++)
            score += qkv_at(p, p->qkv, own, 0, head, e) *
                     qkv_at(p, p->qkv, row_of(p, sample, sequence, key), 1, head, e);
        shares[key] = score * p->scale;
        most = fmax(most, shares[key]);
    }
    for (int key = 0; key < positions_of(p); key++) {
        shares[key] = exp(shares[key] - most);
        sum += shares[key];
    }
    for (int key = 0; key < positions_of(p); key++)
        shares[key] /= sum;
}

/* Shares are rounded to the type, each by its own, and so is the result. */
static void check_query(const AttentionProblem *p, const void *result, int sample, int sequence,
                        int head, int query, Comparison *all) {
    size_t own = row_of(p, sample, sequence, query);
    double *shares = allocate((size_t)positions_of(p) * sizeof(double));
    double gate = (double)p->gates[own * (size_t)p->heads + (size_t)head];
    shares_of(p, sample, sequence, head, query, shares);
    for (int e = 0; e < p->head; e++) {
        double want = 0, size = 0;
        for (int key = 0; key < positions_of(p); key++) {
            double value =
                shares[key] * qkv_at(p, p->qkv, row_of(p, sample, sequence, key), 2, head, e);
            want += value;
            size += fabs(value);
        }
        double bound = fabs(gate) * size * (stored_step(p->type) + 2e-5);
        compare(all, qkv_at(p, result, own, 0, head, e), want * gate,
                bound + (fabs(want * gate) + bound) * stored_step(p->type) + 1e-7);
    }
    free(shares);
}

/* Keys and values stay as they are. */
static void check_rest(const AttentionProblem *p, const void *result) {
    size_t third = qkv_row(p) / 3 * stored_bytes(p->type);
    for (size_t at = 0; at < qkv_bytes(p); at += 3 * third)
        assert_memory_equal((const char *)result + at + third, (const char *)p->qkv + at + third,
                            2 * third);
}

static void attention_check(const AttentionProblem *p, const void *result) {
    static const double least[] = {[STORED_F32] = 105, [STORED_F16] = 58, [STORED_BF16] = 40};
    Comparison all = {.what = "an attention"};
    for (int sample = 0; sample < p->samples; sample++)
        for (int sequence = 0; sequence < sequences_of(p); sequence++)
            for (int head = 0; head < p->heads; head++)
                for (int query = 0; query < positions_of(p); query++)
                    check_query(p, result, sample, sequence, head, query, &all);
    compare_end(&all, least[p->type]);
    check_rest(p, result);
}

static void check_attention(int type, int head, int length) {
    Random random = {(uint64_t)(type * 100000 + head * 1000 + length)};
    AttentionProblem p = attention_problem(&random, type, head, length);
    Runs runs = {NULL, qkv_bytes(&p)};
    for (size_t k = 0; k < (REPEAT ? 3 : 1); k++)
        keep_or_compare(&runs, attention_run(&p, k == 1 ? 1 : p.samples, ways[k]), runs.bytes);
    attention_check(&p, runs.first);
    free(runs.first);
    free(p.qkv);
    free(p.gates);
}

/* One position, parts of a tile, whole tiles, and one more. */
static void attention(void **state) {
    (void)state;
    static const int lengths[] = {60, 1, 33, 128, 145, 289};
    for (int type = STORED_F32; type <= STORED_BF16; type++)
        for (int head = 32; head <= 128; head *= 2)
            for (int i = 0; i < CASES; i++)
                check_attention(type, head, CASES < 3 && i == 0 ? 145 : lengths[i]);
}

/* ---- Masks ---- */

typedef struct MaskProblem {
    int samples;
    int frames;
    int channels; /* complex numbers of a bin */
    int bins;
    int row;
    int mask_row;
    bool zero_dc;
    MaskBand bands[GROUPS_MAX];
    int band_bins[GROUPS_MAX];
    int band_count;
    MaskBin *held;
    float *masks;
    float *spectrum;
} MaskProblem;

/* Neighbours may overlap. */
static MaskProblem mask_problem(Random *random) {
    MaskProblem p = {.samples = random_between(random, 1, 2),
                     .frames = random_between(random, 1, 4),
                     .channels = random_between(random, 1, 2),
                     .zero_dc = random_chance(random, 50)};
    p.band_count = random_between(random, 1, GROUPS_MAX);
    for (int i = 0; i < p.band_count; i++) {
        int first = i == 0 ? 0 : p.bins - random_between(random, 0, p.band_bins[i - 1] / 2);
        p.bands[i] = (MaskBand){first, p.mask_row};
        p.band_bins[i] = random_between(random, p.bins - first + 1, p.bins - first + 90);
        p.bins = first + p.band_bins[i];
        p.mask_row += padded(4 * p.channels * p.band_bins[i]) / 2;
    }
    p.held = calloc((size_t)p.bins, sizeof(*p.held));
    assert_non_null(p.held);
    for (int i = p.band_count - 1; i >= 0; i--)
        for (int k = 0; k < p.band_bins[i]; k++) {
            p.held[p.bands[i].first + k].band = i;
            p.held[p.bands[i].first + k].bands++;
        }
    p.row = padded(2 * p.channels * p.bins);
    size_t frames = (size_t)(p.samples * p.frames);
    p.masks = numbers_random(random, STORED_F32, frames * (size_t)p.mask_row, 1);
    p.spectrum = numbers_random(random, STORED_F32, frames * (size_t)p.row, 1);
    return p;
}

static void *mask_run(const MaskProblem *p, int batch, Way way) {
    float *output = allocate((size_t)(p->samples * p->frames * p->row) * sizeof(float));
    for (int sample = 0; sample < p->samples; sample += batch) {
        ptrdiff_t before = (ptrdiff_t)sample * p->frames;
        MaskArguments a = {.bins = address_of(p->held),
                           .bands = address_of(p->bands),
                           .masks = address_of(p->masks + before * p->mask_row),
                           .spectrum = address_of(p->spectrum + before * p->row),
                           .output = address_of(output + before * p->row),
                           .output_sample = (int64_t)p->frames * p->row,
                           .mask_row = p->mask_row,
                           .row = p->row,
                           .frames = p->frames,
                           .bin_count = p->bins,
                           .channels = p->channels,
                           .zero_dc = p->zero_dc};
        run_kernel("mask_stem", &a, (Grid){p->frames, divide_up(p->row / 2, MASK_THREADS), batch},
                   0, way);
    }
    return output;
}

static double mask_at(const MaskProblem *p, int frame, int bin, int channel, int part) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < p->band_count; i++) {
        int own = bin - p->bands[i].first;
        if (own < 0 || own >= p->band_bins[i])
            continue;
        sum += (double)p->masks[(ptrdiff_t)frame * p->mask_row + p->bands[i].mask +
                                2 * (own * p->channels + channel) + part];
        count++;
    }
    return sum / count;
}

static void check_number(const MaskProblem *p, const float *output, int frame, int number,
                         Comparison *all) {
    int bin = number / p->channels, channel = number % p->channels;
    ptrdiff_t at = (ptrdiff_t)frame * p->row + 2 * (ptrdiff_t)number;
    double want[2] = {0, 0};
    if (bin < p->bins && !(p->zero_dc && bin == 0)) {
        double x = (double)p->spectrum[at], y = (double)p->spectrum[at + 1];
        double u = mask_at(p, frame, bin, channel, 0), v = mask_at(p, frame, bin, channel, 1);
        want[0] = u * x - v * y;
        want[1] = u * y + v * x;
    }
    for (int part = 0; part < 2; part++)
        compare(all, (double)output[at + part], want[part], 5e-7);
}

static void masks(void **state) {
    (void)state;
    Random random = {17};
    for (int i = 0; i < 2 * CASES; i++) {
        MaskProblem p = mask_problem(&random);
        Runs runs = {NULL, (size_t)(p.samples * p.frames * p.row) * sizeof(float)};
        Comparison all = {.what = "a masked spectrogram"};
        for (size_t k = 0; k < (REPEAT ? 3 : 1); k++)
            keep_or_compare(&runs, mask_run(&p, k == 1 ? 1 : p.samples, ways[k]), runs.bytes);
        for (int frame = 0; frame < p.samples * p.frames; frame++)
            for (int number = 0; number < p.row / 2; number++)
                check_number(&p, runs.first, frame, number, &all);
        compare_end(&all, 130);
        free(runs.first);
        free(p.held);
        free(p.masks);
        free(p.spectrum);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms),
        cmocka_unit_test(linears),
        cmocka_unit_test(attention),
        cmocka_unit_test(masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
