/* plan_memory.c: room for weights and tables, and a place in the arena for each value and whatever
 * else a step needs while it runs. */
#include "backend/cuda/plan_memory.h"

#include <stdlib.h>

#include "backend/cuda/plan_tokens.h"
#include "base/memory.h"
#include "dsp/stft.h"
#include "graph/arena.h"

/* Frames that a transform whose buffers do not fit into shared memory works on at a time. */
#define SCRATCH_FRAMES 32

/* ---- Transforms ---- */

int plan_fourier_length(const CudaPlan *plan, int step) {
    int n_fft = plan_node(plan, step)->as.stft.n_fft;
    return n_fft % 2 == 0 ? n_fft / 2 : n_fft;
}

bool plan_fourier_is_wide(const CudaPlan *plan, int step) {
    return plan->steps[step].kind == STEP_KIND_STFT && plan_node(plan, step)->as.stft.tokens;
}

/* Of a number in its buffers and tables. */
static size_t fourier_number(const CudaPlan *plan, int step) {
    return plan_fourier_is_wide(plan, step) ? sizeof(double) : sizeof(float);
}

size_t plan_fourier_bytes(const CudaPlan *plan, int step) {
    return 4 * (size_t)plan_fourier_length(plan, step) * fourier_number(plan, step);
}

size_t plan_fourier_shared(const CudaPlan *plan, int step) {
    size_t bytes = plan_fourier_bytes(plan, step);
    return bytes <= (size_t)plan->target.shared_bytes ? bytes : 0;
}

int plan_frames(const CudaPlan *plan, int step) {
    const Node *node = plan_node(plan, step);
    return node->op == OP_STFT ? node->shape.height
                               : plan->graph.nodes[node->inputs[0]].shape.height;
}

int plan_waveforms(const CudaPlan *plan, int step) {
    const Node *node = plan_node(plan, step);
    return node->op == OP_STFT ? plan->graph.nodes[node->inputs[0]].shape.channels
                               : node->shape.channels;
}

int plan_fourier_frames(const CudaPlan *plan, int step) {
    int frames = plan_frames(plan, step);
    return plan_fourier_shared(plan, step) > 0 || frames < SCRATCH_FRAMES ? frames : SCRATCH_FRAMES;
}

int plan_istft_length(const CudaPlan *plan, int step) {
    const Node *node = plan_node(plan, step);
    return istft_filled(&node->as.stft, plan_frames(plan, step), node->shape.width);
}

/* ---- Weights and tables ---- */

static size_t product_weight_bytes(const CudaPlan *plan, int step) {
    const PlannedStep *planned = &plan->steps[step];
    const Node *node = plan_node(plan, step);
    size_t slice = (size_t)planned->slices * PRODUCT_PLANES * 16;
    if (planned->kind == STEP_KIND_LINEAR)
        return size_round_up((size_t)node->shape.width, PRODUCT_PIXELS) * slice;
    size_t taps = node->op == OP_CONV ? (size_t)plan_taps(node) : 1;
    return size_round_up((size_t)planned->columns, (size_t)planned->tile) * slice * taps;
}

static void reserve_norm(CudaPlan *plan, int step) {
    PlannedStep *planned = &plan->steps[step];
    size_t channels = (size_t)plan->graph.nodes[plan->program.steps[step].norm].shape.channels;
    size_t pairs = (size_t)padded_channels(&planned->operand) * sizeof(float[2]);
    if (!plan_has_own_statistics(plan, step)) {
        planned->norm_fixed = plan_reserve_bytes(&plan->weight_bytes, pairs);
        return;
    }
    planned->positions = plan_reserve_bytes(&plan->weight_bytes, channels * sizeof(int32_t));
    planned->gain_bias = plan_reserve_bytes(&plan->weight_bytes, channels * sizeof(float[2]));
    planned->norm = plan_reserve_bytes(&plan->norm_bytes, pairs * (size_t)plan->batch);
}

static void reserve_tables(CudaPlan *plan, int step) {
    PlannedStep *planned = &plan->steps[step];
    const Node *node = plan_node(plan, step);
    size_t n_fft = (size_t)node->as.stft.n_fft;
    size_t number = fourier_number(plan, step);
    planned->roots = plan_reserve_bytes(&plan->weight_bytes, 2 * n_fft * number);
    planned->window = plan_reserve_bytes(&plan->weight_bytes, n_fft * number);
    if (planned->kind == STEP_KIND_ISTFT)
        planned->gain =
            plan_reserve_bytes(&plan->weight_bytes, (size_t)node->shape.width * sizeof(float));
}

void plan_reserve(CudaPlan *plan, int step) {
    PlannedStep *planned = &plan->steps[step];
    if (plan_is_product(planned->kind)) {
        planned->weight_bytes = product_weight_bytes(plan, step);
        planned->weights = plan_reserve_bytes(&plan->weight_bytes, planned->weight_bytes);
    }
    if (plan->program.steps[step].norm >= 0)
        reserve_norm(plan, step);
    if (plan_is_transform(planned->kind))
        reserve_tables(plan, step);
    if (plan_is_tokens(planned->kind))
        plan_tokens_reserve(plan, step);
}

/* ---- The arena ---- */

/* Product of the numbers up to a 0; false if it overflows. */
static bool product_of(const size_t *factors, size_t *product) {
    *product = 1;
    for (; *factors; factors++)
        if (!size_multiply(*product, *factors, product))
            return false;
    return true;
}

static bool value_bytes(const CudaPlan *plan, const PlannedValue *value, size_t *bytes) {
    size_t factors[] = {(size_t)plan->batch,
                        (size_t)value->height,
                        (size_t)value->width,
                        (size_t)padded_channels(&value->channels),
                        plan_stored_bytes(value->stored),
                        0};
    return product_of(factors, bytes);
}

static bool moments_bytes(const CudaPlan *plan, const PlannedValue *value, size_t *bytes) {
    size_t factors[] = {(size_t)plan->batch, (size_t)value->parts,
                        (size_t)padded_channels(&value->channels), sizeof(Moments), 0};
    return product_of(factors, bytes);
}

/* The operand of a split product, or a transform's two buffers for each block; 0: none. */
static bool temporary_bytes(const CudaPlan *plan, int step, size_t *bytes) {
    const PlannedStep *planned = &plan->steps[step];
    const Node *node = plan_node(plan, step);
    *bytes = 0;
    if (planned->split) {
        Shape input = plan->graph.nodes[node->inputs[0]].shape;
        size_t factors[] = {(size_t)plan->batch,
                            (size_t)input.height,
                            (size_t)input.width,
                            (size_t)padded_channels(&planned->operand),
                            plan_stored_bytes(planned->type),
                            0};
        return product_of(factors, bytes);
    }
    if (!plan_is_transform(planned->kind) || plan_fourier_shared(plan, step) > 0)
        return true;
    size_t factors[] = {(size_t)plan->batch, (size_t)plan_waveforms(plan, step),
                        (size_t)plan_fourier_frames(plan, step), plan_fourier_bytes(plan, step), 0};
    return product_of(factors, bytes);
}

static bool frames_bytes(const CudaPlan *plan, int step, size_t *bytes) {
    const Node *node = plan_node(plan, step);
    *bytes = 0;
    if (plan->steps[step].kind != STEP_KIND_ISTFT)
        return true;
    size_t factors[] = {(size_t)plan->batch,
                        (size_t)node->shape.channels,
                        (size_t)plan_frames(plan, step),
                        (size_t)node->as.stft.n_fft,
                        sizeof(float),
                        0};
    return product_of(factors, bytes);
}

/* What is being placed: lifetimes, and where each offset is to be written. */
typedef struct Placement {
    Lifetime *lifetimes;
    size_t **offsets;
    size_t count;
    int *of_node;  /* the lifetime of each node's value */
    int *last_use; /* of each node's value: a step */
} Placement;

static void place_add(Placement *placement, size_t bytes, int first, int last, size_t *offset) {
    if (bytes == 0)
        return;
    placement->lifetimes[placement->count] =
        (Lifetime){.bytes = bytes, .first = first, .last = last};
    placement->offsets[placement->count++] = offset;
}

/* Whether one value fits exactly into the place of another. */
static bool is_alike(const PlannedValue *a, const PlannedValue *b) {
    return a->exists && b->exists && a->stored == b->stored;
}

/* The node whose value a step may write its own over; -1: none. Steps of tokens that add to their
 * input read it, at last, where they write, and a norm reads a row before it writes it. */
static int node_to_write_over(const CudaPlan *plan, const Placement *placement, int step) {
    const Step *s = &plan->program.steps[step];
    StepKind kind = plan->steps[step].kind;
    bool in_place =
        kind == STEP_KIND_ATTENTION || kind == STEP_KIND_FEED_FORWARD || kind == STEP_KIND_RMS_NORM;
    int node = in_place ? s->sources[0].node : s->add;
    if (in_place ? placement->last_use[node] != step
                 : !step_can_write_over_add(s, step, placement->last_use))
        return -1;
    return is_alike(&plan->values[node], &plan->values[s->output]) ? node : -1;
}

static bool place_rooms(CudaPlan *plan, Placement *placement, int step) {
    PlannedTokens *tokens = &plan->steps[step].tokens;
    for (int room = 0; room < TOKENS_ROOMS; room++) {
        size_t factors[5] = {(size_t)plan->batch};
        size_t bytes = 0;
        plan_tokens_room(plan, step, (TokensRoom)room, factors + 1);
        if (!product_of(factors, &bytes))
            return false;
        if (factors[1] > 0)
            place_add(placement, bytes, step, step, &tokens->rooms[room]);
    }
    return true;
}

static bool place_step(CudaPlan *plan, Placement *placement, int step) {
    const Step *s = &plan->program.steps[step];
    PlannedValue *value = &plan->values[s->output];
    PlannedStep *planned = &plan->steps[step];
    size_t bytes = 0, moments = 0, temporary = 0, frames = 0;
    int last = placement->last_use[s->output];
    if (!value_bytes(plan, value, &bytes) ||
        (value->parts && !moments_bytes(plan, value, &moments)) ||
        !temporary_bytes(plan, step, &temporary) || !frames_bytes(plan, step, &frames))
        return false;
    place_add(placement, moments, step, last, &value->moments);
    place_add(placement, temporary, step, step, &planned->temporary);
    place_add(placement, frames, step, step, &planned->frames);
    if (plan_is_tokens(planned->kind) && !place_rooms(plan, placement, step))
        return false;
    if (!value->exists)
        return true;
    int over = node_to_write_over(plan, placement, step);
    if (over >= 0) {
        placement->of_node[s->output] = placement->of_node[over];
        placement->lifetimes[placement->of_node[over]].last = last;
        return true;
    }
    placement->of_node[s->output] = (int)placement->count;
    place_add(placement, bytes, step, last, &value->offset);
    return true;
}

static bool place_all(CudaPlan *plan, Placement *placement) {
    bool ok = true;
    program_last_uses(&plan->program, placement->last_use);
    for (int i = 0; i < plan->program.count && ok; i++)
        ok = place_step(plan, placement, i);
    if (!ok)
        return false;
    plan->arena_bytes = arena_place(placement->lifetimes, placement->count, CUDA_ALIGNMENT, &ok);
    for (size_t i = 0; i < placement->count; i++)
        *placement->offsets[i] = placement->lifetimes[i].offset;
    for (int i = 0; i < plan->program.count; i++) {
        int node = plan->program.steps[i].output;
        if (plan->values[node].exists)
            plan->values[node].offset = placement->lifetimes[placement->of_node[node]].offset;
    }
    return ok;
}

cleave_status plan_place(CudaPlan *plan, cleave_error *error) {
    size_t most = (4 + TOKENS_ROOMS) * (size_t)plan->program.count;
    Placement placement = {.lifetimes = calloc(most, sizeof(*placement.lifetimes)),
                           .offsets = calloc(most, sizeof(*placement.offsets)),
                           .of_node = calloc((size_t)plan->graph.count, sizeof(int)),
                           .last_use = calloc((size_t)plan->graph.count, sizeof(int))};
    cleave_status status = CLEAVE_OK;
    if (!placement.lifetimes || !placement.offsets || !placement.of_node || !placement.last_use)
        status = error_memory(error, "the network's arena", most * sizeof(Lifetime));
    else if (!place_all(plan, &placement))
        status =
            error_set(error, CLEAVE_ERROR_MEMORY,
                      "the network's activations at batch %d do not fit into memory", plan->batch);
    free(placement.lifetimes);
    free(placement.offsets);
    free(placement.of_node);
    free(placement.last_use);
    return status;
}
