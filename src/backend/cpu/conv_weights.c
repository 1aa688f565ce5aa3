/* conv_weights.c: reading weights from a checkpoint and packing them for the gemm. */
#include "backend/cpu/conv_weights.h"

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/weight_check.h"

typedef struct PackContext {
    const ConvWeights *weights;
    const CpuStep *step;
    const CpuExecutable *executable;
    const ValueChannels *inputs;
    int outputs; /* channels */
    const Tensor *tensor;
    atomic_size_t not_finite; /* values of the tensor */
    size_t *places;           /* of an output channel's weights: the row of the panel for each */
    unsigned char *scratch;   /* one PackScratch for each thread */
    size_t scratch_bytes;
} PackContext;

/* A column block on its way. */
typedef struct PackScratch {
    float *rows; /* as the file has them: (CHANNEL_BLOCK, row_floats()), or one row if transposed */
    float *panels; /* in order, still f32; empty if they are stored as f32 */
} PackScratch;

/* ---- Sizes ---- */

static size_t input_count(const PackContext *c) {
    return (size_t)value_channels_count(c->inputs);
}

/* Weights of one output channel, in whole vectors. */
static size_t row_floats(const PackContext *c) {
    return size_round_up(input_count(c) * (size_t)c->weights->taps, CHANNEL_BLOCK);
}

static size_t rows_floats(const PackContext *c) {
    return CHANNEL_BLOCK * (c->weights->transposed ? (size_t)c->weights->taps : row_floats(c));
}

/* Panels of one column block. */
static size_t column_panels(const ConvWeights *weights) {
    return weights->transposed ? (size_t)weights->taps : 1;
}

static size_t panels_floats(const PackContext *c) {
    bool narrow = c->weights->element < sizeof(float);
    return narrow ? column_panels(c->weights) * conv_weights_panel_elements(c->weights) : 0;
}

static PackScratch pack_scratch(const PackContext *c, int thread) {
    float *memory = (float *)(void *)(c->scratch + (size_t)thread * c->scratch_bytes);
    return (PackScratch){.rows = memory, .panels = memory + rows_floats(c)};
}

/* Output channels of a column block. */
static int lane_count(const PackContext *c, int column) {
    return size_clipped(CHANNEL_BLOCK, column * CHANNEL_BLOCK, c->outputs);
}

/* ---- Reordering ---- */

/* Reads part of the tensor. Damage is rare, so that threads do not wait for each other here. */
static void read_part(PackContext *context, size_t first, size_t count, float *row) {
    size_t not_finite = tensor_read_f32(context->tensor, first, count, row);
    if (not_finite > 0)
        atomic_fetch_add(&context->not_finite, not_finite);
}

/* Where a panel is put in order: in place, or in the scratch that it is narrowed from. */
static float *panel_in_order(const PackContext *c, const PackScratch *scratch, int tap,
                             int column) {
    if (c->weights->element < sizeof(float))
        return scratch->panels + (size_t)tap * conv_weights_panel_elements(c->weights);
    return (float *)(void *)conv_weights_panel_data(c->weights, tap, column);
}

/* The output channels of a column block, from (out, in, kh, kw): CHANNEL_BLOCK weights of each at a
 * time change places, so that lanes become channels. */
static void order_output_channels(PackContext *c, const PackScratch *scratch, int column) {
    size_t count = input_count(c) * (size_t)c->weights->taps;
    size_t stride = row_floats(c);
    int lanes = lane_count(c, column);
    float *panel = panel_in_order(c, scratch, 0, column);
    TransposeArguments rows = {.count = 1};
    for (int lane = 0; lane < lanes; lane++)
        read_part(c, (size_t)(column * CHANNEL_BLOCK + lane) * count, count,
                  scratch->rows + (size_t)lane * stride);
    for (size_t first = 0; first < count; first += CHANNEL_BLOCK) {
        for (int lane = 0; lane < lanes; lane++)
            rows.from[lane] = scratch->rows + (size_t)lane * stride + first;
        for (size_t i = 0; i < CHANNEL_BLOCK; i++)
            rows.to[i] = first + i < count ? panel + c->places[first + i] * CHANNEL_BLOCK : NULL;
        c->executable->kernels->transpose_rows(&rows);
    }
}

/* The same from (in, out, kh, kw): each tap has a panel of its own. */
static void order_input_channels(PackContext *c, const PackScratch *scratch, int column) {
    size_t taps = (size_t)c->weights->taps;
    size_t lanes = (size_t)lane_count(c, column);
    for (size_t in = 0; in < input_count(c); in++) {
        size_t row = (size_t)channel_position(c->inputs, (int)in) * CHANNEL_BLOCK;
        size_t first = in * (size_t)c->outputs + (size_t)column * CHANNEL_BLOCK;
        read_part(c, first * taps, lanes * taps, scratch->rows);
        for (size_t tap = 0; tap < taps; tap++) {
            float *to = panel_in_order(c, scratch, (int)tap, column) + row;
            for (size_t lane = 0; lane < lanes; lane++)
                to[lane] = scratch->rows[lane * taps + tap];
        }
    }
}

/* ---- Narrower elements ---- */

/* The power of two that brings the largest magnitude just below 2^15, half of f16's largest. The
 * bits of magnitudes are ordered as they are. */
static float f16_scale(const float *values, size_t count) {
    uint32_t bits = 0;
    float largest = 0;
    int exponent = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t value = 0;
        memcpy(&value, &values[i], sizeof(value));
        value &= INT32_MAX;
        bits = value > bits ? value : bits;
    }
    memcpy(&largest, &bits, sizeof(largest));
    frexpf(largest, &exponent);
    exponent = 15 - exponent;
    return largest > 0 ? ldexpf(1, exponent < 100 ? exponent : 100) : 1;
}

static void narrow_panel(const PackContext *c, const float *from, int tap, int column) {
    const ConvWeights *weights = c->weights;
    size_t count = conv_weights_panel_elements(weights);
    void *to = conv_weights_panel_data(weights, tap, column);
    if (weights->unscale) {
        float scale = f16_scale(from, count);
        c->executable->kernels->narrow_f16(to, from, count, scale);
        weights->unscale[column] = 1 / scale;
    } else {
        c->step->products->narrow_vectors(to, from, count / CHANNEL_BLOCK);
    }
}

/* ---- Creating ---- */

static size_t panels_of(const ConvWeights *weights) {
    return (size_t)weights->column_blocks * column_panels(weights);
}

/* Reads and reorders one column block. Lanes and channels that pad a block are zero. */
static void pack_column_block(void *context, size_t task, int thread) {
    PackContext *c = context;
    PackScratch scratch = pack_scratch(c, thread);
    int column = (int)task;
    int panels = (int)column_panels(c->weights);
    bool padded = lane_count(c, column) < CHANNEL_BLOCK ||
                  input_count(c) < (size_t)c->weights->blocks * CHANNEL_BLOCK;
    for (int tap = 0; tap < panels && padded; tap++)
        memset(panel_in_order(c, &scratch, tap, column), 0,
               conv_weights_panel_elements(c->weights) * sizeof(float));
    if (c->weights->transposed)
        order_input_channels(c, &scratch, column);
    else
        order_output_channels(c, &scratch, column);
    for (int tap = 0; tap < panels && c->weights->element < sizeof(float); tap++)
        narrow_panel(c, panel_in_order(c, &scratch, tap, column), tap, column);
}

/* Rows of a panel: (blocks, taps, CHANNEL_BLOCK in). */
static void find_places(const PackContext *c) {
    size_t taps = (size_t)c->weights->taps;
    for (size_t in = 0; in < input_count(c); in++) {
        size_t position = (size_t)channel_position(c->inputs, (int)in);
        size_t block = position / CHANNEL_BLOCK;
        for (size_t tap = 0; tap < taps; tap++)
            c->places[in * taps + tap] =
                (block * taps + tap) * CHANNEL_BLOCK + position % CHANNEL_BLOCK;
    }
}

/* Fills weights->data, all threads at once. */
static cleave_status fill_weights(PackContext *c, cleave_error *error) {
    ThreadPool *pool = c->executable->pool;
    c->scratch_bytes =
        size_round_up((rows_floats(c) + panels_floats(c)) * sizeof(float), MEMORY_ALIGNMENT);
    size_t bytes = (size_t)thread_pool_size(pool) * c->scratch_bytes;
    c->places = malloc(row_floats(c) * sizeof(*c->places));
    c->scratch = memory_allocate_aligned(bytes);
    cleave_status status = CLEAVE_OK;
    if (c->places && c->scratch) {
        find_places(c);
        thread_pool_run(pool, (size_t)c->weights->column_blocks, pack_column_block, c);
        status = weight_check(c->tensor, atomic_load(&c->not_finite), error);
    } else {
        status = error_memory(error, c->tensor->name, bytes);
    }
    free(c->places);
    memory_free_aligned(c->scratch);
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
    return fill_weights(&context, error);
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
