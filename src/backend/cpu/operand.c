/* operand.c: loading rows. Normalisation and activation are applied while a row is loaded. */
#include "backend/cpu/operand.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/executable.h"
#include "base/memory.h"
#include "graph/weight_check.h"

/* How far ahead a row that is loaded whole is asked for: as long as memory takes to answer. */
#define POSITIONS_AHEAD 32

/* Mean and spread of a channel or group. */
typedef struct Moments {
    double mean;
    double squares; /* sum of squared differences from the mean */
} Moments;

/* ---- Creating ---- */

static cleave_status read_channels(float **values, const Tensor *tensor, size_t count,
                                   cleave_error *error) {
    *values = malloc(count * sizeof(float));
    if (!*values)
        return error_memory(error, "normalisation weights", count * sizeof(float));
    return weight_check(tensor, tensor_read_f32(tensor, 0, count, *values), error);
}

static cleave_status read_norm(Operand *operand, const CpuExecutable *executable,
                               const Graph *weights, const Node *norm, cleave_error *error) {
    size_t channels = (size_t)value_channels_count(&operand->channels);
    float **targets[NORM_WEIGHTS_MAX] = {&operand->gain, &operand->bias, &operand->running_mean,
                                         &operand->running_variance};
    operand->norm = norm->as.norm;
    for (int i = 0; i < NORM_WEIGHTS_MAX; i++) {
        const Tensor *weight = graph_weight(weights, norm, i);
        if (!weight)
            continue;
        operand->bytes += channels * sizeof(float);
        if (executable->sizes_only)
            continue;
        cleave_status status = read_channels(targets[i], weight, channels, error);
        if (status != CLEAVE_OK)
            return status;
    }
    return CLEAVE_OK;
}

static cleave_status set_sources(Operand *operand, const CpuExecutable *executable,
                                 const Step *step, cleave_error *error) {
    operand->plain = step->norm < 0 && step->act.kind == ACT_NONE;
    for (int i = 0; i < step->source_count; i++) {
        const Source *source = &step->sources[i];
        const CpuTensor *tensor = &executable->tensors[source->node];
        operand->sources[i].tensor = tensor;
        operand->tokens = tensor->tokens;
        if (source->mul >= 0) {
            operand->sources[i].factor = &executable->tensors[source->mul];
            operand->plain = false;
            if (!value_channels_equal(&operand->sources[i].factor->channels, &tensor->channels))
                return error_set(error, CLEAVE_ERROR_INTERNAL, "a product of unlike values");
        }
        if (!value_channels_append(&operand->channels, &tensor->channels))
            return error_set(error, CLEAVE_ERROR_INTERNAL, "too many concatenated values");
        operand->height = tensor->height;
        operand->width = tensor->width;
    }
    operand->source_count = step->source_count;
    operand->blocks = channel_blocks(&operand->channels);
    return CLEAVE_OK;
}

static bool has_own_statistics(const Operand *operand) {
    return operand->norm.kind == NORM_INSTANCE || operand->norm.kind == NORM_GROUP;
}

/* y = (x - mean) / sqrt(variance + eps) · gain + bias, as scale and shift of one lane. */
static void set_lane(const Operand *operand, float *scale, float *shift, int channel, double mean,
                     double variance) {
    int at = channel_position(&operand->channels, channel);
    double factor = (double)operand->gain[channel] / sqrt(variance + NORM_EPSILON);
    scale[at] = (float)factor;
    shift[at] = (float)((double)operand->bias[channel] - mean * factor);
}

static void set_constants(Operand *operand) {
    int channels = value_channels_count(&operand->channels);
    for (int channel = 0; channel < channels; channel++) {
        if (operand->norm.kind == NORM_BATCH) {
            set_lane(operand, operand->scale, operand->shift, channel,
                     (double)operand->running_mean[channel],
                     (double)operand->running_variance[channel]);
        } else {
            operand->scale[channel_position(&operand->channels, channel)] = 1;
        }
    }
}

static cleave_status allocate_scales(Operand *operand, const CpuExecutable *executable,
                                     cleave_error *error) {
    size_t lanes = (size_t)operand->blocks * CHANNEL_BLOCK;
    size_t items = has_own_statistics(operand) ? (size_t)executable->max_batch : 1;
    operand->item_stride = has_own_statistics(operand) ? lanes : 0;
    size_t bytes = items * lanes * 2 * sizeof(float);
    size_t moments = has_own_statistics(operand) ? items * lanes * sizeof(Moments) : 0;
    operand->bytes += bytes + moments;
    if (executable->sizes_only)
        return CLEAVE_OK;
    /* Aligned, so that threads that normalise different blocks write to lines of their own. */
    operand->scale = memory_allocate_aligned(bytes / 2);
    operand->shift = memory_allocate_aligned(bytes / 2);
    if (moments > 0)
        operand->moments = memory_allocate_aligned(moments);
    if (!operand->scale || !operand->shift || (moments > 0 && !operand->moments))
        return error_memory(error, "normalisation", bytes + moments);
    memset(operand->scale, 0, bytes / 2);
    memset(operand->shift, 0, bytes / 2);
    return CLEAVE_OK;
}

cleave_status operand_create(Operand *operand, const CpuExecutable *executable, const Step *step,
                             const Graph *weights, cleave_error *error) {
    *operand = (Operand){.act = step->act};
    cleave_status status = set_sources(operand, executable, step, error);
    if (status == CLEAVE_OK && step->norm >= 0)
        status = read_norm(operand, executable, weights, &weights->nodes[step->norm], error);
    if (status != CLEAVE_OK || operand->tokens)
        return status;
    status = allocate_scales(operand, executable, error);
    if (status == CLEAVE_OK && !executable->sizes_only && !has_own_statistics(operand))
        set_constants(operand);
    return status;
}

void operand_destroy(Operand *operand) {
    free(operand->gain);
    free(operand->bias);
    free(operand->running_mean);
    free(operand->running_variance);
    memory_free_aligned(operand->scale);
    memory_free_aligned(operand->shift);
    memory_free_aligned(operand->moments);
}

/* ---- Rows ---- */

/* The source that holds a block of the concatenation; *block becomes the block within it. */
static int find_source(const Operand *operand, int *block) {
    int source = 0;
    while (*block >= operand->sources[source].tensor->blocks) {
        *block -= operand->sources[source].tensor->blocks;
        source++;
    }
    return source;
}

const float *operand_plain_row(const Operand *operand, int item, int block, int row) {
    int source = find_source(operand, &block);
    return tensor_row(operand->sources[source].tensor, item, block, row);
}

/* What will be wanted soon after `from`: what follows of a whole row, or the same part of the next
 * row, where the processor does not look ahead by itself. */
static const float *load_ahead(const CpuTensor *tensor, const float *from, size_t positions) {
    size_t row = tensor_row_positions(tensor);
    return from + (positions < row ? row : POSITIONS_AHEAD) * CHANNEL_BLOCK;
}

void operand_load(const Operand *operand, const Kernels *kernels, RowPart part, float *to) {
    size_t lanes = (size_t)part.item * operand->item_stride + (size_t)part.block * CHANNEL_BLOCK;
    size_t offset = (size_t)part.first * CHANNEL_BLOCK;
    size_t count = (size_t)part.count;
    int block = part.block;
    int source = find_source(operand, &block);
    const CpuTensor *factor = operand->sources[source].factor;
    const float *from =
        tensor_row(operand->sources[source].tensor, part.item, block, part.row) + offset;
    if (factor) {
        kernels->multiply(to, from, tensor_row(factor, part.item, block, part.row) + offset, count);
        if (operand->act.kind == ACT_NONE && operand->norm.kind == NORM_NONE)
            return;
        from = to;
    }
    kernels->load[operand->act.kind](
        &(LoadArguments){.to = to,
                         .from = from,
                         .ahead = load_ahead(operand->sources[source].tensor, from, count),
                         .positions = count,
                         .scale = operand->scale + lanes,
                         .shift = operand->shift + lanes,
                         .alpha = operand->act.alpha});
}

void operand_load_row(const Operand *operand, const Kernels *kernels, int item, int block, int row,
                      float *to) {
    RowPart part = {.item = item, .block = block, .row = row, .count = operand->width};
    operand_load(operand, kernels, part, to);
}

/* ---- Statistics ---- */

/* The moments of all lanes of a block from those of its parts, summed in the parts' order,
 * whichever thread wrote them: mean = Σ n_p mean_p / n; squares = Σ (squares_p + n_p (mean_p -
 * mean)²) (Chan, Golub & LeVeque, 1979). */
static void block_moments(const CpuTensor *tensor, int item, int block, Moments *moments) {
    const int down = tensor_parts_down(tensor);
    const int across = tensor_parts_across(tensor);
    const double count = (double)tensor->height * tensor->width;
    for (int lane = 0; lane < CHANNEL_BLOCK; lane++)
        moments[lane] = (Moments){0};
    for (int part = 0; part < down * across; part++) {
        const double elements = tensor_part_elements(tensor, part / across, part % across);
        const float *mean =
            tensor_part_statistics(tensor, item, block, part / across, part % across);
        for (int lane = 0; lane < CHANNEL_BLOCK; lane++)
            moments[lane].mean += (double)mean[lane] * elements;
    }
    for (int lane = 0; lane < CHANNEL_BLOCK; lane++)
        moments[lane].mean /= count;
    for (int part = 0; part < down * across; part++) {
        const double elements = tensor_part_elements(tensor, part / across, part % across);
        const float *mean =
            tensor_part_statistics(tensor, item, block, part / across, part % across);
        for (int lane = 0; lane < CHANNEL_BLOCK; lane++) {
            double difference = (double)mean[lane] - moments[lane].mean;
            moments[lane].squares +=
                (double)mean[CHANNEL_BLOCK + lane] + elements * difference * difference;
        }
    }
}

typedef struct PrepareContext {
    const Operand *operand;
    int groups;
} PrepareContext;

/* Normalises the channels of one group of one item; InstanceNorm has a group per channel. */
static void prepare_group(const PrepareContext *c, int item, int index) {
    const Operand *operand = c->operand;
    const Moments *moments = operand->moments + (size_t)item * operand->item_stride;
    int members = value_channels_count(&operand->channels) / c->groups;
    int first = index * members;
    double count = (double)operand->height * operand->width;
    Moments group = {0};
    for (int i = 0; i < members; i++)
        group.mean += moments[channel_position(&operand->channels, first + i)].mean;
    group.mean /= members;
    for (int i = 0; i < members; i++) {
        const Moments *channel = &moments[channel_position(&operand->channels, first + i)];
        double difference = channel->mean - group.mean;
        group.squares += channel->squares + count * difference * difference;
    }
    size_t offset = (size_t)item * operand->item_stride;
    for (int i = 0; i < members; i++)
        set_lane(operand, operand->scale + offset, operand->shift + offset, first + i, group.mean,
                 group.squares / (count * members));
}

/* Normalises the channels of one block, where each is a group by itself. */
static void prepare_channels(const PrepareContext *c, int item, int block) {
    const ValueChannels *channels = &c->operand->channels;
    int first = 0;
    int part = 0;
    for (; block * CHANNEL_BLOCK >= channels->parts[part]; part++) {
        block -= (channels->parts[part] + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
        first += channels->parts[part];
    }
    first += block * CHANNEL_BLOCK;
    int count = size_clipped(CHANNEL_BLOCK, block * CHANNEL_BLOCK, channels->parts[part]);
    for (int i = 0; i < count; i++)
        prepare_group(c, item, first + i);
}

static void prepare_block(void *context, size_t task, int thread) {
    (void)thread;
    const PrepareContext *c = context;
    const int index = (int)(task % (size_t)c->operand->blocks);
    int item = (int)(task / (size_t)c->operand->blocks);
    int block = index;
    int source = find_source(c->operand, &block);
    block_moments(c->operand->sources[source].tensor, item, block,
                  c->operand->moments + task * CHANNEL_BLOCK);
    if (c->operand->norm.kind == NORM_INSTANCE)
        prepare_channels(c, item, index);
}

void operand_prepare(const Operand *operand, ThreadPool *pool, int batch) {
    if (!has_own_statistics(operand))
        return;
    PrepareContext context = {.operand = operand};
    context.groups = operand->norm.kind == NORM_GROUP ? operand->norm.groups
                                                      : value_channels_count(&operand->channels);
    thread_pool_run(pool, (size_t)batch * (size_t)operand->blocks, prepare_block, &context);
    for (int item = 0; item < batch && operand->norm.kind == NORM_GROUP; item++)
        for (int group = 0; group < context.groups; group++)
            prepare_group(&context, item, group);
}
