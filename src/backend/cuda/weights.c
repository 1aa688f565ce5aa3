/* weights.c: packing weights by all threads, a step at a time, and sending them to the GPU. */
#include "backend/cuda/weights.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"
#include "base/thread_pool.h"
#include "dsp/stft.h"
#include "graph/weight_check.h"

typedef struct Upload {
    CudaExecutable *executable;
    const CompileOptions *options;
    ThreadPool *pool;
    cleave_error *error;
} Upload;

/* Waits until it has arrived. */
static cleave_status send_to(const Upload *upload, CudaAddress address, const void *data,
                             size_t bytes) {
    const CudaDriver *driver = upload->executable->session.driver;
    CudaStream stream = upload->executable->up;
    CudaStatus status = driver->copy_up(address, data, bytes, stream);
    if (status == CUDA_OK)
        status = driver->stream_synchronize(stream);
    return cuda_check(status, STEP_COMPILE, "sending weights to the GPU", upload->options->failure,
                      upload->error);
}

/* Sends what the plan keeps at `offset`. */
static cleave_status send(const Upload *upload, size_t offset, const void *data, size_t bytes) {
    return send_to(upload, weights_at(upload->executable, offset), data, bytes);
}

/* ---- Products ---- */

/* How a product's weights are read, in elements of the tensor: a value lies at columns[column] +
 * ks[k] + tap. */
typedef struct WeightMap {
    int64_t *columns; /* -1: zeros */
    int64_t *ks;      /* likewise */
    int taps;
    int tile;
    int tiles;
} WeightMap;

typedef struct PackContext {
    const PlannedStep *step;
    const WeightMap *map;
    const Tensor *tensor;
    float *values; /* of the tensor */
    size_t row;    /* elements of the tensor behind one index of its first dim */
    unsigned char *packed;
    atomic_size_t not_finite;
} PackContext;

static void read_row(void *context, size_t task, int thread) {
    PackContext *c = context;
    (void)thread;
    size_t bad = tensor_read_f32(c->tensor, task * c->row, c->row, c->values + task * c->row);
    if (bad > 0)
        atomic_fetch_add(&c->not_finite, bad);
}

static void store_narrow(unsigned char *to, float value, int type) {
    uint16_t bits = type == STORED_F16 ? half_from_float(value) : bf16_from_float(value);
    memcpy(to, &bits, sizeof(bits));
}

/* Sixteen bytes: adjacent k of one column and tap. */
static void pack_unit(const PackContext *c, int64_t column, int k, int tap, unsigned char *to) {
    size_t size = plan_stored_bytes(c->step->type);
    for (size_t i = 0; i < 16 / size; i++, to += size) {
        int64_t at = c->map->ks[(size_t)k + i];
        float value = column < 0 || at < 0 ? 0 : c->values[column + at + tap];
        if (c->step->type == STORED_F32)
            memcpy(to, &value, sizeof(value));
        else
            store_narrow(to, value, c->step->type);
    }
}

/* One tile of columns of one slice, as arguments.h lays it out. */
static void pack_tile(void *context, size_t task, int thread) {
    const PackContext *c = context;
    const WeightMap *map = c->map;
    (void)thread;
    int unit = (int)(16 / plan_stored_bytes(c->step->type));
    int slice = (int)(task % (size_t)c->step->slices);
    const int64_t *columns = map->columns + task / (size_t)c->step->slices * (size_t)map->tile;
    size_t block = (size_t)PRODUCT_PLANES * (size_t)map->tile * 16;
    unsigned char *to = c->packed + task * block * (size_t)map->taps;
    for (int tap = 0; tap < map->taps; tap++)
        for (int plane = 0; plane < PRODUCT_PLANES; plane++)
            for (int n = 0; n < map->tile; n++, to += 16)
                pack_unit(c, columns[n], (slice * PRODUCT_PLANES + plane) * unit, tap, to);
}

static void fill(int64_t *indices, size_t count) {
    for (size_t i = 0; i < count; i++)
        indices[i] = -1;
}

/* Columns and k of a convolution's tensor: (out, in, taps), or (in, out, taps) if transposed. */
static void map_conv(const CudaPlan *plan, int step, WeightMap *map) {
    const Node *node = plan_node(plan, step);
    const PlannedStep *planned = &plan->steps[step];
    const ValueChannels *output = &plan_output(plan, step)->channels;
    int out = node->shape.channels;
    int in = plan->graph.nodes[node->inputs[0]].shape.channels;
    int taps = plan_taps(node);
    bool transposed = node->op == OP_CONV_TRANSPOSED;
    int width = padded_channels(output);
    map->taps = transposed ? 1 : taps;
    for (int channel = 0; channel < out; channel++)
        for (int tap = 0; tap < (transposed ? taps : 1); tap++)
            map->columns[tap * width + channel_position(output, channel)] =
                transposed ? (int64_t)channel * taps + tap : (int64_t)channel * in * taps;
    for (int channel = 0; channel < in; channel++)
        map->ks[channel_position(&planned->operand, channel)] =
            (int64_t)channel * taps * (transposed ? out : 1);
}

/* Rows of a linear's tensor, (out, in), are the left operand. */
static void map_linear(const CudaPlan *plan, int step, WeightMap *map) {
    const Node *node = plan_node(plan, step);
    int width = plan->graph.nodes[node->inputs[0]].shape.width;
    map->taps = 1;
    for (int row = 0; row < node->shape.width; row++)
        map->columns[row] = (int64_t)row * width;
    for (int k = 0; k < width; k++)
        map->ks[k] = k;
}

static cleave_status map_create(const CudaPlan *plan, int step, WeightMap *map,
                                cleave_error *error) {
    const PlannedStep *planned = &plan->steps[step];
    bool linear = planned->kind == STEP_KIND_LINEAR;
    map->tile = linear ? PRODUCT_PIXELS : planned->tile;
    int columns = linear ? plan_node(plan, step)->shape.width : planned->columns;
    map->tiles = (int)size_divide_up((size_t)columns, (size_t)map->tile);
    size_t column_count = (size_t)map->tiles * (size_t)map->tile;
    size_t k_count = (size_t)planned->slices * PRODUCT_PLANES * 8; /* of f32 half as many */
    map->columns = malloc(column_count * sizeof(*map->columns));
    map->ks = malloc(k_count * sizeof(*map->ks));
    if (!map->columns || !map->ks)
        return error_memory(error, plan_node(plan, step)->name, (column_count + k_count) * 8);
    fill(map->columns, column_count);
    fill(map->ks, k_count);
    if (linear)
        map_linear(plan, step, map);
    else
        map_conv(plan, step, map);
    return CLEAVE_OK;
}

static cleave_status pack_and_send(const Upload *upload, int step, const WeightMap *map,
                                   const Tensor *tensor) {
    const PlannedStep *planned = &upload->executable->plan.steps[step];
    size_t rows = (size_t)tensor->dims[0];
    size_t elements = tensor_elements(tensor);
    PackContext context = {.step = planned,
                           .map = map,
                           .tensor = tensor,
                           .row = elements / rows,
                           .values = malloc(elements * sizeof(float)),
                           .packed = malloc(planned->weight_bytes)};
    atomic_init(&context.not_finite, 0);
    cleave_status status = CLEAVE_OK;
    if (!context.values || !context.packed)
        status = error_memory(upload->error, tensor->name, elements * sizeof(float));
    if (status == CLEAVE_OK) {
        thread_pool_run(upload->pool, rows, read_row, &context);
        status = weight_check(tensor, atomic_load(&context.not_finite), upload->error);
    }
    if (status == CLEAVE_OK) {
        size_t tasks = (size_t)map->tiles * (size_t)planned->slices;
        thread_pool_run(upload->pool, tasks, pack_tile, &context);
        status = send(upload, planned->weights, context.packed, planned->weight_bytes);
    }
    free(context.values);
    free(context.packed);
    return status;
}

static cleave_status upload_product(const Upload *upload, int step, const Graph *graph) {
    const CudaPlan *plan = &upload->executable->plan;
    WeightMap map = {.columns = NULL};
    cleave_status status = map_create(plan, step, &map, upload->error);
    if (status == CLEAVE_OK)
        status =
            pack_and_send(upload, step, &map,
                          graph_weight(graph, &graph->nodes[plan->program.steps[step].node], 0));
    free(map.columns);
    free(map.ks);
    return status;
}

/* ---- Norms ---- */

static cleave_status read_parameter(const Upload *upload, const Tensor *tensor, size_t count,
                                    float *values) {
    return weight_check(tensor, tensor_read_f32(tensor, 0, count, values), upload->error);
}

/* gain and bias, and for NORM_BATCH mean and variance behind them: four rows of `channels`. */
static cleave_status read_norm(const Upload *upload, const Graph *graph, const Node *norm,
                               float *values) {
    size_t channels = (size_t)norm->shape.channels;
    int count = graph_weight_count(graph, norm);
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < count && status == CLEAVE_OK; i++)
        status = read_parameter(upload, graph_weight(graph, norm, i), channels,
                                values + (size_t)i * channels);
    return status;
}

static cleave_status send_own_norm(const Upload *upload, const PlannedStep *step, int channels,
                                   const float *values) {
    size_t count = (size_t)channels;
    int32_t *positions = malloc(count * sizeof(*positions));
    float *pairs = malloc(count * sizeof(float[2]));
    cleave_status status = CLEAVE_OK;
    if (!positions || !pairs)
        status = error_memory(upload->error, "a norm's parameters", count * sizeof(float[2]));
    for (size_t i = 0; i < count && status == CLEAVE_OK; i++) {
        positions[i] = channel_position(&step->operand, (int)i);
        pairs[2 * i] = values[i];
        pairs[2 * i + 1] = values[count + i];
    }
    if (status == CLEAVE_OK)
        status = send(upload, step->positions, positions, count * sizeof(*positions));
    if (status == CLEAVE_OK)
        status = send(upload, step->gain_bias, pairs, count * sizeof(float[2]));
    free(positions);
    free(pairs);
    return status;
}

/* Scale and shift of running statistics do not change. */
static cleave_status send_fixed_norm(const Upload *upload, const PlannedStep *step, int channels,
                                     const float *values) {
    size_t count = (size_t)channels;
    size_t padded = (size_t)padded_channels(&step->operand);
    float *pairs = calloc(padded, sizeof(float[2]));
    if (!pairs)
        return error_memory(upload->error, "a norm's parameters", padded * sizeof(float[2]));
    for (size_t i = 0; i < count; i++) {
        float *pair = pairs + 2 * (size_t)channel_position(&step->operand, (int)i);
        double mean = (double)values[2 * count + i];
        double scale = (double)values[i] / sqrt((double)values[3 * count + i] + NORM_EPSILON);
        pair[0] = (float)scale;
        pair[1] = (float)((double)values[count + i] - mean * scale);
    }
    cleave_status status = send(upload, step->norm_fixed, pairs, padded * sizeof(float[2]));
    free(pairs);
    return status;
}

static cleave_status upload_norm(const Upload *upload, int step, const Graph *graph) {
    const CudaPlan *plan = &upload->executable->plan;
    const Node *norm = &graph->nodes[plan->program.steps[step].norm];
    size_t channels = (size_t)norm->shape.channels;
    float *values = calloc(NORM_WEIGHTS_MAX * channels, sizeof(float));
    if (!values)
        return error_memory(upload->error, norm->name, NORM_WEIGHTS_MAX * channels * sizeof(float));
    cleave_status status = read_norm(upload, graph, norm, values);
    if (status == CLEAVE_OK)
        status = plan_has_own_statistics(plan, step)
                     ? send_own_norm(upload, &plan->steps[step], (int)channels, values)
                     : send_fixed_norm(upload, &plan->steps[step], (int)channels, values);
    free(values);
    return status;
}

/* ---- Transforms ---- */

static const double pi = 3.14159265358979323846;

static cleave_status send_roots(const Upload *upload, const PlannedStep *step, int n_fft,
                                float *table) {
    for (int i = 0; i < n_fft; i++) {
        table[2 * i] = (float)cos(-2 * pi * i / n_fft);
        table[2 * i + 1] = (float)sin(-2 * pi * i / n_fft);
    }
    return send(upload, step->roots, table, (size_t)n_fft * sizeof(float[2]));
}

/* The window stays in `table`. */
static cleave_status send_window(const Upload *upload, const PlannedStep *step, int n_fft,
                                 float *table) {
    for (int i = 0; i < n_fft; i++)
        table[i] = (float)hann_window(i, n_fft);
    return send(upload, step->window, table, (size_t)n_fft * sizeof(float));
}

/* config_check.c has refused hops that leave a sample uncovered. */
static cleave_status send_gain(const Upload *upload, int step, const float *window) {
    const CudaPlan *plan = &upload->executable->plan;
    const Node *node = plan_node(plan, step);
    const StftAttributes *stft = &node->as.stft;
    size_t samples = (size_t)node->shape.width;
    int frames = plan_frames(plan, step);
    int length = istft_length(stft->n_fft, stft->hop, frames, (int)samples);
    float *gain = calloc(samples, sizeof(*gain));
    cleave_status status = CLEAVE_OK;
    if (gain && istft_gain(window, stft->n_fft, stft->hop, frames, length, gain))
        status = send(upload, plan->steps[step].gain, gain, samples * sizeof(*gain));
    else
        status =
            error_memory(upload->error, "the inverse STFT's envelope", samples * sizeof(double));
    free(gain);
    return status;
}

static cleave_status upload_tables(const Upload *upload, int step) {
    const CudaPlan *plan = &upload->executable->plan;
    int n_fft = plan_node(plan, step)->as.stft.n_fft;
    float *table = malloc((size_t)n_fft * sizeof(float[2]));
    if (!table)
        return error_memory(upload->error, "the STFT's tables", (size_t)n_fft * sizeof(float[2]));
    cleave_status status = send_roots(upload, &plan->steps[step], n_fft, table);
    if (status == CLEAVE_OK)
        status = send_window(upload, &plan->steps[step], n_fft, table);
    if (status == CLEAVE_OK && plan->steps[step].kind == STEP_KIND_ISTFT)
        status = send_gain(upload, step, table);
    free(table);
    return status;
}

/* ---- All ---- */

/* Padding is normalised by scale 0 and shift 0, so it stays zero. */
static cleave_status clear_norms(const Upload *upload) {
    size_t bytes = upload->executable->plan.norm_bytes;
    if (bytes == 0)
        return CLEAVE_OK;
    void *zeros = calloc(bytes, 1);
    if (!zeros)
        return error_memory(upload->error, "the norms' parameters", bytes);
    cleave_status status = send_to(upload, upload->executable->norms, zeros, bytes);
    free(zeros);
    return status;
}

static cleave_status upload_step(const Upload *upload, int step, const Graph *graph) {
    const CudaPlan *plan = &upload->executable->plan;
    StepKind kind = plan->steps[step].kind;
    cleave_status status = CLEAVE_OK;
    if (plan_is_product(kind))
        status = upload_product(upload, step, graph);
    if (status == CLEAVE_OK && plan->program.steps[step].norm >= 0)
        status = upload_norm(upload, step, graph);
    if (status == CLEAVE_OK && plan_is_transform(kind))
        status = upload_tables(upload, step);
    if (upload->options->weights_read)
        upload->options->weights_read(upload->options->weights_context);
    return status;
}

cleave_status cuda_weights_upload(CudaExecutable *executable, const Graph *graph,
                                  const CompileOptions *options, cleave_error *error) {
    Upload upload = {.executable = executable, .options = options, .error = error};
    int threads = options->threads > 1 ? options->threads : 1;
    cleave_status status = thread_pool_create(&upload.pool, threads, error);
    if (status != CLEAVE_OK)
        return status;
    status = clear_norms(&upload);
    for (int i = 0; i < executable->plan.program.count && status == CLEAVE_OK; i++)
        status = upload_step(&upload, i, graph);
    thread_pool_destroy(upload.pool);
    return status;
}
