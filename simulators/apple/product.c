/* product.c: matrix products, convolutions and their data gradients, as sums of rows. */
#include <stdlib.h>
#include <string.h>

#include "op.h"
#include "rows.h"
#include "strict.h"

#define BLOCK 256 /* places at a time, so that the rows' parts stay in the cache */

static float *zeros(int64_t count) {
    float *array = calloc((size_t)(count ? count : 1), sizeof(float));
    if (!array)
        sim_abort("the simulator itself has no memory for %lld floats", (long long)count);
    return array;
}

/* sim_sum_rows() in blocks of places. */
static void sum_blocks(const float *weights, int64_t stride, int64_t outputs,
                       const float *const *rows, int64_t count, int64_t length, float *const *to) {
    const float **from = sim_allocate((unsigned long)count * sizeof(*from));
    float **result = sim_allocate((unsigned long)outputs * sizeof(*result));
    for (int64_t first = 0; first < length; first += BLOCK) {
        int64_t some = length - first < BLOCK ? length - first : BLOCK;
        for (int64_t k = 0; k < count; k++)
            from[k] = rows[k] + first;
        for (int64_t o = 0; o < outputs; o++)
            result[o] = to[o] + first;
        sim_sum_rows(weights, stride, outputs, from, count, some, result);
    }
    free(from);
    free(result);
}

/* ---- Matrices ---- */

static void multiply(const float *a, const float *b, int64_t height, int64_t inner, int64_t width,
                     float *to) {
    const float **rows = sim_allocate((unsigned long)inner * sizeof(*rows));
    float **results = sim_allocate((unsigned long)height * sizeof(*results));
    for (int64_t k = 0; k < inner; k++)
        rows[k] = b + k * width;
    for (int64_t i = 0; i < height; i++)
        results[i] = to + i * width;
    sum_blocks(a, inner, height, rows, inner, width, results);
    free(rows);
    free(results);
}

void sim_compute_matmul(const SimOp *op, const SimView *inputs, float *to) {
    int64_t strides[SIM_OPERANDS][SIM_MAX_RANK] = {{0}};
    SimCursor cursor = {{0}, {0}};
    SimType batch = op->type;
    int rank_a = inputs[0].type->rank;
    int64_t height = op->type.dims[op->type.rank - 2];
    int64_t width = op->type.dims[op->type.rank - 1];
    int64_t inner = inputs[0].type->dims[rank_a - 1];
    batch.rank -= 2;
    for (int i = 0; i < 2; i++) {
        SimType own = *inputs[i].type;
        own.rank -= 2;
        sim_broadcast_strides(&own, &batch, strides[i]);
    }
    int64_t count = sim_elements(&batch);
    for (int64_t i = 0; i < count; i++) {
        multiply(inputs[0].values + cursor.from[0] * height * inner,
                 inputs[1].values + cursor.from[1] * inner * width, height, inner, width,
                 to + i * height * width);
        sim_advance(&cursor, batch.dims, batch.rank, 2, strides);
    }
}

/* ---- Layouts ---- */

static float *permuted(const float *values, const int64_t dims[4], const int order[4]) {
    int64_t strides[4] = {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1};
    float *to = zeros(dims[0] * dims[1] * dims[2] * dims[3]);
    float *next = to;
    for (int64_t a = 0; a < dims[order[0]]; a++)
        for (int64_t b = 0; b < dims[order[1]]; b++)
            for (int64_t c = 0; c < dims[order[2]]; c++)
                for (int64_t d = 0; d < dims[order[3]]; d++)
                    *next++ = values[a * strides[order[0]] + b * strides[order[1]] +
                                     c * strides[order[2]] + d * strides[order[3]]];
    return to;
}

/* As NCHW; the caller's to free when it is not the operand itself. */
static const float *channels_first(const SimConv *conv, const SimView *data) {
    static const int order[4] = {0, 3, 1, 2};
    return conv->channels_last ? permuted(data->values, data->type->dims, order) : data->values;
}

static const float *outputs_first(const SimConv *conv, const SimView *weights) {
    static const int order[4] = {3, 2, 0, 1};
    return conv->weights_last ? permuted(weights->values, weights->type->dims, order)
                              : weights->values;
}

/* From NCHW into the result's layout. */
static void store_result(const SimOp *op, float *values, float *to) {
    static const int order[4] = {0, 2, 3, 1};
    const int64_t *dims = op->type.dims;
    int64_t first[4] = {dims[0], dims[3], dims[1], dims[2]};
    if (!op->as.conv.channels_last)
        return;
    float *last = permuted(values, first, order);
    memcpy(to, last, (size_t)sim_elements(&op->type) * sizeof(float));
    free(last);
    free(values);
}

static float *result_room(const SimOp *op, float *to) {
    return op->as.conv.channels_last ? zeros(sim_elements(&op->type)) : to;
}

/* ---- Phases ----
 *
 * A plane cut by the strides: plane (y mod sy, x mod sx) holds every sy-th row's every sx-th sample
 * of the padded source, so that what one tap of the kernel reads for all outputs lies in one row of
 * memory: outputs are counted in lines of `width`, and the last ones are cut off. */
typedef struct Phases {
    int64_t height, width; /* of one phase's plane */
    int64_t size;          /* floats of all phases of a channel, and some more */
} Phases;

static Phases find_phases(const SimConv *conv, const SimConvSizes *sizes) {
    int64_t padded[2];
    for (int side = 0; side < 2; side++) {
        int64_t needed = (sizes->to[side] - 1) * conv->stride[side] +
                         (sizes->kernel[side] - 1) * conv->dilation[side] + 1;
        int64_t there = sizes->before[side] + sizes->from[side];
        int64_t whole = needed > there ? needed : there;
        padded[side] = (whole + conv->stride[side] - 1) / conv->stride[side];
    }
    Phases phases = {.height = padded[0] + 1, .width = padded[1]};
    phases.size = phases.height * phases.width * conv->stride[0] * conv->stride[1];
    return phases;
}

/* Where the padded source's (y, x) lies. */
static int64_t phase_index(const SimConv *conv, const Phases *phases, int64_t y, int64_t x) {
    int64_t plane = y % conv->stride[0] * conv->stride[1] + x % conv->stride[1];
    return (plane * phases->height + y / conv->stride[0]) * phases->width + x / conv->stride[1];
}

static void cut(const SimConv *conv, const SimConvSizes *sizes, const Phases *phases,
                const float *plane, float *to) {
    for (int64_t y = 0; y < sizes->from[0]; y++)
        for (int64_t x = 0; x < sizes->from[1]; x++)
            to[phase_index(conv, phases, y + sizes->before[0], x + sizes->before[1])] =
                plane[y * sizes->from[1] + x];
}

static void put_together(const SimConv *conv, const SimConvSizes *sizes, const Phases *phases,
                         const float *from, float *plane) {
    for (int64_t y = 0; y < sizes->from[0]; y++)
        for (int64_t x = 0; x < sizes->from[1]; x++)
            plane[y * sizes->from[1] + x] =
                from[phase_index(conv, phases, y + sizes->before[0], x + sizes->before[1])];
}

/* ---- Convolution ---- */

/* Every tap's row: what it reads for output 0. */
static void find_rows(const SimConv *conv, const SimConvSizes *sizes, const Phases *phases,
                      const float *channels, const float **rows) {
    for (int64_t channel = 0; channel < sizes->in; channel++)
        for (int64_t y = 0; y < sizes->kernel[0]; y++)
            for (int64_t x = 0; x < sizes->kernel[1]; x++)
                *rows++ = channels + channel * phases->size +
                          phase_index(conv, phases, y * conv->dilation[0], x * conv->dilation[1]);
}

/* One image's one group. */
static void convolve(const SimConv *conv, const SimConvSizes *sizes, const float *source,
                     const float *weights, float *to) {
    Phases phases = find_phases(conv, sizes);
    int64_t taps = sizes->in * sizes->kernel[0] * sizes->kernel[1];
    int64_t length = sizes->to[0] * phases.width;
    float *channels = zeros(sizes->in * phases.size + phases.width);
    float *lines = zeros(sizes->out * length);
    const float **rows = sim_allocate((unsigned long)taps * sizeof(*rows));
    float **results = sim_allocate((unsigned long)sizes->out * sizeof(*results));
    for (int64_t channel = 0; channel < sizes->in; channel++)
        cut(conv, sizes, &phases, source + channel * sizes->from[0] * sizes->from[1],
            channels + channel * phases.size);
    find_rows(conv, sizes, &phases, channels, rows);
    for (int64_t o = 0; o < sizes->out; o++)
        results[o] = lines + o * length;
    sum_blocks(weights, taps, sizes->out, rows, taps, length, results);
    for (int64_t line = 0; line < sizes->out * sizes->to[0]; line++)
        memcpy(to + line * sizes->to[1], lines + line * phases.width,
               (size_t)sizes->to[1] * sizeof(float));
    free(channels);
    free(lines);
    free(rows);
    free(results);
}

/* Its adjoint: `to` is the forward convolution's source. */
static void convolve_back(const SimConv *conv, const SimConvSizes *sizes, const float *gradient,
                          const float *weights, float *to) {
    Phases phases = find_phases(conv, sizes);
    int64_t taps = sizes->in * sizes->kernel[0] * sizes->kernel[1];
    int64_t size = sizes->to[0] * sizes->to[1];
    float *channels = zeros(sizes->in * phases.size + phases.width);
    float *line = zeros(taps * size);
    float *across = zeros(taps * sizes->out);
    const float **places = sim_allocate((unsigned long)taps * sizeof(*places));
    for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t o = 0; o < sizes->out; o++)
            across[tap * sizes->out + o] = weights[o * taps + tap];
    multiply(across, gradient, taps, sizes->out, size, line);
    find_rows(conv, sizes, &phases, channels, places);
    for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t y = 0; y < sizes->to[0]; y++) {
            float *sums = channels + (places[tap] - channels) + y * phases.width;
            const float *terms = line + tap * size + y * sizes->to[1];
            for (int64_t x = 0; x < sizes->to[1]; x++)
                sums[x] += terms[x];
        }
    for (int64_t channel = 0; channel < sizes->in; channel++)
        put_together(conv, sizes, &phases, channels + channel * phases.size,
                     to + channel * sizes->from[0] * sizes->from[1]);
    free(channels);
    free(line);
    free(across);
    free(places);
}

void sim_compute_conv(const SimOp *op, const SimView *inputs, float *to) {
    const SimConv *conv = &op->as.conv;
    SimConvSizes sizes = sim_conv_sizes(conv, inputs[0].type, &op->type, inputs[1].type);
    const float *source = channels_first(conv, &inputs[0]);
    const float *weights = outputs_first(conv, &inputs[1]);
    float *result = result_room(op, to);
    int64_t in = sizes.in * sizes.from[0] * sizes.from[1];
    int64_t out = sizes.out * sizes.to[0] * sizes.to[1];
    int64_t group = sizes.out * sizes.in * sizes.kernel[0] * sizes.kernel[1];
    for (int64_t i = 0; i < sizes.batch * sizes.groups; i++)
        convolve(conv, &sizes, source + i * in, weights + i % sizes.groups * group,
                 result + i * out);
    store_result(op, result, to);
    if (source != inputs[0].values)
        free((void *)(uintptr_t)source);
    if (weights != inputs[1].values)
        free((void *)(uintptr_t)weights);
}

void sim_compute_conv_gradient(const SimOp *op, const SimView *inputs, float *to) {
    const SimConv *conv = &op->as.conv;
    SimConvSizes sizes = sim_conv_sizes(conv, &op->type, inputs[0].type, inputs[1].type);
    const float *gradient = channels_first(conv, &inputs[0]);
    const float *weights = outputs_first(conv, &inputs[1]);
    float *result = result_room(op, to);
    int64_t in = sizes.in * sizes.from[0] * sizes.from[1];
    int64_t out = sizes.out * sizes.to[0] * sizes.to[1];
    int64_t group = sizes.out * sizes.in * sizes.kernel[0] * sizes.kernel[1];
    for (int64_t i = 0; i < sizes.batch * sizes.groups; i++)
        convolve_back(conv, &sizes, gradient + i * out, weights + i % sizes.groups * group,
                      result + i * in);
    store_result(op, result, to);
    if (gradient != inputs[0].values)
        free((void *)(uintptr_t)gradient);
    if (weights != inputs[1].values)
        free((void *)(uintptr_t)weights);
}
