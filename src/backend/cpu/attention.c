/* attention.c: making a step of attention: its sizes, its weights, and RoPE's angles. */
#include <math.h>
#include <stdlib.h>

#include "backend/cpu/attention_step.h"
#include "backend/cpu/step_kinds.h"
#include "graph/rope.h"
#include "graph/weight_check.h"

/* Tokens of short sequences that a task takes together, so that weights are fetched for many. */
#define TASK_ROWS 128

/* What a tile's scores may take of the cache, and the fewest rows of a tile. */
#define SCORE_BYTES ((size_t)256 << 10)
#define LEAST_ROWS  32

static void attention_destroy(CpuStep *base) {
    AttentionStep *step = (AttentionStep *)base;
    token_weights_free(&step->qkv);
    token_weights_free(&step->gates);
    token_weights_free(&step->out);
    memory_free_aligned(step->gain);
    memory_free_aligned(step->gates_bias);
    memory_free_aligned(step->cosines);
    memory_free_aligned(step->sines);
    step_free(base);
}

/* ---- Sizes ---- */

static void attention_measure(AttentionStep *step, const Node *node) {
    size_t dim_head = (size_t)node->as.attention.dim_head;
    step->axis = node->as.attention.axis;
    step->heads = (size_t)node->as.attention.heads;
    step->length =
        (size_t)(step->axis == SEQUENCE_FRAMES ? node->shape.height : node->shape.channels);
    step->padded = size_round_up(step->length, CHANNEL_BLOCK);
    step->sequences = size_max(TASK_ROWS / step->length, 1);
    step->rows = step->sequences * step->padded;
    size_t fitting = SCORE_BYTES / (step->padded * sizeof(float)) / CHANNEL_BLOCK * CHANNEL_BLOCK;
    step->query_rows = size_min(size_max(fitting, LEAST_ROWS), TOKEN_TILE_ROWS);
    step->turned_blocks = 2 * feature_blocks(dim_head / 2);
    step->value_blocks = feature_blocks(dim_head);
    step->scale = (float)(1.44269504088896340736 / sqrt((double)dim_head));
}

/* Blocks of rows as floats, as elements, and only where floats are narrowed. */
typedef struct AttentionRoom {
    size_t *used;
    size_t element;
    bool narrow;
} AttentionRoom;

static size_t take_floats(const AttentionRoom *room, size_t positions) {
    return scratch_take(room->used, positions * CHANNEL_BLOCK * sizeof(float));
}

static size_t take_elements(const AttentionRoom *room, size_t positions) {
    return scratch_take(room->used, positions * CHANNEL_BLOCK * room->element);
}

static size_t take_narrow(const AttentionRoom *room, size_t positions, size_t size) {
    return scratch_take(room->used, room->narrow ? positions * CHANNEL_BLOCK * size : 0);
}

static void attention_lay_out(AttentionStep *step, size_t blocks) {
    size_t key_blocks = step->padded / CHANNEL_BLOCK;
    size_t turned = step->turned_blocks;
    size_t values = step->value_blocks;
    size_t element = step->base.products->element;
    size_t pointers =
        size_max(size_max(blocks, turned), size_max(key_blocks, step->heads * values));
    AttentionRoom room = {&step->base.scratch_bytes, element, is_narrow(&step->base)};
    step->pointers = scratch_take(room.used, pointers * sizeof(void *));
    step->normalised = take_elements(&room, blocks * step->rows);
    step->gates_made = take_floats(&room, feature_blocks(step->heads) * step->rows);
    step->part = take_floats(&room, (2 * turned + values) * TOKEN_TILE_ROWS);
    step->key_block = take_floats(&room, turned * CHANNEL_BLOCK);
    step->queries = take_elements(&room, turned * step->padded);
    step->keys = take_elements(&room, turned * step->padded);
    step->values = take_elements(&room, values * step->padded);
    step->scores = take_floats(&room, key_blocks * (step->query_rows + 1));
    step->narrow_scores = take_narrow(&room, key_blocks * (step->query_rows + 1), element);
    step->sums = scratch_take(room.used, step->query_rows * sizeof(float));
    step->values_sum = take_narrow(&room, values * step->query_rows, sizeof(float));
    step->heads_together = take_elements(&room, step->heads * values * step->rows);
}

/* ---- Weights ---- */

/* The feature of a head in a lane of its queries or keys: the first of 16 pairs, then the second.
 */
static int turned_feature(size_t lane, size_t dim_head) {
    size_t pair = lane / (2 * CHANNEL_BLOCK) * CHANNEL_BLOCK + lane % CHANNEL_BLOCK;
    size_t second = lane / CHANNEL_BLOCK % 2;
    return pair < dim_head / 2 ? (int)(2 * pair + second) : -1;
}

/* One head's part, `which` of queries, keys and values. */
static void list_part(int *list, const Node *node, int head, int which, size_t lanes) {
    const AttentionAttributes *attention = &node->as.attention;
    size_t dim_head = (size_t)attention->dim_head;
    for (size_t lane = 0; lane < lanes; lane++) {
        int feature = which < 2 ? turned_feature(lane, dim_head) : lane < dim_head ? (int)lane : -1;
        int first = (which * attention->heads + head) * attention->dim_head;
        list[lane] = feature < 0 ? -1 : first + feature;
    }
}

static cleave_status create_qkv(AttentionStep *step, const CpuExecutable *executable,
                                const Graph *weights, const Node *node, cleave_error *error) {
    const size_t blocks[3] = {step->turned_blocks, step->turned_blocks, step->value_blocks};
    size_t count = step->heads * (blocks[0] + blocks[1] + blocks[2]) * CHANNEL_BLOCK;
    int *rows = calloc(count, sizeof(*rows));
    int *next = rows;
    if (!rows)
        return error_memory(error, node->name, count * sizeof(*rows));
    for (int head = 0; head < node->as.attention.heads; head++)
        for (int which = 0; which < 3; which++) {
            list_part(next, node, head, which, blocks[which] * CHANNEL_BLOCK);
            next += blocks[which] * CHANNEL_BLOCK;
        }
    TokenWeightsSource source = {.tensor = graph_weight(weights, node, ATTENTION_QKV),
                                 .outputs = 3 * step->heads * (size_t)node->as.attention.dim_head,
                                 .inputs = (size_t)node->shape.width,
                                 .rows = rows,
                                 .row_count = count};
    cleave_status status =
        token_weights_create(&step->qkv, &step->base, executable, &source, error);
    free(rows);
    return status;
}

static cleave_status create_out(AttentionStep *step, const CpuExecutable *executable,
                                const Graph *weights, const Node *node, cleave_error *error) {
    size_t dim_head = (size_t)node->as.attention.dim_head;
    size_t lanes = step->value_blocks * CHANNEL_BLOCK;
    size_t count = step->heads * lanes;
    int *columns = calloc(count, sizeof(*columns));
    if (!columns)
        return error_memory(error, node->name, count * sizeof(*columns));
    for (size_t i = 0; i < count; i++)
        columns[i] = i % lanes < dim_head ? (int)(i / lanes * dim_head + i % lanes) : -1;
    TokenWeightsSource source = {.tensor = graph_weight(weights, node, ATTENTION_OUT),
                                 .outputs = (size_t)node->shape.width,
                                 .inputs = step->heads * dim_head,
                                 .columns = columns,
                                 .column_count = count};
    cleave_status status =
        token_weights_create(&step->out, &step->base, executable, &source, error);
    free(columns);
    return status;
}

static cleave_status create_gates(AttentionStep *step, const CpuExecutable *executable,
                                  const Graph *weights, const Node *node, cleave_error *error) {
    TokenWeightsSource source = {.tensor = graph_weight(weights, node, ATTENTION_GATES),
                                 .outputs = step->heads,
                                 .inputs = (size_t)node->shape.width};
    cleave_status status =
        token_weights_create(&step->gates, &step->base, executable, &source, error);
    if (status == CLEAVE_OK)
        status = token_vector_create(&step->gates_bias, &step->base, executable,
                                     graph_weight(weights, node, ATTENTION_GATES_BIAS), step->heads,
                                     1, error);
    return status;
}

/* ---- Angles ---- */

/* The angle is the product in f32, as the networks were trained with. */
static void fill_angles(AttentionStep *step, const float *frequencies, size_t pairs) {
    for (size_t i = 0; i < step->turned_blocks / 2 * step->padded * CHANNEL_BLOCK; i++) {
        size_t position = i / CHANNEL_BLOCK % step->padded;
        size_t pair = i / CHANNEL_BLOCK / step->padded * CHANNEL_BLOCK + i % CHANNEL_BLOCK;
        float angle = pair < pairs ? (float)position * frequencies[pair] : 0;
        step->cosines[i] = (float)cos((double)angle);
        step->sines[i] = (float)sin((double)angle);
    }
}

static cleave_status create_angles(AttentionStep *step, const CpuExecutable *executable,
                                   const Graph *weights, const Node *node, cleave_error *error) {
    int dim_head = node->as.attention.dim_head;
    size_t bytes = step->turned_blocks / 2 * step->padded * CHANNEL_BLOCK * sizeof(float);
    step->base.weight_bytes += 2 * bytes;
    if (executable->sizes_only)
        return CLEAVE_OK;
    float *frequencies = calloc((size_t)dim_head / 2, sizeof(*frequencies));
    step->cosines = memory_allocate_aligned(bytes);
    step->sines = memory_allocate_aligned(bytes);
    cleave_status status = CLEAVE_OK;
    if (!frequencies || !step->cosines || !step->sines)
        status = error_memory(error, node->name, 2 * bytes);
    else
        status = weight_check(graph_weight(weights, node, ATTENTION_FREQUENCIES),
                              rope_frequencies(weights, node, frequencies), error);
    if (status == CLEAVE_OK)
        fill_angles(step, frequencies, (size_t)dim_head / 2);
    free(frequencies);
    return status;
}

/* ---- All ---- */

cleave_status attention_step_create(CpuStep **created, const CpuExecutable *executable,
                                    const Step *program_step, const Graph *weights,
                                    cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(AttentionStep), executable, program_step, weights, error);
    if (status != CLEAVE_OK)
        return status;
    AttentionStep *step = (AttentionStep *)*created;
    const Node *node = &weights->nodes[program_step->node];
    size_t width = (size_t)node->shape.width;
    step->base.run = attention_run;
    step->base.destroy = attention_destroy;
    attention_measure(step, node);
    attention_lay_out(step, feature_blocks(width));
    status = token_vector_create(&step->gain, &step->base, executable,
                                 graph_weight(weights, node, ATTENTION_GAMMA), width,
                                 sqrtf((float)width), error);
    if (status == CLEAVE_OK)
        status = create_qkv(step, executable, weights, node, error);
    if (status == CLEAVE_OK)
        status = create_gates(step, executable, weights, node, error);
    if (status == CLEAVE_OK)
        status = create_out(step, executable, weights, node, error);
    if (status == CLEAVE_OK)
        status = create_angles(step, executable, weights, node, error);
    return status;
}
