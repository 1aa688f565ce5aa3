/* fuzz.c: checks of errors, configurations and checkpoints, for all targets. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/network.h"
#include "model/network_check.h"

/* Elements that are read of one checkpoint, so that a view of one element repeated 2^40 times costs
 * no more than an honest one. */
#define MAX_READ ((size_t)1 << 16)

#define RUN 256

static void trap(const char *why) {
    fprintf(stderr, "fuzz: %s\n", why);
    abort();
}

void fuzz_check_error(cleave_status status, const cleave_error *error) {
    size_t length = strnlen(error->text, sizeof(error->text));
    if (status != error->status)
        trap("a status other than the error's");
    if (status == CLEAVE_OK)
        return;
    if (status == CLEAVE_ERROR_INTERNAL || status == CLEAVE_ERROR_ARGUMENT)
        trap("the file is blamed on somebody else");
    if (length < 10 || length == sizeof(error->text) || strchr(error->text, '\n'))
        trap("the error is not one line of text");
}

/* ---- Configurations ---- */

static void build(const Config *config, int samples) {
    Graph graph;
    cleave_error error = {0};
    const NetworkUse use = {.samples = samples};
    cleave_status status = network_graph(&graph, config, &use, &error);
    fuzz_check_error(status, &error);
    if (status != CLEAVE_OK)
        return;
    if (!(graph_flops(&graph) > 0))
        trap("a network without work");
    graph_free(&graph);
}

static void use_config(const Config *config) {
    WeightSpec *specs = NULL;
    size_t count = 0;
    cleave_error error = {0};
    fuzz_check_error(network_weights(config, &specs, &count, &error), &error);
    free(specs);
    if (network_parameters(config) <= 0)
        trap("a network without parameters");
    build(config, config->chunk_size);
    int64_t mean = (int64_t)config->hop_length * (config->mean_dim_t - 1);
    if (mean > config->n_fft / 2 && mean <= INT32_MAX / 4)
        build(config, (int)mean);
}

void fuzz_config(const char *text, size_t size) {
    Config config;
    cleave_error error = {0};
    cleave_status status = config_parse(&config, text, size, "x.yaml", NULL, &error);
    fuzz_check_error(status, &error);
    if (status != CLEAVE_OK)
        return;
    use_config(&config);
    config_free(&config);
}

/* ---- Checkpoints ---- */

static void read_tensor(const Tensor *tensor, size_t *left) {
    float values[RUN];
    char shape[200];
    size_t elements = tensor_elements(tensor);
    tensor_shape_text(tensor->dims, tensor->dim_count, shape, sizeof(shape));
    if (elements == 0 || dtype_size(tensor->dtype) == 0)
        return;
    for (size_t at = 0; at<elements && * left> 0;) {
        size_t count = elements - at < RUN ? elements - at : RUN;
        tensor_read_f32(tensor, at, count, values);
        at += count;
        *left -= count < *left ? count : *left;
    }
    tensor_read_f32(tensor, elements - 1, 1, values);
}

static const char mdx23c_text[] =
    "audio: {n_fft: 64, hop_length: 16, dim_f: 32, dim_t: 16, chunk_size: 240}\n"
    "model: {num_subbands: 1, num_scales: 1, num_blocks_per_scale: 1, num_channels: 4,\n"
    "        growth: 2, bottleneck_factor: 2, scale: [2, 2], norm: BatchNorm, act: gelu}\n"
    "training: {instruments: [a, b]}\n";

static const char roformer_text[] =
    "audio: {chunk_size: 240}\n"
    "model: {dim: 4, depth: 1, heads: 1, dim_head: 2, freqs_per_bands: [4, 5], stft_n_fft: 16,\n"
    "        stft_hop_length: 4}\n"
    "training: {instruments: [a]}\n";

static void check_against(const Checkpoint *checkpoint, const char *text) {
    Config config;
    cleave_error error = {0};
    if (config_parse(&config, text, strlen(text), "x.yaml", checkpoint, &error) != CLEAVE_OK)
        trap(error.text);
    fuzz_check_error(network_check(&config, checkpoint, "x.ckpt", &error), &error);
    config_free(&config);
}

static void use_checkpoint(const Checkpoint *checkpoint) {
    size_t count;
    size_t left = MAX_READ;
    const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
    const char *config = checkpoint_embedded_config(checkpoint);
    for (size_t i = 0; i < count; i++) {
        if (checkpoint_find(checkpoint, tensors[i].name) != &tensors[i])
            trap("a tensor is not found by its name");
        read_tensor(&tensors[i], &left);
    }
    check_against(checkpoint, mdx23c_text);
    check_against(checkpoint, roformer_text);
    if (config)
        fuzz_config(config, strlen(config));
}

int fuzz_checkpoint(const uint8_t *data, size_t size, CheckpointForm form) {
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    if (checkpoint_form(data, size) != form)
        return -1;
    cleave_status status = checkpoint_open_memory(&checkpoint, data, size, "x.ckpt", NULL, &error);
    fuzz_check_error(status, &error);
    if (status != CLEAVE_OK)
        return 0;
    use_checkpoint(checkpoint);
    checkpoint_close(checkpoint);
    return 0;
}
