/* plan.c: choosing kernels, and how values are stored. */
#include "backend/cuda/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/plan_memory.h"
#include "backend/cuda/plan_tokens.h"
#include "base/hash.h"
#include "graph/tokens.h"

/* ---- Kinds ---- */

static bool conv_is_halo(const Node *node) {
    const ConvAttributes *c = &node->as.conv;
    return node->op == OP_CONV && c->kernel[0] == 3 && c->kernel[1] == 3 && c->stride[0] == 1 &&
           c->stride[1] == 1 && c->pad[0] == 1 && c->pad[1] == 1;
}

static StepKind kind_of(const Node *node) {
    switch (node->op) {
    case OP_INPUT:
        return STEP_KIND_NONE;
    case OP_STFT:
        return STEP_KIND_STFT;
    case OP_ISTFT:
        return STEP_KIND_ISTFT;
    case OP_CONV:
    case OP_CONV_TRANSPOSED:
        return conv_is_halo(node) ? STEP_KIND_CONV_HALO : STEP_KIND_CONV;
    case OP_LINEAR:
        return STEP_KIND_LINEAR;
    case OP_BAND_SPLIT:
        return STEP_KIND_BAND_SPLIT;
    case OP_ATTENTION:
        return STEP_KIND_ATTENTION;
    case OP_FEED_FORWARD:
        return STEP_KIND_FEED_FORWARD;
    case OP_RMS_NORM:
        return STEP_KIND_RMS_NORM;
    case OP_MASK:
        return STEP_KIND_MASK;
    default:
        return STEP_KIND_MAP;
    }
}

/* ---- How values are stored ---- */

static int narrow_type(const CudaPlan *plan) {
    switch (plan->precision) {
    case CLEAVE_PRECISION_F16:
        return STORED_F16;
    case CLEAVE_PRECISION_BF16:
        return STORED_BF16;
    default:
        return STORED_F32;
    }
}

static bool step_is_edge(const CudaPlan *plan, int step) {
    int node = plan->program.steps[step].node;
    return graph_is_product(&plan->graph.nodes[node]) && graph_is_edge_conv(&plan->graph, node);
}

static int operand_type(const CudaPlan *plan, int step) {
    StepKind kind = plan->steps[step].kind;
    bool narrow = (plan_is_product(kind) || plan_is_multiplying(kind)) && !step_is_edge(plan, step);
    return narrow ? narrow_type(plan) : STORED_F32;
}

/* Whether a step reads its sources as they are. */
static bool step_reads_plainly(const Step *step) {
    bool plain = step->norm < 0 && step->act.kind == ACT_NONE;
    for (int i = 0; i < step->source_count; i++)
        plain = plain && step->sources[i].mul < 0;
    return plain;
}

static bool reads_in_full(const CudaPlan *plan, int step) {
    return step_is_edge(plan, step) || plan->steps[step].kind == STEP_KIND_ISTFT;
}

/* Whether fusion would make a sum part of this product's store, so that nothing is rounded in
 * between: then nothing is rounded without it, either. */
static bool is_host_of_sum(const Graph *graph, int node) {
    for (int i = node + 1; i < graph->count; i++)
        if (graph->nodes[i].op == OP_ADD && graph_host_of_sum(graph, i) == node)
            return true;
    return false;
}

static bool all_readers(const CudaPlan *plan, int node, bool (*holds)(const CudaPlan *, int)) {
    for (int i = 0; i < plan->program.count; i++)
        if (step_reads(&plan->program.steps[i], node) && !holds(plan, i))
            return false;
    return true;
}

static bool reads_not_in_full(const CudaPlan *plan, int step) {
    return !reads_in_full(plan, step);
}

/* A product that rounds what it reads anyway; masks round tokens, and nothing else reads the
 * spectrogram but transforms' results, which are not asked about. */
static bool rounds_operand(const CudaPlan *plan, int step) {
    if (plan->steps[step].kind == STEP_KIND_MASK)
        return true;
    return plan_is_product(plan->steps[step].kind) && !step_is_edge(plan, step) &&
           step_reads_plainly(&plan->program.steps[step]);
}

/* Values are stored as the operands of products, but for those that rounding would harm: all at the
 * edges of the network (graph_is_edge_conv()), and sums, which gather the errors of all their
 * parts: so are tokens, but for those of a norm that masks alone read. */
static int stored_of(const CudaPlan *plan, int step) {
    const Step *s = &plan->program.steps[step];
    StepKind kind = plan->steps[step].kind;
    if (kind == STEP_KIND_NONE || plan_is_transform(kind) || step_is_edge(plan, step) ||
        s->add >= 0 || plan_is_multiplying(kind) ||
        !all_readers(plan, s->output, reads_not_in_full))
        return STORED_F32;
    if (plan_is_product(kind))
        return is_host_of_sum(&plan->graph, s->output) ? STORED_F32 : narrow_type(plan);
    return all_readers(plan, s->output, rounds_operand) ? narrow_type(plan) : STORED_F32;
}

/* ---- Values ---- */

static bool has_own_channels(StepKind kind) {
    return kind != STEP_KIND_MAP && kind != STEP_KIND_LINEAR;
}

/* Tokens are (bands, frames) pixels of features. */
static Shape shape_of_value(const CudaPlan *plan, int node) {
    Shape shape = plan->graph.nodes[node].shape;
    if (!graph_is_tokens(&plan->graph, node))
        return shape;
    return (Shape){.channels = shape.width, .height = shape.channels, .width = shape.height};
}

static bool channels_of_sources(const CudaPlan *plan, const Step *step, ValueChannels *channels) {
    *channels = (ValueChannels){.count = 0};
    for (int i = 0; i < step->source_count; i++)
        if (!value_channels_append(channels, &plan->values[step->sources[i].node].channels))
            return false;
    return true;
}

/* The channels of what is multiplied or added must lie as those that they meet. */
static bool channels_meet(const CudaPlan *plan, const Step *step) {
    const PlannedValue *values = plan->values;
    bool meet = step->add < 0 ||
                value_channels_equal(&values[step->add].channels, &values[step->output].channels);
    for (int i = 0; i < step->source_count; i++) {
        const Source *source = &step->sources[i];
        meet = meet && (source->mul < 0 || value_channels_equal(&values[source->mul].channels,
                                                                &values[source->node].channels));
    }
    return meet;
}

static cleave_status plan_value(CudaPlan *plan, int step, cleave_error *error) {
    const Step *s = &plan->program.steps[step];
    PlannedStep *planned = &plan->steps[step];
    PlannedValue *value = &plan->values[s->output];
    Shape shape = shape_of_value(plan, s->output);
    bool fits = channels_of_sources(plan, s, &planned->operand);
    *value = (PlannedValue){.height = shape.height, .width = shape.width};
    value->channels =
        has_own_channels(planned->kind) ? (ValueChannels){{shape.channels}, 1} : planned->operand;
    value->stored = stored_of(plan, step);
    value->exists = planned->kind != STEP_KIND_NONE && planned->kind != STEP_KIND_ISTFT;
    if (fits && channels_meet(plan, s))
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INTERNAL, "%s: its inputs' channels lie differently",
                     plan_node(plan, step)->name);
}

/* ---- Kernels ---- */

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

int64_t plan_tiles(const CudaPlan *plan, int step) {
    const Node *node = plan_node(plan, step);
    Shape shape = node->shape;
    switch (plan->steps[step].kind) {
    case STEP_KIND_CONV_HALO:
        return divide_up(shape.height, HALO_ROWS) * divide_up(shape.width, HALO_COLUMNS);
    case STEP_KIND_LINEAR:
        return shape.height * divide_up(shape.width, PRODUCT_PIXELS);
    case STEP_KIND_CONV:
        if (node->op == OP_CONV_TRANSPOSED)
            shape = plan->graph.nodes[node->inputs[0]].shape;
        return divide_up((int64_t)shape.height * shape.width, PRODUCT_PIXELS);
    default:
        shape = shape_of_value(plan, plan->program.steps[step].node);
        return divide_up((int64_t)shape.height * shape.width, MAP_PIXELS);
    }
}

static double tile_cost(const CudaPlan *plan, int step, int tile) {
    int across = (int)divide_up(plan->steps[step].columns, tile);
    return plan_tile_cost(plan, tile, across, (double)across * (double)plan_tiles(plan, step));
}

static int choose_tile(const CudaPlan *plan, int step) {
    int best = 128;
    for (int tile = 64; tile >= 32; tile /= 2)
        if (tile_cost(plan, step, tile) < tile_cost(plan, step, best))
            best = tile;
    return best;
}

/* For tests and measurements: CLEAVE_CUDA_PLAN=split, or fused, for all layers that can be either.
 */
static const char *forced_plan(void) {
    const char *word = getenv("CLEAVE_CUDA_PLAN");
    return word ? word : "";
}

static bool reads_products(const Step *step) {
    return step->sources[0].mul >= 0 || (step->source_count > 1 && step->sources[1].mul >= 0);
}

/* A halo's pixels are activated 1.4 times, and again for each tile of columns: too much where the
 * arithmetic units are few beside the tensor cores, as in compute capability 7.5 and 8.0. */
static bool choose_split(const CudaPlan *plan, int step) {
    const Step *s = &plan->program.steps[step];
    const PlannedStep *planned = &plan->steps[step];
    if (!plan_is_product(planned->kind) || step_reads_plainly(s))
        return false;
    if (reads_products(s)) /* conv in f32 alone can multiply while it loads */
        return planned->kind != STEP_KIND_CONV || planned->type != STORED_F32;
    if (strcmp(forced_plan(), "split") == 0)
        return true;
    return strcmp(forced_plan(), "fused") != 0 && planned->kind == STEP_KIND_CONV_HALO &&
           planned->type != STORED_F32 && plan->target.capability <= 80;
}

static int slice_channels(int type) {
    return PRODUCT_PLANES * (type == STORED_F32 ? 4 : 8);
}

static void plan_product(CudaPlan *plan, int step) {
    PlannedStep *planned = &plan->steps[step];
    const Node *node = plan_node(plan, step);
    int taps = node->op == OP_CONV_TRANSPOSED ? plan_taps(node) : 1;
    int k = planned->kind == STEP_KIND_LINEAR ? plan->graph.nodes[node->inputs[0]].shape.width
                                              : padded_channels(&planned->operand);
    planned->columns = padded_channels(&plan_output(plan, step)->channels) * taps;
    planned->slices = (int)divide_up(k, slice_channels(planned->type));
    planned->tile = choose_tile(plan, step);
    planned->split = choose_split(plan, step);
}

static cleave_status refuse_size(const CudaPlan *plan, int step, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_MEMORY, "%s has more values than one array can have",
                     plan_node(plan, step)->name);
}

/* Pixels, tiles and parts are counted in 32 bits, and grids have bounds of their own. */
static bool sizes_fit(const CudaPlan *plan, int step) {
    const PlannedStep *planned = &plan->steps[step];
    const PlannedValue *output = plan_output(plan, step);
    int64_t pixels = (int64_t)output->height * output->width;
    int64_t tiles = plan_tiles(plan, step);
    int64_t blocks =
        divide_up(planned->columns ? planned->columns : padded_channels(&output->channels), 32);
    return pixels < INT32_MAX / 2 && tiles * 16 < INT32_MAX && blocks < 65536 &&
           plan->batch < 65536 && planned->columns < INT32_MAX / 16;
}

static cleave_status plan_step(CudaPlan *plan, int step, cleave_error *error) {
    PlannedStep *planned = &plan->steps[step];
    int output = plan->program.steps[step].output;
    cleave_status status = plan_value(plan, step, error);
    if (status != CLEAVE_OK)
        return status;
    planned->type = operand_type(plan, step);
    if (plan_is_product(planned->kind))
        plan_product(plan, step);
    if (!sizes_fit(plan, step))
        return refuse_size(plan, step, error);
    if (plan_is_tokens(planned->kind))
        return plan_tokens(plan, step, error);
    if (!plan->program.needs_statistics[output])
        return CLEAVE_OK;
    const Node *node = plan_node(plan, step);
    int taps = node->op == OP_CONV_TRANSPOSED ? plan_taps(node) : 1;
    plan->values[output].parts = (int)(plan_tiles(plan, step) * taps);
    if (plan_is_product(planned->kind) || planned->kind == STEP_KIND_MAP)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INTERNAL, "%s: a transform is normalised", node->name);
}

/* ---- All ---- */

static uint64_t digest_of(const CudaPlan *plan) {
    uint64_t digest = hash_add_number(HASH_START, (uint64_t)plan->target.capability);
    for (int i = 0; i < plan->program.count; i++) {
        const PlannedStep *planned = &plan->steps[i];
        digest = hash_add_number(digest, (uint64_t)planned->kind);
        digest = hash_add_number(digest, (uint64_t)planned->type);
        digest = hash_add_number(digest, (uint64_t)planned->tile);
        digest = hash_add_number(digest, (uint64_t)plan_output(plan, i)->stored);
        for (int k = 0; k < planned->tokens.linears; k++)
            digest = hash_add_number(digest, (uint64_t)planned->tokens.rows[k].tile);
    }
    return digest;
}

/* The waveforms of a run lie outside the arena, and the transforms alone read and write them. */
static cleave_status check_ends(const CudaPlan *plan, cleave_error *error) {
    const Program *program = &plan->program;
    for (int i = 0; i < program->count; i++) {
        const Step *step = &program->steps[i];
        StepKind kind = plan->steps[i].kind;
        bool last = i == program->count - 1;
        bool fits = (kind == STEP_KIND_ISTFT) == last;
        for (int k = 0; k < step->source_count; k++)
            fits = fits && (kind == STEP_KIND_STFT) ==
                               (plan->graph.nodes[step->sources[k].node].op == OP_INPUT);
        if (!fits)
            return error_set(error, CLEAVE_ERROR_INTERNAL,
                             "%s: the network does not begin and end with a transform",
                             plan_node(plan, i)->name);
    }
    return CLEAVE_OK;
}

static size_t signal_bytes(const CudaPlan *plan, int node) {
    Shape shape = plan->graph.nodes[node].shape;
    return (size_t)plan->batch * (size_t)shape.channels * (size_t)shape.width * sizeof(float);
}

static cleave_status plan_all(CudaPlan *plan, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    plan->values = calloc((size_t)plan->graph.count, sizeof(*plan->values));
    plan->steps = calloc((size_t)plan->program.count, sizeof(*plan->steps));
    if (!plan->values || !plan->steps)
        return error_memory(error, "the network's plan", sizeof(*plan->steps));
    for (int i = 0; i < plan->program.count; i++)
        plan->steps[i].kind = kind_of(plan_node(plan, i));
    status = check_ends(plan, error);
    for (int i = 0; i < plan->program.count && status == CLEAVE_OK; i++) {
        status = plan_step(plan, i, error);
        if (status == CLEAVE_OK)
            plan_reserve(plan, i);
    }
    plan->input_bytes = signal_bytes(plan, 0);
    plan->output_bytes = signal_bytes(plan, plan->graph.count - 1);
    return status == CLEAVE_OK ? plan_place(plan, error) : status;
}

cleave_status cuda_plan_create(CudaPlan *plan, const Graph *graph, const CompileOptions *options,
                               PlanTarget target, cleave_error *error) {
    *plan = (CudaPlan){.target = target, .precision = options->precision, .batch = options->batch};
    cleave_status status = graph_copy_shapes(&plan->graph, graph, error);
    if (status == CLEAVE_OK)
        status = program_create(&plan->program, graph, options->fuse, error);
    if (status == CLEAVE_OK)
        status = plan_all(plan, error);
    if (status == CLEAVE_OK)
        plan->digest = digest_of(plan);
    else
        cuda_plan_free(plan);
    return status;
}

void cuda_plan_free(CudaPlan *plan) {
    for (int i = 0; i < plan->program.count && plan->steps; i++)
        free(plan->steps[i].tokens.rows);
    free(plan->values);
    free(plan->steps);
    program_free(&plan->program);
    graph_free(&plan->graph);
    *plan = (CudaPlan){.batch = 0};
}

/* ---- For people ---- */

static const char *kind_word(StepKind kind) {
    switch (kind) {
    case STEP_KIND_CONV:
        return "gather";
    case STEP_KIND_CONV_HALO:
        return "halo";
    case STEP_KIND_LINEAR:
        return "linear";
    default:
        return "";
    }
}

void plan_describe(const PlannedStep *step, char *text, size_t size) {
    snprintf(text, size, "%s", "");
    if (plan_is_product(step->kind))
        snprintf(text, size, "%s, %d columns%s", kind_word(step->kind), step->tile,
                 step->split ? ", split" : "");
}
