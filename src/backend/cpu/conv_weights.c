/* conv_weights.c: see conv_weights.h. */
#include "backend/cpu/conv_weights.h"

#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"

typedef struct PackContext {
    const ConvWeights *weights;
    const ChannelLayout *inputs;
    int outputs; /* channels */
    const Tensor *tensor;
    atomic_size_t not_finite; /* values of the tensor */
    unsigned char *scratch;
    size_t scratch_bytes; /* of each thread */
} PackContext;

static float *packing_row(const PackContext *context, int thread) {
    return (float *)(void *)(context->scratch + (size_t)thread * context->scratch_bytes);
}

/* Reads part of the tensor. Damage is rare, so that threads do not wait for each other here. */
static void read_part(PackContext *context, size_t first, size_t count, float *row) {
    size_t not_finite = tensor_read_f32(context->tensor, first, count, row);
    if (not_finite > 0)
        atomic_fetch_add(&context->not_finite, not_finite);
}

/* One output channel of (out, in, kh, kw) into its lane of the panel. */
static void pack_output_channel(const PackContext *c, const float *from, float *panel, int lane) {
    size_t taps = (size_t)c->weights->taps;
    int count = channel_layout_channels(c->inputs);
    for (int in = 0; in < count; in++) {
        int position = channel_layout_position(c->inputs, in);
        size_t block = (size_t)(position / CHANNEL_BLOCK);
        size_t k = (size_t)(position % CHANNEL_BLOCK);
        for (size_t tap = 0; tap < taps; tap++) {
            size_t row = (block * taps + tap) * CHANNEL_BLOCK + k;
            panel[row * CHANNEL_BLOCK + (size_t)lane] = *from++;
        }
    }
}

static void pack_column_block(void *context, size_t task, int thread) {
    PackContext *c = context;
    float *row = packing_row(c, thread);
    float *panel = c->weights->data + task * conv_weights_panel_floats(c->weights);
    size_t count = (size_t)channel_layout_channels(c->inputs) * (size_t)c->weights->taps;
    memset(panel, 0, conv_weights_panel_floats(c->weights) * sizeof(float));
    for (int lane = 0; lane < CHANNEL_BLOCK; lane++) {
        size_t out = task * CHANNEL_BLOCK + (size_t)lane;
        if (out >= (size_t)c->outputs)
            break;
        read_part(c, out * count, count, row);
        pack_output_channel(c, row, panel, lane);
    }
}

/* One input channel of (in, out, kh, kw) into its row of every panel. */
static void pack_input_channel(void *context, size_t task, int thread) {
    PackContext *c = context;
    float *row = packing_row(c, thread);
    size_t count = (size_t)c->outputs * (size_t)c->weights->taps;
    size_t k = (size_t)channel_layout_position(c->inputs, (int)task);
    size_t panel_floats = conv_weights_panel_floats(c->weights);
    read_part(c, task * count, count, row);
    for (int out = 0; out < c->outputs; out++)
        for (int tap = 0; tap < c->weights->taps; tap++) {
            size_t panel =
                (size_t)tap * (size_t)c->weights->column_blocks + (size_t)(out / CHANNEL_BLOCK);
            c->weights
                ->data[panel * panel_floats + k * CHANNEL_BLOCK + (size_t)(out % CHANNEL_BLOCK)] =
                *row++;
        }
}

/* Reads and reorders, all threads at once. `bytes` is what the weights take. */
static cleave_status pack(PackContext *c, ThreadPool *pool, size_t bytes, cleave_error *error) {
    size_t inputs = (size_t)channel_layout_channels(c->inputs);
    size_t across = c->weights->transposed ? (size_t)c->outputs : inputs;
    c->scratch_bytes =
        size_round_up(across * (size_t)c->weights->taps * sizeof(float), MEMORY_ALIGNMENT);
    c->scratch = memory_allocate_aligned((size_t)thread_pool_size(pool) * c->scratch_bytes);
    if (!c->scratch)
        return error_memory(error, c->tensor->name, c->scratch_bytes);
    if (c->weights->transposed) {
        memset(c->weights->data, 0, bytes);
        thread_pool_run(pool, inputs, pack_input_channel, c);
    } else {
        thread_pool_run(pool, (size_t)c->weights->column_blocks, pack_column_block, c);
    }
    memory_free_aligned(c->scratch);
    return step_check_weight(c->tensor, atomic_load(&c->not_finite), error);
}

cleave_status conv_weights_create(ConvWeights *weights, CpuStep *step,
                                  const CpuExecutable *executable, const Tensor *tensor,
                                  cleave_error *error) {
    const ConvAttributes *conv = &step->node->as.conv;
    *weights = (ConvWeights){.transposed = step->node->op == OP_CONV_TRANSPOSED,
                             .taps = conv->kernel[0] * conv->kernel[1],
                             .blocks = step->operand.blocks,
                             .column_blocks = step->output->blocks};
    size_t panels =
        (size_t)weights->column_blocks * (size_t)(weights->transposed ? weights->taps : 1);
    size_t bytes = panels * conv_weights_panel_floats(weights) * sizeof(float);
    step->weight_bytes += bytes;
    if (executable->plan_only)
        return CLEAVE_OK;
    weights->data = memory_allocate_aligned(bytes);
    if (!weights->data)
        return error_memory(error, step->node->name, bytes);
    PackContext context = {.weights = weights,
                           .inputs = &step->operand.channels,
                           .outputs = step->node->shape.channels,
                           .tensor = tensor};
    atomic_init(&context.not_finite, 0);
    return pack(&context, executable->pool, bytes, error);
}

void conv_weights_free(ConvWeights *weights) {
    memory_free_aligned(weights->data);
    weights->data = NULL;
}
