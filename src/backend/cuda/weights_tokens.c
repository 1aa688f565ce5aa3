/* weights_tokens.c: the linears' weights, biases and tables of tiles, norms' gammas, RoPE's turns,
 * and which bins are in which bands. */
#include "backend/cuda/weights_tokens.h"

#include <math.h>
#include <stdlib.h>

#include "backend/cuda/plan_tokens.h"
#include "base/memory.h"
#include "graph/rope.h"
#include "graph/tokens.h"
#include "graph/weight_check.h"

/* A step on its way. */
typedef struct TokensUpload {
    const Upload *upload;
    const Graph *graph; /* with weights */
    const Node *node;
    const CudaPlan *plan;
    int step;
} TokensUpload;

static const PlannedTokens *tokens_of(const TokensUpload *t) {
    return &t->plan->steps[t->step].tokens;
}

static int type_of(const TokensUpload *t) {
    return t->plan->steps[t->step].type;
}

static cleave_status no_memory(const TokensUpload *t, size_t bytes) {
    return error_memory(t->upload->error, t->node->name, bytes);
}

/* ---- Which weight is where ---- */

/* The feature of all heads together that a padded one is; -1: none. */
static int feature_of_heads(const TokensUpload *t, int feature) {
    const AttentionAttributes *attention = &t->node->as.attention;
    int room = tokens_of(t)->head;
    return feature % room < attention->dim_head
               ? feature / room * attention->dim_head + feature % room
               : -1;
}

/* Which row of the weights a channel of q, k, v and the gates is. */
static int row_of_attention(const TokensUpload *t, int channel) {
    const AttentionAttributes *attention = &t->node->as.attention;
    int kept = 3 * attention->heads * tokens_of(t)->head;
    int gate = channel - kept;
    if (gate < 0)
        return feature_of_heads(t, channel);
    return gate < attention->heads ? 3 * attention->heads * attention->dim_head + gate : -1;
}

/* Which row of the weights a channel of a product is; -1: none. */
static int row_of(const TokensUpload *t, RowsFinish finish, const RowsGroup *group, int channel) {
    if (finish == ROWS_ATTENTION)
        return row_of_attention(t, channel);
    if (channel >= group->out)
        return -1;
    return finish == ROWS_GATED ? channel % 2 * (group->out / 2) + channel / 2 : channel;
}

/* Which column of the weights a channel of the operand is; -1: none. */
static int column_of(const TokensUpload *t, const RowsGroup *group, int k) {
    if (t->node->op == OP_ATTENTION && group->weight == ATTENTION_OUT)
        return feature_of_heads(t, k);
    return k < group->in ? k : -1;
}

/* The channel of a tile's column (arguments.h). */
static int channel_of_column(int type, int column) {
    if (type != STORED_F32)
        return column;
    return 2 * (column / 32 * 16 + column % 16) + column / 16 % 2;
}

/* ---- Linears ---- */

static void fill_map(const TokensUpload *t, RowsFinish finish, const RowsGroup *group,
                     WeightMap *map) {
    for (int column = 0; column < map->tiles * map->tile; column++) {
        int row = row_of(t, finish, group, channel_of_column(map->type, column));
        map->columns[column] = row < 0 ? -1 : (int64_t)row * group->in;
    }
    for (int k = 0; k < group->k; k++)
        map->ks[k] = column_of(t, group, k);
}

/* Gates lie behind q, k and v. */
static cleave_status upload_weights(const TokensUpload *t, RowsFinish finish,
                                    const RowsGroup *group, WeightMap *map, size_t offset) {
    const Tensor *tensors[2] = {graph_weight(t->graph, t->node, group->weight), NULL};
    if (finish == ROWS_ATTENTION)
        tensors[1] = graph_weight(t->graph, t->node, ATTENTION_GATES);
    cleave_status status = weight_map_create(map, t->node->name, t->upload->error);
    if (status == CLEAVE_OK) {
        fill_map(t, finish, group, map);
        status = upload_packed(t->upload, map, tensors, offset);
    }
    weight_map_free(map);
    return status;
}

/* Writes the biases of a group's channels. Those of q, k and v are zero. */
static cleave_status read_biases(const TokensUpload *t, RowsFinish finish, const RowsGroup *group,
                                 const WeightMap *map, float *biases) {
    const Tensor *tensor = group->bias < 0 ? NULL : graph_weight(t->graph, t->node, group->bias);
    if (!tensor)
        return CLEAVE_OK;
    int count = (int)tensor_elements(tensor);
    int first = group->out - count; /* row of the weights */
    float *values = malloc((size_t)count * sizeof(*values));
    if (!values)
        return no_memory(t, (size_t)count * sizeof(*values));
    cleave_status status = upload_read(t->upload, tensor, (size_t)count, values);
    for (int channel = 0; channel < map->tiles * map->tile && status == CLEAVE_OK; channel++) {
        int row = row_of(t, finish, group, channel);
        if (row >= first)
            biases[channel] = values[row - first];
    }
    free(values);
    return status;
}

/* What of a linear has been filled. */
typedef struct LinearUpload {
    RowsTile *table;
    float *biases;
    int tiles;
    size_t weights; /* offset behind those that were sent */
} LinearUpload;

static void fill_table(const TokensUpload *t, const PlannedRows *rows, const RowsGroup *group,
                       const WeightMap *map, LinearUpload *done) {
    const CudaExecutable *executable = t->upload->executable;
    size_t tile_bytes = weight_map_bytes(map) / (size_t)map->tiles;
    for (int i = 0; i < map->tiles; i++) {
        int first = i * map->tile;
        int left = group->channels - first;
        size_t bias = (size_t)(done->tiles + i) * (size_t)map->tile * sizeof(float);
        done->table[done->tiles + i] =
            (RowsTile){.weights = weights_at(executable, done->weights + (size_t)i * tile_bytes),
                       .bias = weights_at(executable, rows->biases + bias),
                       .operand = group->operand,
                       .output = group->output,
                       .slices = map->slices,
                       .k = group->k,
                       .first = first,
                       .channels = left < map->tile ? left : map->tile};
    }
}

static cleave_status upload_group(const TokensUpload *t, int linear, int index,
                                  LinearUpload *done) {
    const PlannedRows *rows = &tokens_of(t)->rows[linear];
    RowsGroup group = plan_rows_group(t->plan, t->step, linear, index);
    RowsFinish finish = plan_rows_finish(t->plan, t->step, linear);
    WeightMap map = {.taps = 1,
                     .tile = rows->tile,
                     .tiles = plan_group_tiles(rows, &group),
                     .slices = plan_group_slices(t->plan, t->step, &group),
                     .type = type_of(t)};
    fill_table(t, rows, &group, &map, done);
    cleave_status status =
        read_biases(t, finish, &group, &map, done->biases + (ptrdiff_t)done->tiles * map.tile);
    if (status == CLEAVE_OK)
        status = upload_weights(t, finish, &group, &map, done->weights);
    done->tiles += map.tiles;
    done->weights += weight_map_bytes(&map);
    return status;
}

static cleave_status upload_linear(const TokensUpload *t, int linear) {
    const PlannedRows *rows = &tokens_of(t)->rows[linear];
    size_t tiles = (size_t)rows->tiles;
    size_t channels = tiles * (size_t)rows->tile;
    LinearUpload done = {.table = calloc(tiles, sizeof(RowsTile)),
                         .biases = calloc(channels, sizeof(float)),
                         .weights = rows->weights};
    cleave_status status = CLEAVE_OK;
    if (!done.table || !done.biases)
        status = no_memory(t, tiles * sizeof(RowsTile) + channels * sizeof(float));
    for (int i = 0; i < tokens_of(t)->groups && status == CLEAVE_OK; i++)
        status = upload_group(t, linear, i, &done);
    if (status == CLEAVE_OK)
        status = upload_send(t->upload, rows->biases, done.biases, channels * sizeof(float));
    if (status == CLEAVE_OK)
        status = upload_send(t->upload, rows->table, done.table, tiles * sizeof(RowsTile));
    free(done.table);
    free(done.biases);
    return status;
}

/* ---- Norms ---- */

/* The slot of a group's gamma; -1: none, its input is only rounded. */
static int gamma_slot(const TokensUpload *t, int group) {
    switch (t->node->op) {
    case OP_BAND_SPLIT:
        return group * SPLIT_WEIGHTS + SPLIT_GAMMA;
    case OP_ATTENTION:
        return ATTENTION_GAMMA;
    case OP_FEED_FORWARD:
        return FEED_FORWARD_GAMMA;
    case OP_RMS_NORM:
        return 0;
    default:
        return -1;
    }
}

/* Where a group's features lie, without its gamma. */
static RmsGroup rms_group(const TokensUpload *t, int index) {
    const Graph *graph = &t->plan->graph;
    int width = graph->nodes[t->node->inputs[0]].shape.width;
    if (t->node->op != OP_BAND_SPLIT)
        return (RmsGroup){.features = width, .padded = tokens_padded(width)};
    int features = graph_band_features(graph, t->node, index);
    int bin = graph_bin_features(graph, t->node);
    return (RmsGroup){.input = (int64_t)graph->bands[index].first * bin,
                      .output = plan_band_offset(t->plan, t->step, index),
                      .features = features,
                      .padded = tokens_padded(features)};
}

static cleave_status fill_norms(const TokensUpload *t, RmsGroup *groups, int count, float *gammas) {
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < count && status == CLEAVE_OK; i++) {
        int slot = gamma_slot(t, i);
        groups[i] = rms_group(t, i);
        if (slot < 0)
            continue;
        size_t offset = tokens_of(t)->gammas + (size_t)groups[i].output * sizeof(float);
        groups[i].gamma = weights_at(t->upload->executable, offset);
        status = upload_read(t->upload, graph_weight(t->graph, t->node, slot),
                             (size_t)groups[i].features, gammas + groups[i].output);
    }
    return status;
}

static cleave_status upload_norms(const TokensUpload *t) {
    const PlannedTokens *tokens = tokens_of(t);
    bool split = t->node->op == OP_BAND_SPLIT;
    size_t count = split ? (size_t)tokens->groups : 1;
    RmsGroup last = rms_group(t, (int)count - 1);
    size_t features = (size_t)last.output + (size_t)last.padded;
    RmsGroup *groups = calloc(count, sizeof(*groups));
    float *gammas = calloc(features, sizeof(*gammas));
    cleave_status status = CLEAVE_OK;
    if (!groups || !gammas)
        status = no_memory(t, features * sizeof(*gammas));
    if (status == CLEAVE_OK)
        status = fill_norms(t, groups, (int)count, gammas);
    if (status == CLEAVE_OK)
        status = upload_send(t->upload, tokens->gammas, gammas, features * sizeof(*gammas));
    if (status == CLEAVE_OK)
        status = upload_send(t->upload, tokens->rms, groups, count * sizeof(*groups));
    free(groups);
    free(gammas);
    return status;
}

/* ---- RoPE ---- */

/* Padding turns into zeros. */
static void fill_turns(const TokensUpload *t, const float *frequencies, int positions,
                       float *turns) {
    int room = tokens_of(t)->head;
    for (int position = 0; position < positions; position++)
        for (int j = 0; j < t->node->as.attention.dim_head / 2; j++) {
            double angle = position * (double)frequencies[j];
            turns[position * room + 2 * j] = (float)cos(angle);
            turns[position * room + 2 * j + 1] = (float)sin(angle);
        }
}

static cleave_status upload_turns(const TokensUpload *t) {
    int positions = plan_positions(t->plan, t->step);
    size_t count = (size_t)positions * (size_t)tokens_of(t)->head;
    float frequencies[ATTENTION_HEAD_MAX / 2];
    float *turns = calloc(count, sizeof(*turns));
    if (!turns)
        return no_memory(t, count * sizeof(*turns));
    cleave_status status =
        weight_check(graph_weight(t->graph, t->node, ATTENTION_FREQUENCIES),
                     rope_frequencies(t->graph, t->node, frequencies), t->upload->error);
    if (status == CLEAVE_OK) {
        fill_turns(t, frequencies, positions, turns);
        status = upload_send(t->upload, tokens_of(t)->turns, turns, count * sizeof(*turns));
    }
    free(turns);
    return status;
}

/* ---- Masks ---- */

static cleave_status upload_bins(const TokensUpload *t) {
    const Graph *graph = &t->plan->graph;
    size_t count = (size_t)graph_bins(graph);
    MaskBin *bins = calloc(count, sizeof(*bins));
    if (!bins)
        return no_memory(t, count * sizeof(*bins));
    for (size_t i = 0; i < count; i++)
        bins[i].bands = graph_bands_of_bin(graph, (int)i, &bins[i].band);
    cleave_status status = upload_send(t->upload, tokens_of(t)->bins, bins, count * sizeof(*bins));
    free(bins);
    return status;
}

static cleave_status upload_bands(const TokensUpload *t) {
    const Graph *graph = &t->plan->graph;
    size_t count = (size_t)graph->band_count;
    MaskBand *bands = calloc(count, sizeof(*bands));
    if (!bands)
        return no_memory(t, count * sizeof(*bands));
    for (int i = 0; i < graph->band_count; i++)
        bands[i] = (MaskBand){graph->bands[i].first, plan_band_offset(t->plan, t->step, i)};
    cleave_status status =
        upload_send(t->upload, tokens_of(t)->bands, bands, count * sizeof(*bands));
    free(bands);
    return status;
}

/* ---- All ---- */

cleave_status cuda_tokens_upload(const Upload *upload, int step, const Graph *graph) {
    const CudaPlan *plan = &upload->executable->plan;
    const TokensUpload t = {upload, graph, &graph->nodes[plan->program.steps[step].node], plan,
                            step};
    cleave_status status = upload_norms(&t);
    for (int i = 0; i < tokens_of(&t)->linears && status == CLEAVE_OK; i++)
        status = upload_linear(&t, i);
    if (status == CLEAVE_OK && t.node->op == OP_ATTENTION)
        status = upload_turns(&t);
    if (status == CLEAVE_OK && t.node->op == OP_MASK)
        status = upload_bins(&t);
    if (status == CLEAVE_OK && t.node->op == OP_MASK)
        status = upload_bands(&t);
    return status;
}
