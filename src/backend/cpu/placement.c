/* placement.c: giving each value its place in the arena, by when it is written and last read. */
#include "backend/cpu/placement.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/arena.h"
#include "graph/tokens.h"

/* ---- Steps as the cost model sees them ---- */

cleave_precision step_precision(const CpuExecutable *executable, const Step *step) {
    bool outer = graph_is_product(&executable->graph.nodes[step->node]) &&
                 graph_is_edge_conv(&executable->graph, step->node);
    return outer ? CLEAVE_PRECISION_F32 : executable->precision;
}

CpuLayer step_layer(const CpuExecutable *executable, const Step *step) {
    const Graph *graph = &executable->graph;
    const Node *node = &graph->nodes[step->node];
    CpuLayer layer = {.op = node->op,
                      .output = node->shape,
                      .kernels = executable->kernels,
                      .precision = step_precision(executable, step)};
    if (is_convolution(node))
        layer.conv = node->as.conv;
    if (graph_is_tokens(graph, step->node))
        layer.flops = graph_node_flops(graph, step->node);
    if (node->input_count > 0) {
        layer.input_height = graph->nodes[node->inputs[0]].shape.height;
        layer.input_width = graph->nodes[node->inputs[0]].shape.width;
        layer.tokens = graph_is_tokens(graph, node->inputs[0]);
    }
    for (int i = 0; i < step->source_count; i++)
        layer.blocks += executable->tensors[step->sources[i].node].blocks;
    return layer;
}

/* ---- Tensors ---- */

/* What the step's writer completes at once: a row, or a patch of tiles. */
static void set_parts(const CpuExecutable *executable, const Step *step, CpuTensor *tensor) {
    const ConvPlan *plan = step_plan(executable, step);
    tensor->part_height = 1;
    tensor->part_width = tensor->width;
    if (plan->algorithm != CONV_DIRECT) {
        int tile = (int)winograd_tile(conv_winograd_size(plan->algorithm));
        tensor->part_height = plan->patch_rows * tile;
        tensor->part_width = plan->patch_columns * tile;
    }
}

static cleave_status place_tensor(CpuExecutable *executable, const Step *step,
                                  cleave_error *error) {
    const Node *node = &executable->graph.nodes[step->node];
    Shape shape = executable->graph.nodes[step->output].shape;
    CpuTensor *tensor = &executable->tensors[step->output];
    bool tokens = graph_is_tokens(&executable->graph, step->output);
    bool own_channels = tokens || node->op == OP_INPUT || node->op == OP_STFT ||
                        node->op == OP_ISTFT || is_convolution(node);
    *tensor = (CpuTensor){.tokens = tokens, .height = shape.height, .width = shape.width};
    tensor->stored = node->op != OP_INPUT && node->op != OP_ISTFT;
    if (own_channels)
        tensor->channels = (ValueChannels){{shape.channels}, 1};
    for (int i = 0; i < step->source_count && !own_channels; i++)
        if (!value_channels_append(&tensor->channels,
                                   &executable->tensors[step->sources[i].node].channels))
            return error_set(error, CLEAVE_ERROR_INTERNAL, "%s: too many concatenated values",
                             node->name);
    tensor->blocks = tokens ? shape.channels : channel_blocks(&tensor->channels);
    CpuLayer layer = step_layer(executable, step);
    executable->plans[step - executable->program.steps] = conv_plan_choose(&layer);
    set_parts(executable, step, tensor);
    return CLEAVE_OK;
}

/* ---- The arena ---- */

/* Bytes of a tensor for the largest batch; false if they overflow. */
static bool tensor_bytes(const CpuExecutable *executable, const CpuTensor *tensor, size_t *bytes) {
    return size_multiply(tensor_item_rows(tensor), tensor_row_floats(tensor), bytes) &&
           size_multiply(*bytes, sizeof(float), bytes) &&
           size_multiply(*bytes, (size_t)executable->max_batch, bytes);
}

/* The value that a step, the `position`th, may write its output over: it reads each row of it
 * before it writes it, and no later step reads it. -1: there is none. */
static int written_over(const CpuExecutable *executable, const Step *step, int position,
                        const int *last_use) {
    if (step_can_write_over_add(step, position, last_use))
        return step->add;
    OpKind op = executable->graph.nodes[step->node].op;
    bool in_place = op == OP_ATTENTION || op == OP_FEED_FORWARD || op == OP_RMS_NORM ||
                    (op == OP_ADD && executable->tensors[step->output].tokens);
    if (!in_place || last_use[step->sources[0].node] != position)
        return -1;
    return executable->tensors[step->sources[0].node].stored ? step->sources[0].node : -1;
}

/* Fills `lifetimes` and, per node, the index of its lifetime (-1: not stored); returns how many, or
 * -1 if sizes overflow. */
static int find_lifetimes(const CpuExecutable *executable, const int *last_use, Lifetime *lifetimes,
                          int *lifetime_of) {
    const Program *program = &executable->program;
    int count = 0;
    for (int position = 0; position < program->count; position++) {
        const Step *step = &program->steps[position];
        const CpuTensor *tensor = &executable->tensors[step->output];
        lifetime_of[step->output] = -1;
        if (!tensor->stored)
            continue;
        int below = written_over(executable, step, position, last_use);
        if (below >= 0) {
            lifetime_of[step->output] = lifetime_of[below];
            lifetimes[lifetime_of[below]].last = last_use[step->output];
            continue;
        }
        Lifetime *lifetime = &lifetimes[count];
        *lifetime = (Lifetime){.first = position, .last = last_use[step->output]};
        if (!tensor_bytes(executable, tensor, &lifetime->bytes))
            return -1;
        lifetime_of[step->output] = count++;
    }
    return count;
}

static cleave_status allocate_arena(CpuExecutable *executable, const Lifetime *lifetimes,
                                    const int *lifetime_of, cleave_error *error) {
    if (executable->sizes_only)
        return CLEAVE_OK;
    executable->arena = memory_allocate_aligned(executable->arena_bytes);
    if (!executable->arena)
        return error_memory(error, "the network's activations", executable->arena_bytes);
    for (int i = 0; i < executable->program.count; i++) {
        int node = executable->program.steps[i].output;
        if (executable->tensors[node].stored)
            executable->tensors[node].data =
                (float *)(void *)(executable->arena + lifetimes[lifetime_of[node]].offset);
    }
    return CLEAVE_OK;
}

static cleave_status error_too_large(const CpuExecutable *executable, cleave_error *error) {
    error_set(error, CLEAVE_ERROR_MEMORY,
              "the network's activations at batch %d do not fit into memory",
              executable->max_batch);
    return error_advise(error, CLEAVE_ERROR_MEMORY, "try a smaller batch");
}

static cleave_status place_in_arena(CpuExecutable *executable, cleave_error *error) {
    size_t nodes = (size_t)executable->graph.count;
    int *last_use = calloc(nodes, sizeof(*last_use));
    int *lifetime_of = calloc(nodes, sizeof(*lifetime_of));
    Lifetime *lifetimes = calloc(nodes, sizeof(*lifetimes));
    cleave_status status = CLEAVE_OK;
    if (!last_use || !lifetime_of || !lifetimes) {
        status = error_memory(error, "the network's arena", nodes * sizeof(*lifetimes));
    } else {
        program_last_uses(&executable->program, last_use);
        int count = find_lifetimes(executable, last_use, lifetimes, lifetime_of);
        bool ok = count >= 0;
        if (ok)
            executable->arena_bytes = arena_place(lifetimes, (size_t)count, MEMORY_ALIGNMENT, &ok);
        status = ok ? allocate_arena(executable, lifetimes, lifetime_of, error)
                    : error_too_large(executable, error);
    }
    free(last_use);
    free(lifetime_of);
    free(lifetimes);
    return status;
}

/* ---- Statistics ---- */

/* Floats of one tensor's statistics. */
static size_t statistics_floats(const CpuExecutable *executable, const CpuTensor *tensor) {
    return (size_t)executable->max_batch * tensor_item_statistics(tensor);
}

static cleave_status allocate_statistics(CpuExecutable *executable, cleave_error *error) {
    size_t floats = 0;
    for (int i = 0; i < executable->graph.count; i++)
        if (executable->program.needs_statistics[i])
            floats += statistics_floats(executable, &executable->tensors[i]);
    executable->statistics_bytes = floats * sizeof(float);
    if (executable->sizes_only)
        return CLEAVE_OK;
    executable->statistics = memory_allocate_aligned(executable->statistics_bytes);
    if (!executable->statistics)
        return error_memory(error, "the network's statistics", executable->statistics_bytes);
    float *next = executable->statistics;
    for (int i = 0; i < executable->graph.count; i++) {
        if (!executable->program.needs_statistics[i])
            continue;
        executable->tensors[i].statistics = next;
        next += statistics_floats(executable, &executable->tensors[i]);
    }
    return CLEAVE_OK;
}

/* ---- All ---- */

cleave_status place_tensors(CpuExecutable *executable, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    executable->tensors = calloc((size_t)executable->graph.count, sizeof(*executable->tensors));
    executable->plans = calloc((size_t)executable->program.count, sizeof(*executable->plans));
    if (!executable->tensors || !executable->plans)
        return error_memory(error, "the network's tensors", sizeof(*executable->tensors));
    for (int i = 0; i < executable->program.count && status == CLEAVE_OK; i++)
        status = place_tensor(executable, &executable->program.steps[i], error);
    if (status == CLEAVE_OK)
        status = place_in_arena(executable, error);
    if (status == CLEAVE_OK)
        status = allocate_statistics(executable, error);
    return status;
}
