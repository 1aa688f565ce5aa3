/* plan_tokens.c: linears of tokens by groups, and what else ops of tokens take. */
#include "backend/cuda/plan_tokens.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/tokens.h"

static int divide_up(int size, int unit) {
    return (int)size_divide_up((size_t)size, (size_t)unit);
}

static int tokens_width(const CudaPlan *plan, int step) {
    return plan->graph.nodes[plan_node(plan, step)->inputs[0]].shape.width;
}

static int band_count(const CudaPlan *plan) {
    return plan->graph.band_count;
}

/* ---- Questions ---- */

const PlannedValue *plan_tokens_input(const CudaPlan *plan, int step) {
    return plan_source(plan, step, 0);
}

bool plan_has_operand(const CudaPlan *plan, int step) {
    const PlannedStep *planned = &plan->steps[step];
    switch (planned->kind) {
    case STEP_KIND_MASK:
        return plan_tokens_input(plan, step)->stored != planned->type;
    case STEP_KIND_RMS_NORM:
        return false;
    default:
        return true;
    }
}

static bool is_by_band(StepKind kind) {
    return kind == STEP_KIND_BAND_SPLIT || kind == STEP_KIND_MASK;
}

int plan_rows(const CudaPlan *plan, int step) {
    const PlannedValue *output = plan_output(plan, step);
    bool by_band = is_by_band(plan->steps[step].kind);
    return by_band ? output->width : output->height * output->width;
}

/* A row of masks has half the channels of the last linear, which are padded. */
int plan_band_room(const CudaPlan *plan, int step, int band) {
    const Node *node = plan_node(plan, step);
    int features = graph_band_features(&plan->graph, node, band);
    return node->op == OP_MASK ? tokens_padded(2 * features) / 2 : tokens_padded(features);
}

int plan_band_offset(const CudaPlan *plan, int step, int band) {
    int offset = 0;
    for (int i = 0; i < band; i++)
        offset += plan_band_room(plan, step, i);
    return offset;
}

int plan_positions(const CudaPlan *plan, int step) {
    const PlannedValue *output = plan_output(plan, step);
    bool along_frames = plan_node(plan, step)->as.attention.axis == SEQUENCE_FRAMES;
    return along_frames ? output->width : output->height;
}

int plan_sequences(const CudaPlan *plan, int step) {
    return plan_rows(plan, step) / plan_positions(plan, step);
}

int plan_query_tiles(const CudaPlan *plan, int step) {
    bool wide = plan->steps[step].type == STORED_F32;
    return divide_up(plan_positions(plan, step), wide ? ATTENTION_QUERIES_F32 : ATTENTION_QUERIES);
}

int plan_group_slices(const CudaPlan *plan, int step, const RowsGroup *group) {
    int unit = 16 / (int)plan_stored_bytes(plan->steps[step].type);
    return divide_up(group->k, PRODUCT_PLANES * unit);
}

int plan_group_tiles(const PlannedRows *rows, const RowsGroup *group) {
    return divide_up(group->channels, rows->tile);
}

/* ---- Groups ---- */

static RowsGroup split_group(const CudaPlan *plan, int step, int band) {
    const PlannedValue *output = plan_output(plan, step);
    int features = graph_band_features(&plan->graph, plan_node(plan, step), band);
    int width = plan_node(plan, step)->shape.width;
    return (RowsGroup){.weight = band * SPLIT_WEIGHTS + SPLIT_WEIGHT,
                       .bias = band * SPLIT_WEIGHTS + SPLIT_BIAS,
                       .in = features,
                       .out = width,
                       .k = tokens_padded(features),
                       .channels = tokens_padded(width),
                       .operand = plan_band_offset(plan, step, band),
                       .output = (int64_t)band * output->width * tokens_padded(width)};
}

/* Gates are rows behind those of q, k and v. */
static RowsGroup attention_group(const CudaPlan *plan, int step, int linear) {
    const AttentionAttributes *attention = &plan_node(plan, step)->as.attention;
    int width = tokens_width(plan, step);
    int inner = attention->heads * attention->dim_head;
    int room = attention->heads * plan->steps[step].tokens.head;
    if (linear == 0)
        return (RowsGroup){.weight = ATTENTION_QKV,
                           .bias = ATTENTION_GATES_BIAS,
                           .in = width,
                           .out = 3 * inner + attention->heads,
                           .k = tokens_padded(width),
                           .channels = 3 * room + tokens_padded(attention->heads)};
    return (RowsGroup){.weight = ATTENTION_OUT,
                       .bias = -1,
                       .in = inner,
                       .out = width,
                       .k = room,
                       .channels = tokens_padded(width)};
}

static RowsGroup feed_forward_group(const CudaPlan *plan, int step, int linear) {
    int width = tokens_width(plan, step);
    int hidden = plan_node(plan, step)->as.feed_forward.hidden;
    int in = linear == 0 ? width : hidden;
    int out = linear == 0 ? hidden : width;
    return (RowsGroup){.weight = linear == 0 ? FEED_FORWARD_IN : FEED_FORWARD_OUT,
                       .bias = linear == 0 ? FEED_FORWARD_IN_BIAS : FEED_FORWARD_OUT_BIAS,
                       .in = in,
                       .out = out,
                       .k = tokens_padded(in),
                       .channels = tokens_padded(out)};
}

/* Linears count layers, and stems over them. */
static RowsGroup mask_group(const CudaPlan *plan, int step, int linear, int band) {
    const Node *node = plan_node(plan, step);
    const MaskAttributes *mask = &node->as.mask;
    int layers = mask->hidden_layers + 1;
    int layer = linear % layers;
    bool last = layer == layers - 1;
    int slot = mask_weight(&plan->graph, node, linear / layers, band, layer);
    int in = layer == 0 ? tokens_width(plan, step) : mask->hidden_width;
    int out = last ? 2 * graph_band_features(&plan->graph, node, band) : mask->hidden_width;
    int64_t rows = (int64_t)band * plan_rows(plan, step);
    return (RowsGroup){.weight = slot,
                       .bias = slot + 1,
                       .in = in,
                       .out = out,
                       .k = tokens_padded(in),
                       .channels = tokens_padded(out),
                       .operand = rows * tokens_padded(in),
                       .output =
                           last ? plan_band_offset(plan, step, band) : rows * tokens_padded(out)};
}

RowsGroup plan_rows_group(const CudaPlan *plan, int step, int linear, int group) {
    switch (plan->steps[step].kind) {
    case STEP_KIND_BAND_SPLIT:
        return split_group(plan, step, group);
    case STEP_KIND_ATTENTION:
        return attention_group(plan, step, linear);
    case STEP_KIND_FEED_FORWARD:
        return feed_forward_group(plan, step, linear);
    default:
        return mask_group(plan, step, linear, group);
    }
}

RowsFinish plan_rows_finish(const CudaPlan *plan, int step, int linear) {
    int layers = plan_node(plan, step)->as.mask.hidden_layers + 1;
    switch (plan->steps[step].kind) {
    case STEP_KIND_ATTENTION:
        return linear == 0 ? ROWS_ATTENTION : ROWS_PLAIN;
    case STEP_KIND_FEED_FORWARD:
        return linear == 0 ? ROWS_GELU : ROWS_PLAIN;
    case STEP_KIND_MASK:
        return linear % layers == layers - 1 ? ROWS_GATED : ROWS_TANH;
    default:
        return ROWS_PLAIN;
    }
}

/* ---- Kernels ---- */

static int linear_count(const CudaPlan *plan, int step) {
    const MaskAttributes *mask = &plan_node(plan, step)->as.mask;
    switch (plan->steps[step].kind) {
    case STEP_KIND_BAND_SPLIT:
        return 1;
    case STEP_KIND_RMS_NORM:
        return 0;
    case STEP_KIND_MASK:
        return mask->stems * (mask->hidden_layers + 1);
    default:
        return 2;
    }
}

static int count_tiles(const CudaPlan *plan, int step, int linear, int tile) {
    const PlannedRows rows = {.tile = tile};
    int tiles = 0;
    for (int i = 0; i < plan->steps[step].tokens.groups; i++) {
        RowsGroup group = plan_rows_group(plan, step, linear, i);
        tiles += plan_group_tiles(&rows, &group);
    }
    return tiles;
}

static void plan_linear(CudaPlan *plan, int step, int linear) {
    PlannedRows *rows = &plan->steps[step].tokens.rows[linear];
    int64_t down = divide_up(plan_rows(plan, step), PRODUCT_PIXELS);
    double least = 0;
    for (int tile = 128; tile >= 32; tile /= 2) {
        int tiles = count_tiles(plan, step, linear, tile);
        double cost = plan_tile_cost(plan, tile, tiles, (double)(tiles * down));
        if (tile < 128 && cost >= least)
            continue;
        least = cost;
        rows->tile = tile;
        rows->tiles = tiles;
    }
}

static bool tokens_fit(const CudaPlan *plan, int step) {
    const PlannedTokens *tokens = &plan->steps[step].tokens;
    int64_t blocks = 1;
    bool fits = tokens->groups < 65536 && divide_up(plan_rows(plan, step), PRODUCT_PIXELS) < 65536;
    for (int i = 0; i < tokens->linears; i++)
        fits = fits && tokens->rows[i].tiles < 65536;
    if (plan->steps[step].kind == STEP_KIND_ATTENTION)
        blocks = (int64_t)plan_rows(plan, step) * plan_node(plan, step)->as.attention.heads;
    return fits && blocks < INT32_MAX / 4;
}

/* Heads are padded to what kernels there are. */
static int padded_head(int dim_head) {
    return dim_head <= 32 ? 32 : dim_head <= 64 ? 64 : 128;
}

static cleave_status check_head(const Node *node, cleave_error *error) {
    if (node->op != OP_ATTENTION || node->as.attention.dim_head <= ATTENTION_HEAD_MAX)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_DEVICE,
                     "%s: heads of %d features; the cuda device computes heads of %d at most",
                     node->name, node->as.attention.dim_head, ATTENTION_HEAD_MAX);
}

cleave_status plan_tokens(CudaPlan *plan, int step, cleave_error *error) {
    const Node *node = plan_node(plan, step);
    PlannedTokens *tokens = &plan->steps[step].tokens;
    size_t linears = (size_t)linear_count(plan, step);
    cleave_status status = check_head(node, error);
    if (status != CLEAVE_OK)
        return status;
    tokens->rows = calloc(linears ? linears : 1, sizeof(*tokens->rows));
    if (!tokens->rows)
        return error_memory(error, "the network's plan", linears * sizeof(*tokens->rows));
    tokens->linears = (int)linears;
    tokens->groups = is_by_band(plan->steps[step].kind) ? band_count(plan) : 1;
    if (node->op == OP_ATTENTION)
        tokens->head = padded_head(node->as.attention.dim_head);
    if (is_by_band(plan->steps[step].kind))
        tokens->features = plan_band_offset(plan, step, band_count(plan));
    for (int i = 0; i < tokens->linears; i++)
        plan_linear(plan, step, i);
    if (tokens_fit(plan, step))
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_MEMORY, "%s has more values than one array can have",
                     node->name);
}

/* ---- Memory ---- */

static void reserve_linear(CudaPlan *plan, int step, int linear) {
    PlannedStep *planned = &plan->steps[step];
    PlannedRows *rows = &planned->tokens.rows[linear];
    size_t weights = 0;
    for (int i = 0; i < planned->tokens.groups; i++) {
        RowsGroup group = plan_rows_group(plan, step, linear, i);
        weights += (size_t)plan_group_tiles(rows, &group) *
                   (size_t)plan_group_slices(plan, step, &group) *
                   (size_t)ROWS_WEIGHT_BYTES(rows->tile);
    }
    planned->weight_bytes += weights;
    rows->weights = plan_reserve_bytes(&plan->weight_bytes, weights);
    rows->biases = plan_reserve_bytes(&plan->weight_bytes,
                                      (size_t)rows->tiles * (size_t)rows->tile * sizeof(float));
    rows->table = plan_reserve_bytes(&plan->weight_bytes, (size_t)rows->tiles * sizeof(RowsTile));
}

/* Gammas of all groups, one behind the other, each padded. */
static void reserve_rms(CudaPlan *plan, int step) {
    PlannedTokens *tokens = &plan->steps[step].tokens;
    bool by_band = plan->steps[step].kind == STEP_KIND_BAND_SPLIT;
    size_t features =
        (size_t)(by_band ? tokens->features : tokens_padded(tokens_width(plan, step)));
    size_t groups = by_band ? (size_t)tokens->groups : 1;
    tokens->rms = plan_reserve_bytes(&plan->weight_bytes, groups * sizeof(RmsGroup));
    tokens->gammas = plan_reserve_bytes(&plan->weight_bytes, features * sizeof(float));
}

static void reserve_mask_tables(CudaPlan *plan, int step) {
    PlannedTokens *tokens = &plan->steps[step].tokens;
    size_t bins = (size_t)graph_bins(&plan->graph);
    tokens->bins = plan_reserve_bytes(&plan->weight_bytes, bins * sizeof(MaskBin));
    tokens->bands =
        plan_reserve_bytes(&plan->weight_bytes, (size_t)tokens->groups * sizeof(MaskBand));
}

void plan_tokens_reserve(CudaPlan *plan, int step) {
    PlannedTokens *tokens = &plan->steps[step].tokens;
    for (int i = 0; i < tokens->linears; i++)
        reserve_linear(plan, step, i);
    reserve_rms(plan, step);
    if (plan->steps[step].kind == STEP_KIND_MASK)
        reserve_mask_tables(plan, step);
    if (plan->steps[step].kind == STEP_KIND_ATTENTION)
        tokens->turns =
            plan_reserve_bytes(&plan->weight_bytes, (size_t)plan_positions(plan, step) *
                                                        (size_t)tokens->head * sizeof(float));
}

static int attention_room(const CudaPlan *plan, int step, TokensRoom room) {
    int heads = plan_node(plan, step)->as.attention.heads;
    return room == ROOM_WIDE    ? 3 * heads * plan->steps[step].tokens.head
           : room == ROOM_OTHER ? heads
                                : 0;
}

static int mask_room(const CudaPlan *plan, int step, TokensRoom room) {
    const MaskAttributes *mask = &plan_node(plan, step)->as.mask;
    int hidden = tokens_padded(mask->hidden_width) * plan->steps[step].tokens.groups;
    return room == ROOM_WIDE    ? (mask->hidden_layers > 0 ? hidden : 0)
           : room == ROOM_OTHER ? (mask->hidden_layers > 1 ? hidden : 0)
                                : plan->steps[step].tokens.features;
}

static int operand_room(const CudaPlan *plan, int step) {
    const PlannedStep *planned = &plan->steps[step];
    int width = tokens_padded(tokens_width(plan, step));
    if (!plan_has_operand(plan, step))
        return 0;
    return planned->kind == STEP_KIND_BAND_SPLIT ? planned->tokens.features
           : planned->kind == STEP_KIND_MASK     ? width * planned->tokens.groups
                                                 : width;
}

/* Numbers of a row. */
static int room_of(const CudaPlan *plan, int step, TokensRoom room) {
    if (room == ROOM_OPERAND)
        return operand_room(plan, step);
    switch (plan->steps[step].kind) {
    case STEP_KIND_ATTENTION:
        return attention_room(plan, step, room);
    case STEP_KIND_FEED_FORWARD:
        return room == ROOM_WIDE ? tokens_padded(plan_node(plan, step)->as.feed_forward.hidden) : 0;
    case STEP_KIND_MASK:
        return mask_room(plan, step, room);
    default:
        return 0;
    }
}

void plan_tokens_room(const CudaPlan *plan, int step, TokensRoom room, size_t factors[4]) {
    StepKind kind = plan->steps[step].kind;
    bool wide = room == ROOM_MASKS || (room == ROOM_OTHER && kind == STEP_KIND_ATTENTION);
    int type = wide ? STORED_F32 : plan->steps[step].type;
    factors[0] = (size_t)room_of(plan, step, room);
    factors[1] = (size_t)plan_rows(plan, step);
    factors[2] = plan_stored_bytes(type);
    factors[3] = 0;
}
