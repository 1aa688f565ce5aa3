/* test_token_edges.c: what stands at both ends of a network of tokens, on the CPU: STFT, band
 * split, masks, inverse STFT, in graphs without anything between, against float64 arithmetic
 * written down as the formulas are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "backend/cpu/kernels/kernels.h"
#include "base/random.h"
#include "dsp/stft.h"
#include "graph/tokens.h"

#define MAX_BANDS 4
#define MAX_STEMS 2

typedef struct Case {
    int channels;
    int samples;
    int n_fft;
    int hop;
    Band bands[MAX_BANDS];
    int band_count;
    int dim;
    MaskAttributes mask;
} Case;

/* Bands that overlap by one or more bins, two or three deep; sizes that are no whole vectors; hops
 * that divide neither the transform nor the chunk; more rows than a panel has. */
static const Case overlapping = {
    2, 2500, 120, 37, {{0, 9}, {4, 20}, {20, 30}, {30, 31}}, 4, 24, {2, 1, 70, false}};
static const Case deep = {1, 1999, 90, 44, {{0, 40}, {2, 44}, {38, 8}}, 3, 16, {1, 2, 144, true}};
static const Case shallow = {2, 1400, 64, 32, {{0, 1}, {1, 32}}, 2, 40, {1, 0, 0, true}};
static const Case quiet = {1, 2401, 120, 40, {{0, 20}, {20, 41}}, 2, 16, {1, 1, 32, false}};

/* ---- The network ---- */

typedef struct Net {
    const Case *of;
    Graph graph;
    Tensor *tensors;
    float *values; /* of all weights */
    size_t value_count;
    int split;
    int masks;
} Net;

static size_t net_values(const Graph *graph, int node, int slot) {
    int64_t dims[4];
    size_t count = 1;
    int dim_count = graph_weight_shape(graph, node, slot, dims);
    for (int i = 0; i < dim_count; i++)
        count *= (size_t)dims[i];
    return count;
}

static Tensor net_tensor(const Graph *graph, int node, int slot, const float *values) {
    static char name[] = "weight";
    Tensor tensor = {.name = name, .data = values, .dtype = DTYPE_F32};
    tensor.dim_count = graph_weight_shape(graph, node, slot, tensor.dims);
    int64_t stride = 1;
    for (int i = tensor.dim_count - 1; i >= 0; i--) {
        tensor.strides[i] = stride;
        stride *= tensor.dims[i];
    }
    return tensor;
}

/* Products come out as large as their inputs. */
static float net_amplitude(const Tensor *tensor) {
    return tensor->dim_count == 2 ? sqrtf(3.0f / (float)tensor->dims[1]) : 0.5f;
}

static void net_weigh(Net *net, int node, size_t *used, int *tensors, uint64_t *state) {
    Graph *graph = &net->graph;
    for (int slot = 0; slot < graph_weight_count(graph, &graph->nodes[node]); slot++) {
        size_t count = net_values(graph, node, slot);
        Tensor *tensor = &net->tensors[(*tensors)++];
        float *values = net->values + *used;
        *tensor = net_tensor(graph, node, slot, values);
        for (size_t i = 0; i < count; i++)
            values[i] =
                net_amplitude(tensor) * ((float)(random_next(state) >> 40) * 0x1p-23f - 1.0f);
        graph_set_weight(graph, node, slot, tensor);
        *used += count;
    }
}

static void net_open(Net *net, const Case *of) {
    const StftAttributes stft = {of->n_fft, of->hop, of->n_fft / 2 + 1, 1, true};
    size_t used = 0;
    int tensors = 0;
    uint64_t state = 7;
    *net = (Net){.of = of};
    Graph *graph = &net->graph;
    assert_true(graph_set_bands(graph, of->bands, of->band_count));
    int spectrogram =
        graph_stft(graph, graph_input(graph, of->channels, of->samples), stft, "stft");
    net->split = graph_band_split(graph, spectrogram, of->dim, "split");
    net->masks = graph_mask(graph, net->split, spectrogram, of->mask, "masks");
    assert_true(graph_istft(graph, net->masks, stft, of->samples, "istft") > 0);
    for (int node = net->split; node <= net->masks; node++)
        for (int slot = 0; slot < graph_weight_count(graph, &graph->nodes[node]); slot++)
            net->value_count += net_values(graph, node, slot);
    net->values = malloc(net->value_count * sizeof(float));
    net->tensors = calloc((size_t)graph->weight_count, sizeof(*net->tensors));
    assert_true(net->values && net->tensors);
    net_weigh(net, net->split, &used, &tensors, &state);
    net_weigh(net, net->masks, &used, &tensors, &state);
}

static void net_close(Net *net) {
    graph_free(&net->graph);
    free(net->tensors);
    free(net->values);
}

static const float *net_weight(const Net *net, int node, int slot) {
    return graph_weight(&net->graph, &net->graph.nodes[node], slot)->data;
}

/* ---- The formulas ---- */

static const double pi = 3.14159265358979323846;

static double *doubles(size_t count) {
    double *values = calloc(count, sizeof(*values));
    assert_non_null(values);
    return values;
}

/* One frame of the spectrogram as tokens, rounded to f32. */
static void exact_stft(const Case *c, const float *waveform, int frame, double *row) {
    for (int bin = 0; bin <= c->n_fft / 2; bin++)
        for (int channel = 0; channel < c->channels; channel++) {
            double re = 0;
            double im = 0;
            for (int i = 0; i < c->n_fft; i++) {
                int at = stft_reflect(frame * c->hop - c->n_fft / 2 + i, c->samples);
                double x = (double)waveform[channel * c->samples + at] * hann_window(i, c->n_fft);
                double angle = 2 * pi * (double)(i * bin % c->n_fft) / c->n_fft;
                re += x * cos(angle);
                im -= x * sin(angle);
            }
            row[(bin * c->channels + channel) * 2] = (double)(float)re;
            row[(bin * c->channels + channel) * 2 + 1] = (double)(float)im;
        }
}

static void exact_linear(const float *weight, const float *bias, size_t out, size_t in,
                         const double *from, double *to) {
    for (size_t i = 0; i < out; i++) {
        to[i] = (double)bias[i];
        for (size_t k = 0; k < in; k++)
            to[i] += (double)weight[i * in + k] * from[k];
    }
}

static void exact_split(const Net *net, int band, const double *row, double *token) {
    const Case *c = net->of;
    size_t features = 2 * (size_t)c->bands[band].bins * (size_t)c->channels;
    const double *from = row + c->bands[band].first * c->channels * 2;
    double *normal = doubles(features);
    double squares = 0;
    for (size_t i = 0; i < features; i++)
        squares += from[i] * from[i];
    for (size_t i = 0; i < features; i++)
        normal[i] = from[i] / fmax(sqrt(squares), 1e-12) * sqrt((double)features) *
                    (double)net_weight(net, net->split, band * SPLIT_WEIGHTS + SPLIT_GAMMA)[i];
    exact_linear(net_weight(net, net->split, band * SPLIT_WEIGHTS + SPLIT_WEIGHT),
                 net_weight(net, net->split, band * SPLIT_WEIGHTS + SPLIT_BIAS), (size_t)c->dim,
                 features, normal, token);
    free(normal);
}

/* Adds the mask of one band to that of the stem. */
static void exact_mask(const Net *net, int stem, int band, const double *token, double *sum) {
    const Case *c = net->of;
    const Node *node = &net->graph.nodes[net->masks];
    size_t features = 2 * (size_t)c->bands[band].bins * (size_t)c->channels;
    double *values[2] = {doubles(4096), doubles(4096)};
    size_t in = (size_t)c->dim;
    memcpy(values[0], token, in * sizeof(double));
    for (int layer = 0; layer <= c->mask.hidden_layers; layer++) {
        bool is_last = layer == c->mask.hidden_layers;
        size_t out = is_last ? 2 * features : (size_t)c->mask.hidden_width;
        int slot = mask_weight(&net->graph, node, stem, band, layer);
        exact_linear(net_weight(net, net->masks, slot), net_weight(net, net->masks, slot + 1), out,
                     in, values[layer % 2], values[(layer + 1) % 2]);
        for (size_t i = 0; i < out && !is_last; i++)
            values[(layer + 1) % 2][i] = tanh(values[(layer + 1) % 2][i]);
        in = out;
    }
    const double *last = values[(c->mask.hidden_layers + 1) % 2];
    double *to = sum + c->bands[band].first * c->channels * 2;
    for (size_t i = 0; i < features; i++)
        to[i] += last[i] / (1 + exp(-last[features + i]));
    free(values[0]);
    free(values[1]);
}

static int bands_of_bin(const Case *c, int bin) {
    int count = 0;
    for (int i = 0; i < c->band_count; i++)
        count += bin >= c->bands[i].first && bin < c->bands[i].first + c->bands[i].bins;
    return count;
}

static void exact_apply(const Case *c, const double *row, double *mask) {
    for (int bin = 0; bin <= c->n_fft / 2; bin++)
        for (int channel = 0; channel < c->channels; channel++) {
            int at = (bin * c->channels + channel) * 2;
            double re = mask[at] / bands_of_bin(c, bin);
            double im = mask[at + 1] / bands_of_bin(c, bin);
            bool is_zero = bin == 0 && c->mask.zero_dc;
            mask[at] = is_zero ? 0 : row[at] * re - row[at + 1] * im;
            mask[at + 1] = is_zero ? 0 : row[at] * im + row[at + 1] * re;
        }
}

/* Adds one channel of a stem's frame to its waveform, and the squared window to weights. */
static void exact_overlap(const Case *c, const double *row, int channel, int frame,
                          double *waveform, double *weights) {
    for (int i = 0; i < c->n_fft; i++) {
        int at = frame * c->hop - c->n_fft / 2 + i;
        double window = hann_window(i, c->n_fft);
        double sum = 0;
        if (at < 0 || at >= c->samples)
            continue;
        for (int bin = 0; bin <= c->n_fft / 2; bin++) {
            bool once = bin == 0 || bin == c->n_fft / 2;
            const double *value = row + (bin * c->channels + channel) * 2;
            double angle = 2 * pi * (double)(i * bin % c->n_fft) / c->n_fft;
            sum += (once ? 1 : 2) * (value[0] * cos(angle) - (once ? 0 : value[1] * sin(angle)));
        }
        waveform[at] += window * sum / c->n_fft;
        weights[at] += window * window;
    }
}

/* output (stems · channels, samples). */
static void exact_network(const Net *net, const float *waveform, double *output) {
    const Case *c = net->of;
    size_t width = ((size_t)c->n_fft / 2 + 1) * (size_t)c->channels * 2;
    double *row = doubles(width);
    double *token = doubles((size_t)c->dim);
    double *mask = doubles(width);
    int planes = c->mask.stems * c->channels;
    double *weights = doubles((size_t)planes * (size_t)c->samples);
    for (int frame = 0; frame < stft_frames(c->samples, c->n_fft, c->hop); frame++) {
        exact_stft(c, waveform, frame, row);
        for (int stem = 0; stem < c->mask.stems; stem++) {
            memset(mask, 0, width * sizeof(double));
            for (int band = 0; band < c->band_count; band++) {
                exact_split(net, band, row, token);
                exact_mask(net, stem, band, token, mask);
            }
            exact_apply(c, row, mask);
            for (int channel = 0; channel < c->channels; channel++) {
                int plane = (stem * c->channels + channel) * c->samples;
                exact_overlap(c, mask, channel, frame, output + plane, weights + plane);
            }
        }
    }
    for (int i = 0; i < planes * c->samples; i++)
        output[i] /= weights[i];
    free(row);
    free(token);
    free(mask);
    free(weights);
}

/* ---- Comparing ---- */

typedef struct Signals {
    float *input; /* two items */
    float *output;
    double *expected; /* of the first item */
    size_t input_count;
    size_t output_count; /* of one item, as input_count is */
} Signals;

static Signals signals_open(const Net *net) {
    const Case *c = net->of;
    Signals s = {.input_count = (size_t)(c->channels * c->samples)};
    s.output_count = s.input_count * (size_t)c->mask.stems;
    s.input = calloc(2 * s.input_count, sizeof(float));
    s.output = calloc(2 * s.output_count, sizeof(float));
    s.expected = doubles(s.output_count);
    assert_true(s.input && s.output);
    random_noise(s.input, 2 * s.input_count, 0.5f);
    exact_network(net, s.input, s.expected);
    return s;
}

static void signals_close(Signals *s) {
    free(s->input);
    free(s->output);
    free(s->expected);
}

static void run(const Net *net, Signals *s, CompileOptions options) {
    Executable *executable = NULL;
    cleave_error error = {0};
    int batch = options.batch;
    if (backend_compile(&backend_cpu, &executable, &net->graph, &options, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    memset(s->output, 0xff, 2 * s->output_count * sizeof(float));
    assert_int_equal(executable_run(executable, s->input, s->output, batch, NULL, &error),
                     CLEAVE_OK);
    executable_destroy(executable);
}

/* In dB, of the samples from `first` on of every plane. */
static double signals_snr(const Net *net, const Signals *s, size_t first) {
    size_t samples = (size_t)net->of->samples;
    double power = 0;
    double noise = 0;
    for (size_t i = 0; i < s->output_count; i++) {
        double difference = (double)s->output[i] - s->expected[i];
        if (i % samples < first)
            continue;
        power += s->expected[i] * s->expected[i];
        noise += difference * difference;
    }
    return 10 * log10(power / noise);
}

static const CompileOptions plain = {
    .batch = 1, .threads = 1, .precision = CLEAVE_PRECISION_F32, .fuse = true};

/* As measured, less some dB: these random networks amplify nothing. */
static double least_snr(cleave_precision precision) {
    return precision == CLEAVE_PRECISION_F32 ? 125 : precision == CLEAVE_PRECISION_F16 ? 62 : 45;
}

static void check_case(const Case *of) {
    Net net;
    net_open(&net, of);
    Signals s = signals_open(&net);
    for (const Kernels *const *table = kernels_available(); *table; table++) {
        setenv("CLEAVE_KERNELS", (*table)->name, 1);
        for (int precision = CLEAVE_PRECISION_F32; precision < PRECISIONS; precision++) {
            CompileOptions options = plain;
            options.precision = (cleave_precision)precision;
            if (!(*table)->products[precision].gemm)
                continue;
            run(&net, &s, options);
            double snr = signals_snr(&net, &s, 0);
            if (!(snr >= least_snr(options.precision)))
                fail_msg("%s, precision %d: %.1f dB", (*table)->name, precision, snr);
        }
    }
    unsetenv("CLEAVE_KERNELS");
    signals_close(&s);
    net_close(&net);
}

static void test_masks_of_overlapping_bands_are_averaged(void **state) {
    (void)state;
    check_case(&overlapping);
}

static void test_two_hidden_layers(void **state) {
    (void)state;
    check_case(&deep);
}

static void test_no_hidden_layer(void **state) {
    (void)state;
    check_case(&shallow);
}

/* The samples behind the last frame's centre are as good as the others, up to the last one. */
static void test_the_inverse_fills_the_tail(void **state) {
    (void)state;
    Net net;
    net_open(&net, &overlapping);
    Signals s = signals_open(&net);
    int frames = stft_frames(overlapping.samples, overlapping.n_fft, overlapping.hop);
    int last_centre = (frames - 1) * overlapping.hop;
    assert_true(overlapping.samples - last_centre > 5);
    run(&net, &s, plain);
    double snr = signals_snr(&net, &s, (size_t)last_centre + 1);
    if (!(snr >= 125))
        fail_msg("%.1f dB behind the last frame's centre", snr);
    signals_close(&s);
    net_close(&net);
}

/* Beside a tone a band holds next to nothing, which its norm lifts to full size. The mask of the
 * tone's own band is made zero, so that the stem is the quiet band alone: were the transform in
 * float32, the stem would be its rounding errors. */
static void test_quiet_bands_are_no_noise(void **state) {
    (void)state;
    Net net;
    net_open(&net, &quiet);
    int slot = mask_weight(&net.graph, &net.graph.nodes[net.masks], 0, 0, 1);
    for (int i = 0; i < 2; i++)
        memset(net.values + (net_weight(&net, net.masks, slot + i) - net.values), 0,
               net_values(&net.graph, net.masks, slot + i) * sizeof(float));
    Signals s = signals_open(&net);
    for (size_t i = 0; i < s.input_count; i++)
        s.input[i] = (float)cos(2 * pi * 3 * (double)i / quiet.n_fft) + 1e-6f * s.input[i];
    memset(s.expected, 0, s.output_count * sizeof(double));
    exact_network(&net, s.input, s.expected);
    run(&net, &s, plain);
    double snr = signals_snr(&net, &s, 0);
    if (!(snr >= 125))
        fail_msg("%.1f dB", snr);
    signals_close(&s);
    net_close(&net);
}

static void test_silence_stays_exact(void **state) {
    (void)state;
    Net net;
    net_open(&net, &overlapping);
    Signals s = signals_open(&net);
    memset(s.input, 0, s.input_count * sizeof(float));
    run(&net, &s, plain);
    for (size_t i = 0; i < s.output_count; i++)
        assert_true(s.output[i] == 0);
    signals_close(&s);
    net_close(&net);
}

/* ---- The same bits ---- */

static void check_same(const Net *net, Signals *s, CompileOptions options, const float *expected) {
    run(net, s, options);
    assert_memory_equal(s->output, expected,
                        (size_t)options.batch * s->output_count * sizeof(float));
}

static void check_bits(const Case *of, cleave_precision precision) {
    Net net;
    net_open(&net, of);
    Signals s = signals_open(&net);
    const MappedFile file = {(const unsigned char *)net.values, net.value_count * sizeof(float),
                             true};
    CompileOptions options = plain;
    options.precision = precision;
    options.batch = 2;
    run(&net, &s, options);
    float *expected = malloc(2 * s.output_count * sizeof(float));
    assert_non_null(expected);
    memcpy(expected, s.output, 2 * s.output_count * sizeof(float));
    options.batch = 1;
    check_same(&net, &s, options, expected);
    options.fuse = false;
    check_same(&net, &s, options, expected);
    options.threads = 7;
    check_same(&net, &s, options, expected);
    options.weights_file = &file;
    check_same(&net, &s, options, expected);
    free(expected);
    signals_close(&s);
    net_close(&net);
}

/* Whatever the batch, the threads, the fusion, and whether weights stay in their file. */
static void test_the_bits_depend_on_nothing_else(void **state) {
    (void)state;
    check_bits(&overlapping, CLEAVE_PRECISION_F32);
    check_bits(&deep, CLEAVE_PRECISION_F32);
    check_bits(&deep, CLEAVE_PRECISION_BF16);
}

/* ---- Weights ---- */

/* Weights that stay in the file are read there by each run: nothing was copied. */
static void test_weights_stay_in_the_file(void **state) {
    (void)state;
    Net net;
    net_open(&net, &deep);
    Signals s = signals_open(&net);
    const MappedFile file = {(const unsigned char *)net.values, net.value_count * sizeof(float),
                             true};
    CompileOptions options = plain;
    Executable *executable = NULL;
    cleave_error error = {0};
    options.weights_file = &file;
    assert_int_equal(backend_compile(&backend_cpu, &executable, &net.graph, &options, &error),
                     CLEAVE_OK);
    float *weight = net.values + (net_weight(&net, net.masks, 0) - net.values);
    assert_int_equal(executable_run(executable, s.input, s.output, 1, NULL, &error), CLEAVE_OK);
    float before = s.output[500];
    weight[0] += 1;
    assert_int_equal(executable_run(executable, s.input, s.output, 1, NULL, &error), CLEAVE_OK);
    assert_true(s.output[500] != before);
    executable_destroy(executable);
    signals_close(&s);
    net_close(&net);
}

static void count_call(void *count) {
    (*(int *)count)++;
}

/* While weights are packed, the file's pages can be let go behind each MLP, not only at the end. */
static void test_pages_are_let_go_while_packing(void **state) {
    (void)state;
    Net net;
    net_open(&net, &overlapping);
    int calls = 0;
    CompileOptions options = plain;
    Executable *executable = NULL;
    cleave_error error = {0};
    options.weights_read = count_call;
    options.weights_context = &calls;
    assert_int_equal(backend_compile(&backend_cpu, &executable, &net.graph, &options, &error),
                     CLEAVE_OK);
    assert_true(calls > overlapping.mask.stems * overlapping.band_count);
    executable_destroy(executable);
    net_close(&net);
}

/* A broken weight is refused whether it stays in the file or not, and so is a broken bias. */
static void test_broken_weights_are_refused(void **state) {
    (void)state;
    Net net;
    net_open(&net, &deep);
    const MappedFile file = {(const unsigned char *)net.values, net.value_count * sizeof(float),
                             true};
    for (int i = 0; i < 6; i++) {
        CompileOptions options = plain;
        Executable *executable = NULL;
        cleave_error error = {0};
        int slot = i / 2 % 2 + 4; /* of the last linear of the first MLP */
        int node = i < 4 ? net.masks : net.split;
        float *value = net.values + (net_weight(&net, node, slot) - net.values) + 3;
        float kept = *value;
        options.weights_file = i % 2 ? &file : NULL;
        *value = NAN;
        assert_int_equal(backend_compile(&backend_cpu, &executable, &net.graph, &options, &error),
                         CLEAVE_ERROR_MODEL);
        assert_non_null(strstr(error.text, "NaN"));
        *value = kept;
    }
    net_close(&net);
}

/* What backend_memory() predicts is what an executable takes. */
static void test_memory_is_known_beforehand(void **state) {
    (void)state;
    Net net;
    net_open(&net, &deep);
    ExecutableMemory memory;
    Executable *executable = NULL;
    cleave_error error = {0};
    assert_int_equal(backend_memory(&backend_cpu, &net.graph, &plain, &memory, &error), CLEAVE_OK);
    assert_int_equal(backend_compile(&backend_cpu, &executable, &net.graph, &plain, &error),
                     CLEAVE_OK);
    assert_int_equal(memory.weights, executable->memory.weights);
    assert_int_equal(memory.activations, executable->memory.activations);
    assert_int_equal(memory.scratch, executable->memory.scratch);
    executable_destroy(executable);
    net_close(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks_of_overlapping_bands_are_averaged),
        cmocka_unit_test(test_two_hidden_layers),
        cmocka_unit_test(test_no_hidden_layer),
        cmocka_unit_test(test_the_inverse_fills_the_tail),
        cmocka_unit_test(test_quiet_bands_are_no_noise),
        cmocka_unit_test(test_silence_stays_exact),
        cmocka_unit_test(test_the_bits_depend_on_nothing_else),
        cmocka_unit_test(test_weights_stay_in_the_file),
        cmocka_unit_test(test_pages_are_let_go_while_packing),
        cmocka_unit_test(test_broken_weights_are_refused),
        cmocka_unit_test(test_memory_is_known_beforehand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
