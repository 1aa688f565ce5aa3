/* weights.c: weights, norms and tables, a step at a time. */
#include "backend/cuda/weights.h"

#include <math.h>
#include <stdlib.h>

#include "backend/cuda/pack.h"
#include "backend/cuda/weights_tokens.h"
#include "base/memory.h"
#include "dsp/stft.h"

/* ---- Products ---- */

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
    const Node *node = plan_node(plan, step);
    bool linear = planned->kind == STEP_KIND_LINEAR;
    int columns = linear ? node->shape.width : planned->columns;
    int tile = linear ? PRODUCT_PIXELS : planned->tile;
    *map = (WeightMap){.tile = tile,
                       .tiles = (int)size_divide_up((size_t)columns, (size_t)tile),
                       .slices = planned->slices,
                       .type = planned->type};
    cleave_status status = weight_map_create(map, node->name, error);
    if (status == CLEAVE_OK && linear)
        map_linear(plan, step, map);
    else if (status == CLEAVE_OK)
        map_conv(plan, step, map);
    return status;
}

static cleave_status upload_product(const Upload *upload, int step, const Graph *graph) {
    const CudaPlan *plan = &upload->executable->plan;
    const Node *node = &graph->nodes[plan->program.steps[step].node];
    const Tensor *tensors[2] = {graph_weight(graph, node, 0), NULL};
    WeightMap map;
    cleave_status status = map_create(plan, step, &map, upload->error);
    if (status == CLEAVE_OK)
        status = upload_packed(upload, &map, tensors, plan->steps[step].weights);
    weight_map_free(&map);
    return status;
}

/* ---- Norms ---- */

/* gain and bias, and for NORM_BATCH mean and variance behind them: four rows of `channels`. */
static cleave_status read_norm(const Upload *upload, const Graph *graph, const Node *norm,
                               float *values) {
    size_t channels = (size_t)norm->shape.channels;
    int count = graph_weight_count(graph, norm);
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < count && status == CLEAVE_OK; i++)
        status = upload_read(upload, graph_weight(graph, norm, i), channels,
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
        status = upload_send(upload, step->positions, positions, count * sizeof(*positions));
    if (status == CLEAVE_OK)
        status = upload_send(upload, step->gain_bias, pairs, count * sizeof(float[2]));
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
    cleave_status status = upload_send(upload, step->norm_fixed, pairs, padded * sizeof(float[2]));
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

/* Tables of a transform, as they are computed and as floats. */
typedef struct Tables {
    double *wide;
    float *narrow;
} Tables;

static cleave_status send_table(const Upload *upload, int step, size_t offset, const Tables *tables,
                                size_t count) {
    for (size_t i = 0; i < count; i++)
        tables->narrow[i] = (float)tables->wide[i];
    if (plan_fourier_is_wide(&upload->executable->plan, step))
        return upload_send(upload, offset, tables->wide, count * sizeof(double));
    return upload_send(upload, offset, tables->narrow, count * sizeof(float));
}

static cleave_status send_roots(const Upload *upload, int step, int n_fft, const Tables *tables) {
    for (int i = 0; i < n_fft; i++) {
        tables->wide[2 * i] = cos(-2 * pi * i / n_fft);
        tables->wide[2 * i + 1] = sin(-2 * pi * i / n_fft);
    }
    return send_table(upload, step, upload->executable->plan.steps[step].roots, tables,
                      2 * (size_t)n_fft);
}

/* The window stays in the tables. */
static cleave_status send_window(const Upload *upload, int step, int n_fft, const Tables *tables) {
    for (int i = 0; i < n_fft; i++)
        tables->wide[i] = hann_window(i, n_fft);
    return send_table(upload, step, upload->executable->plan.steps[step].window, tables,
                      (size_t)n_fft);
}

/* config_check.c has refused hops that leave a sample uncovered. */
static cleave_status send_gain(const Upload *upload, int step, const float *window) {
    const CudaPlan *plan = &upload->executable->plan;
    const Node *node = plan_node(plan, step);
    const StftAttributes *stft = &node->as.stft;
    size_t samples = (size_t)node->shape.width;
    int length = plan_istft_length(plan, step);
    float *gain = calloc(samples, sizeof(*gain));
    cleave_status status = CLEAVE_OK;
    if (gain && istft_gain(window, stft->n_fft, stft->hop, plan_frames(plan, step), length, gain))
        status = upload_send(upload, plan->steps[step].gain, gain, samples * sizeof(*gain));
    else
        status =
            error_memory(upload->error, "the inverse STFT's envelope", samples * sizeof(double));
    free(gain);
    return status;
}

static cleave_status upload_tables(const Upload *upload, int step) {
    const CudaPlan *plan = &upload->executable->plan;
    int n_fft = plan_node(plan, step)->as.stft.n_fft;
    size_t count = 2 * (size_t)n_fft;
    Tables tables = {calloc(count, sizeof(double)), calloc(count, sizeof(float))};
    cleave_status status = CLEAVE_OK;
    if (!tables.wide || !tables.narrow)
        status = error_memory(upload->error, "the STFT's tables", count * sizeof(double));
    if (status == CLEAVE_OK)
        status = send_roots(upload, step, n_fft, &tables);
    if (status == CLEAVE_OK)
        status = send_window(upload, step, n_fft, &tables);
    if (status == CLEAVE_OK && plan->steps[step].kind == STEP_KIND_ISTFT)
        status = send_gain(upload, step, tables.narrow);
    free(tables.wide);
    free(tables.narrow);
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
    cleave_status status = upload_send_to(upload, upload->executable->norms, zeros, bytes);
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
    if (status == CLEAVE_OK && plan_is_tokens(kind))
        status = cuda_tokens_upload(upload, step, graph);
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
