/* mdx23c.c: the MDX23C network, top to bottom, in terms of graph.h. Names are those of the state
 * dict. Spectrograms have time as height and frequency as width from the STFT on, so the network's
 * two transpositions fall away. */
#include "model/mdx23c.h"

#include <stdlib.h>

#include "model/network.h"

typedef struct Builder {
    Graph graph;
    const Config *config;
    const Checkpoint *checkpoint; /* NULL: shapes only */
} Builder;

/* The weight "PREFIX.SUFFIX"; NULL in a graph of shapes alone. */
static const Tensor *find(const Builder *b, const char *prefix, const char *suffix) {
    if (!b->checkpoint)
        return NULL;
    return checkpoint_find(b->checkpoint, weight_name("%s.%s", prefix, suffix).text);
}

static int channels_of(const Builder *b, int node) {
    return node < 0 ? 0 : b->graph.nodes[node].shape.channels;
}

static int width_of(const Builder *b, int node) {
    return node < 0 ? 0 : b->graph.nodes[node].shape.width;
}

/* norm, act: what every conv and linear but the 1×1 ones has in front of it. `name` is the norm's.
 */
static int norm_act(Builder *b, int x, WeightName name) {
    const Config *c = b->config;
    if (c->norm != NORM_NONE) {
        bool running = c->norm == NORM_BATCH;
        const Tensor *weights[4] = {
            find(b, name.text, "weight"),
            find(b, name.text, "bias"),
            running ? find(b, name.text, "running_mean") : NULL,
            running ? find(b, name.text, "running_var") : NULL,
        };
        x = graph_norm(&b->graph, x, (NormAttributes){c->norm, c->norm_groups}, weights, name.text);
    }
    return graph_act(&b->graph, x, (ActAttributes){c->act, c->act_alpha}, name.text);
}

static int conv(Builder *b, int x, int channels, ConvAttributes attributes, WeightName name) {
    const Tensor *weight = find(b, name.text, "weight");
    return graph_conv(&b->graph, x, channels, attributes, weight, name.text);
}

static const ConvAttributes conv_1x1 = {.kernel = {1, 1}, .stride = {1, 1}};
static const ConvAttributes conv_3x3 = {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};

/* kernel = stride = scale: the down- and upscaling convolutions. */
static ConvAttributes conv_scale(const Config *config) {
    int time = config->scale[0];
    int frequency = config->scale[1];
    return (ConvAttributes){.kernel = {time, frequency}, .stride = {time, frequency}};
}

static int linear(Builder *b, int x, int width, WeightName name) {
    return graph_linear(&b->graph, x, width, find(b, name.text, "weight"), name.text);
}

/* One of the l blocks of a TFC_TDF. */
static int tfc_tdf_block(Builder *b, int x, int channels, WeightName name) {
    const char *block = name.text;
    int width = width_of(b, x);
    int shortcut = conv(b, x, channels, conv_1x1, weight_name("%s.shortcut", block));
    x = norm_act(b, x, weight_name("%s.tfc1.0", block));
    x = conv(b, x, channels, conv_3x3, weight_name("%s.tfc1.2", block));
    int tdf = norm_act(b, x, weight_name("%s.tdf.0", block));
    tdf = linear(b, tdf, width / b->config->bottleneck_factor, weight_name("%s.tdf.2", block));
    tdf = norm_act(b, tdf, weight_name("%s.tdf.3", block));
    tdf = linear(b, tdf, width, weight_name("%s.tdf.5", block));
    x = graph_add(&b->graph, x, tdf, weight_name("%s.tdf", block).text);
    x = norm_act(b, x, weight_name("%s.tfc2.0", block));
    x = conv(b, x, channels, conv_3x3, weight_name("%s.tfc2.2", block));
    return graph_add(&b->graph, x, shortcut, block);
}

static int tfc_tdf(Builder *b, int x, int channels, WeightName name) {
    for (int i = 0; i < b->config->num_blocks_per_scale; i++)
        x = tfc_tdf_block(b, x, channels, weight_name("%s.blocks.%d", name.text, i));
    return x;
}

static int downscale(Builder *b, int x, int channels, int scale_index) {
    WeightName name = weight_name("encoder_blocks.%d.downscale.conv", scale_index);
    x = norm_act(b, x, weight_name("%s.0", name.text));
    return conv(b, x, channels, conv_scale(b->config), weight_name("%s.2", name.text));
}

static int upscale(Builder *b, int x, int channels, int scale_index) {
    WeightName name = weight_name("decoder_blocks.%d.upscale.conv", scale_index);
    x = norm_act(b, x, weight_name("%s.0", name.text));
    name = weight_name("%s.2", name.text);
    return graph_conv_transposed(&b->graph, x, channels, conv_scale(b->config),
                                 find(b, name.text, "weight"), name.text);
}

/* The U-Net between first_conv and final_conv. skips has room for num_scales nodes. */
static int unet(Builder *b, int x, int *skips) {
    const Config *config = b->config;
    int n = config->num_scales;
    int channels = config->num_channels;
    for (int i = 0; i < n; i++) {
        x = tfc_tdf(b, x, channels, weight_name("encoder_blocks.%d.tfc_tdf", i));
        skips[i] = x;
        channels += config->growth;
        x = downscale(b, x, channels, i);
    }
    x = tfc_tdf(b, x, channels, weight_name("bottleneck_block"));
    for (int i = 0; i < n; i++) {
        channels -= config->growth;
        x = upscale(b, x, channels, i);
        x = graph_concat(&b->graph, x, skips[n - 1 - i], weight_name("decoder_blocks.%d", i).text);
        x = tfc_tdf(b, x, channels, weight_name("decoder_blocks.%d.tfc_tdf", i));
    }
    return x;
}

static int network(Builder *b, int samples, int *skips) {
    const Config *config = b->config;
    StftAttributes stft = {config->n_fft, config->hop_length, config->dim_f, config->num_subbands};
    int waveform = graph_input(&b->graph, config->channels, samples);
    int mix = graph_stft(&b->graph, waveform, stft, "stft");
    int dim_c = channels_of(b, mix);
    int first = conv(b, mix, config->num_channels, conv_1x1, weight_name("first_conv"));
    int x = unet(b, first, skips);
    x = graph_mul(&b->graph, x, first, "product");
    x = graph_concat(&b->graph, mix, x, "final_concat");
    x = conv(b, x, config->num_channels, conv_1x1, weight_name("final_conv.0"));
    x = graph_act(&b->graph, x, (ActAttributes){config->act, config->act_alpha}, "final_conv.1");
    x = conv(b, x, config->stem_count * dim_c, conv_1x1, weight_name("final_conv.2"));
    return graph_istft(&b->graph, x, stft, samples, "istft");
}

cleave_status builder_build(Graph *graph, const Config *config, const Checkpoint *checkpoint,
                            int samples, cleave_error *error) {
    Builder b = {.config = config, .checkpoint = checkpoint};
    size_t skip_bytes = (size_t)config->num_scales * sizeof(int);
    int *skips = malloc(skip_bytes ? skip_bytes : 1);
    int output = skips ? network(&b, samples, skips) : -1;
    free(skips);
    if (output < 0) {
        graph_free(&b.graph);
        return error_memory(error, "the network's graph", skip_bytes);
    }
    *graph = b.graph;
    return CLEAVE_OK;
}

double builder_flops_per_chunk(const Config *config) {
    Graph graph;
    if (builder_build(&graph, config, NULL, config->chunk_size, NULL) != CLEAVE_OK)
        return 0;
    double flops = graph_flops(&graph);
    graph_free(&graph);
    return flops;
}
