/* conv_weights.c: reading weights from a checkpoint and packing them for the gemm. */
#include "backend/cpu/conv_weights.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "graph/weight_check.h"

typedef struct PackContext {
    const ConvWeights *weights;
    const CpuStep *step;
    const CpuExecutable *executable;
    float *packed; /* the weights in order, still f32 */
    const ValueChannels *inputs;
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
    int count = value_channels_count(c->inputs);
    for (int in = 0; in < count; in++) {
        int position = channel_position(c->inputs, in);
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
    float *panel = c->packed + task * conv_weights_panel_elements(c->weights);
    size_t count = (size_t)value_channels_count(c->inputs) * (size_t)c->weights->taps;
    memset(panel, 0, conv_weights_panel_elements(c->weights) * sizeof(float));
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
    size_t k = (size_t)channel_position(c->inputs, (int)task);
    size_t panel_floats = conv_weights_panel_elements(c->weights);
    read_part(c, task * count, count, row);
    for (int out = 0; out < c->outputs; out++)
        for (int tap = 0; tap < c->weights->taps; tap++) {
            size_t panel =
                (size_t)tap * (size_t)c->weights->column_blocks + (size_t)(out / CHANNEL_BLOCK);
            c->packed[panel * panel_floats + k * CHANNEL_BLOCK + (size_t)(out % CHANNEL_BLOCK)] =
                *row++;
        }
}

/* ---- Narrower elements ---- */

/* The power of two that brings the largest magnitude just below 2^15, half of f16's largest. */
static float f16_scale(const float *values, size_t count) {
    float largest = 0;
    int exponent = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    frexpf(largest, &exponent);
    exponent = 15 - exponent;
    return largest > 0 ? ldexpf(1, exponent < 100 ? exponent : 100) : 1;
}

static void narrow_panel(void *context, size_t task, int thread) {
    (void)thread;
    const PackContext *c = context;
    const ConvWeights *weights = c->weights;
    size_t count = conv_weights_panel_elements(weights);
    const float *from = c->packed + task * count;
    unsigned char *to = (unsigned char *)weights->data + task * count * weights->element;
    if (weights->unscale) {
        float scale = f16_scale(from, count);
        c->executable->kernels->narrow_f16((uint16_t *)(void *)to, from, count, scale);
        weights->unscale[task] = 1 / scale;
    } else {
        c->step->products->narrow_vectors(to, from, count / CHANNEL_BLOCK);
    }
}

/* ---- Creating ---- */

static size_t panels_of(const ConvWeights *weights) {
    return (size_t)weights->column_blocks * (size_t)(weights->transposed ? weights->taps : 1);
}

/* Reads and reorders into c->packed, all threads at once. */
static cleave_status pack_weights(PackContext *c, size_t floats, cleave_error *error) {
    ThreadPool *pool = c->executable->pool;
    size_t inputs = (size_t)value_channels_count(c->inputs);
    size_t across = c->weights->transposed ? (size_t)c->outputs : inputs;
    c->scratch_bytes =
        size_round_up(across * (size_t)c->weights->taps * sizeof(float), MEMORY_ALIGNMENT);
    c->scratch = memory_allocate_aligned((size_t)thread_pool_size(pool) * c->scratch_bytes);
    if (!c->scratch)
        return error_memory(error, c->tensor->name, c->scratch_bytes);
    if (c->weights->transposed) {
        memset(c->packed, 0, floats * sizeof(float));
        thread_pool_run(pool, inputs, pack_input_channel, c);
    } else {
        thread_pool_run(pool, (size_t)c->weights->column_blocks, pack_column_block, c);
    }
    memory_free_aligned(c->scratch);
    return weight_check(c->tensor, atomic_load(&c->not_finite), error);
}

/* Fills weights->data, through f32 where its elements are narrower. */
static cleave_status fill_weights(PackContext *c, size_t floats, cleave_error *error) {
    bool narrow = c->weights->element < sizeof(float);
    c->packed = narrow ? memory_allocate_aligned(floats * sizeof(float)) : c->weights->data;
    if (!c->packed)
        return error_memory(error, c->tensor->name, floats * sizeof(float));
    cleave_status status = pack_weights(c, floats, error);
    if (narrow) {
        if (status == CLEAVE_OK)
            thread_pool_run(c->executable->pool, panels_of(c->weights), narrow_panel, c);
        memory_free_aligned(c->packed);
    }
    return status;
}

/* Whether weights are kept as scaled f16: see WeightStorage. */
static bool kept_as_f16(WeightStorage storage, const CpuStep *step, const CpuExecutable *executable,
                        const Tensor *tensor) {
    if (storage != WEIGHTS_TO_TRANSFORM || !is_narrow(step))
        return false;
    return executable->precision == CLEAVE_PRECISION_BF16 || (tensor && tensor->dtype == DTYPE_F16);
}

static cleave_status allocate_weights(ConvWeights *weights, bool scaled,
                                      const CpuExecutable *executable, CpuStep *step,
                                      cleave_error *error) {
    size_t scales = scaled ? (size_t)weights->column_blocks * sizeof(float) : 0;
    size_t bytes = panels_of(weights) * conv_weights_panel_elements(weights) * weights->element;
    step->weight_bytes += bytes + scales;
    if (executable->sizes_only)
        return CLEAVE_OK;
    weights->data = memory_allocate_aligned(bytes);
    if (scaled)
        weights->unscale = memory_allocate_aligned(scales);
    if (!weights->data || (scaled && !weights->unscale))
        return error_memory(error, step->node->name, bytes);
    return CLEAVE_OK;
}

cleave_status conv_weights_create(ConvWeights *weights, WeightStorage storage, CpuStep *step,
                                  const CpuExecutable *executable, const Tensor *tensor,
                                  cleave_error *error) {
    const ConvAttributes *conv = &step->node->as.conv;
    bool scaled = kept_as_f16(storage, step, executable, tensor);
    bool as_f32 = storage == WEIGHTS_TO_TRANSFORM && !scaled;
    *weights = (ConvWeights){.element = as_f32 ? sizeof(float) : step->products->element,
                             .transposed = step->node->op == OP_CONV_TRANSPOSED,
                             .taps = conv->kernel[0] * conv->kernel[1],
                             .blocks = step->operand.blocks,
                             .column_blocks = step->output->blocks};
    cleave_status status = allocate_weights(weights, scaled, executable, step, error);
    if (status != CLEAVE_OK || executable->sizes_only)
        return status;
    PackContext context = {.weights = weights,
                           .step = step,
                           .executable = executable,
                           .inputs = &step->operand.channels,
                           .outputs = step->node->shape.channels,
                           .tensor = tensor};
    atomic_init(&context.not_finite, 0);
    return fill_weights(&context, panels_of(weights) * conv_weights_panel_elements(weights), error);
}

const float *conv_weights_taps(const ConvWeights *weights, const Kernels *kernels, int column,
                               int block, float *buffer) {
    size_t count = (size_t)weights->taps * CHANNEL_BLOCK * CHANNEL_BLOCK;
    const unsigned char *panel = conv_weights_panel(weights, 0, column);
    const void *taps = panel + (size_t)block * count * weights->element;
    if (!weights->unscale)
        return taps;
    kernels->widen_f16(buffer, taps, count, weights->unscale[column]);
    return buffer;
}

void conv_weights_free(ConvWeights *weights) {
    memory_free_aligned(weights->data);
    memory_free_aligned(weights->unscale);
    *weights = (ConvWeights){0};
}
