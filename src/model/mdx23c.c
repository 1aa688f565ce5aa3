/* mdx23c.c: all that is special about MDX23C (TFC-TDF v3) networks: their configuration, the sizes
 * that fit, the network itself from top to bottom, and what is wrong where a checkpoint does not
 * fit. Names of weights are those of the state dict. */
#include "model/mdx23c.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/config_check.h"
#include "model/family_names.h"
#include "model/refuse.h"

#define MAX_SCALES 32

/* ---- The configuration ---- */

static bool mdx23c_knows(const YamlTree *tree, const YamlNode *model,
                         const Checkpoint *checkpoint) {
    (void)checkpoint;
    return !yaml_is_null(yaml_find(tree, model, "num_subbands"));
}

static const IntegerKey mdx23c_integer_keys[] = {
    {"audio", "n_fft", 2, 1 << 20, CONFIG_REQUIRED, offsetof(Config, n_fft)},
    {"audio", "hop_length", 1, 1 << 20, CONFIG_REQUIRED, offsetof(Config, hop_length)},
    {"audio", "dim_f", 1, 1 << 20, CONFIG_REQUIRED, offsetof(Config, dim_f)},
    {"audio", "num_channels", 1, 2, 2, offsetof(Config, channels)},
    {"model", "num_subbands", 1, 1 << 16, CONFIG_REQUIRED, offsetof(Config, num_subbands)},
    {"model", "num_scales", 1, MAX_SCALES, CONFIG_REQUIRED, offsetof(Config, num_scales)},
    {"model", "num_blocks_per_scale", 1, 64, CONFIG_REQUIRED,
     offsetof(Config, num_blocks_per_scale)},
    {"model", "num_channels", 1, 1 << 16, CONFIG_REQUIRED, offsetof(Config, num_channels)},
    {"model", "growth", -(1 << 16), 1 << 16, CONFIG_REQUIRED, offsetof(Config, growth)},
    {"model", "bottleneck_factor", 1, 1 << 16, CONFIG_REQUIRED,
     offsetof(Config, bottleneck_factor)},
};

/* Two numbers: model.scale, a YAML sequence in any style and with any tag. */
static cleave_status mdx23c_read_scale(const ConfigReader *r) {
    static const IntegerKey keys[2] = {{"model", "scale[0]", 1, 1024, 0, 0},
                                       {"model", "scale[1]", 1, 1024, 0, 0}};
    const YamlNode *scale = config_find(r, "model", "scale");
    if (!scale)
        return config_refuse_missing(r, "model", "scale");
    int position;
    const YamlNode *child = yaml_first(r->tree, scale, &position);
    int count = 0;
    for (; child && scale->kind == YAML_SEQUENCE; child = yaml_next(r->tree, &position)) {
        cleave_status status =
            count < 2 ? config_read_integer(r, child, &keys[count], &r->config->scale[count])
                      : CLEAVE_OK;
        if (status != CLEAVE_OK)
            return status;
        count++;
    }
    if (count != 2)
        return config_refuse(
            r, scale, "model.scale must be two numbers, such as [2, 2]: time, then frequency");
    return CLEAVE_OK;
}

/* Any other name than these three means no norm, as in the training framework. */
static cleave_status mdx23c_read_norm(const ConfigReader *r) {
    static const char group[] = "GroupNorm";
    Config *config = r->config;
    const YamlNode *node = NULL;
    cleave_status status =
        config_read_name(r, "norm", config->norm_name, sizeof(config->norm_name), &node);
    if (status != CLEAVE_OK)
        return status;
    config->norm = NORM_NONE;
    config->norm_groups = 0;
    if (strcmp(node->text, "InstanceNorm") == 0) {
        config->norm = NORM_INSTANCE;
    } else if (strcmp(node->text, "BatchNorm") == 0) {
        config->norm = NORM_BATCH;
    } else if (strncmp(node->text, group, strlen(group)) == 0) {
        double groups = 0;
        if (!yaml_number(node->text + strlen(group), &groups) || groups != floor(groups) ||
            groups < 1 || groups > 65536)
            return error_advise(
                r->error, config_refuse(r, node, "model.norm is '" UTF8_CUT(40) "'", node->text),
                "GroupNorm needs its number of groups, such as GroupNorm8");
        config->norm = NORM_GROUP;
        config->norm_groups = (int)groups;
    }
    return CLEAVE_OK;
}

static cleave_status mdx23c_read(const ConfigReader *r) {
    cleave_status status = mdx23c_read_scale(r);
    if (status == CLEAVE_OK)
        status = mdx23c_read_norm(r);
    if (status == CLEAVE_OK)
        status = config_read_act(r, "act");
    return status;
}

/* ---- The sizes that fit ---- */

/* There are k subbands of F bins. F must divide by the scale at every level, and by the bottleneck
 * factor at every level and the bottleneck. */
static cleave_status mdx23c_check_bins(const Config *c, const char *source, cleave_error *error) {
    if (c->dim_f % c->num_subbands != 0)
        return model_refuse(error, source, NULL,
                            "audio.dim_f, %d, does not divide by model.num_subbands, %d", c->dim_f,
                            c->num_subbands);
    int bins = c->dim_f / c->num_subbands;
    for (int i = 0; i <= c->num_scales; i++) {
        if (bins % c->bottleneck_factor != 0)
            return model_refuse(
                error, source, NULL,
                "the %d bins at scale %d of %d (audio.dim_f %d / model.num_subbands %d / "
                "model.scale[1] %d per scale) do not divide by model.bottleneck_factor, %d",
                bins, i, c->num_scales, c->dim_f, c->num_subbands, c->scale[1],
                c->bottleneck_factor);
        if (i < c->num_scales && bins % c->scale[1] != 0)
            return model_refuse(error, source, NULL,
                                "the %d bins at scale %d of %d (audio.dim_f %d / "
                                "model.num_subbands %d) do not divide by model.scale[1], %d",
                                bins, i, c->num_scales, c->dim_f, c->num_subbands, c->scale[1]);
        bins /= c->scale[1];
    }
    return CLEAVE_OK;
}

static cleave_status mdx23c_check_channels(const Config *c, const char *source,
                                           cleave_error *error) {
    for (int i = 0; i <= c->num_scales; i++) {
        int64_t channels = c->num_channels + (int64_t)i * c->growth;
        if (channels < 1 || channels > 65536)
            return model_refuse(error, source, "1 to 65536 are possible",
                                "model.num_channels %d and model.growth %d give %" PRId64
                                " channels at scale %d",
                                c->num_channels, c->growth, channels, i);
        if (c->norm == NORM_GROUP && channels % c->norm_groups != 0)
            return model_refuse(
                error, source, NULL,
                "the %" PRId64 " channels at scale %d (model.num_channels %d, model.growth %d) do "
                "not divide into the %d groups of model.norm, %s",
                channels, i, c->num_channels, c->growth, c->norm_groups, c->norm_name);
    }
    return CLEAVE_OK;
}

static cleave_status mdx23c_check_volume(const Config *c, const char *source, cleave_error *error) {
    int64_t bins = c->dim_f / c->num_subbands;
    int64_t mix_channels = 2 * (int64_t)c->channels * c->num_subbands;
    int64_t deepest = c->num_channels + (int64_t)c->num_scales * c->growth;
    int64_t channels =
        int64_max(2 * int64_max(c->num_channels, deepest), c->num_channels + mix_channels);
    channels = int64_max(channels, c->stem_count * mix_channels);
    int64_t grid = bins * c->dim_t; /* at most 2^19 · 2^28 */
    if (grid > CONFIG_MOST_ELEMENTS || channels > CONFIG_MOST_ELEMENTS / grid)
        return model_refuse(error, source, "check chunk_size, dim_f and model.num_channels",
                            "one activation would have %" PRId64
                            " channels of %d frames by %" PRId64 " bins, which no machine holds",
                            channels, c->dim_t, bins);
    return CLEAVE_OK;
}

static cleave_status mdx23c_check_frames(const Config *config, int frames, const char *what,
                                         cleave_error *error) {
    int rest = frames;
    bool fits = frames > 0;
    for (int i = 0; i < config->num_scales && fits; i++) {
        fits = rest % config->scale[0] == 0;
        rest /= config->scale[0];
    }
    if (fits)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_MODEL,
                     "%s gives %d frames, which do not divide by model.scale[0], %d, "
                     "model.num_scales, %d, times over",
                     what, frames, config->scale[0], config->num_scales);
}

static cleave_status mdx23c_check(const Config *config, const char *source, cleave_error *error) {
    cleave_status status = mdx23c_check_bins(config, source, error);
    if (status == CLEAVE_OK)
        status = mdx23c_check_channels(config, source, error);
    if (status == CLEAVE_OK)
        status = mdx23c_check_volume(config, source, error);
    return status;
}

static void mdx23c_write_sizes(const Config *c, char *text, size_t size) {
    snprintf(text, size, "%d subbands, %d scales, %d blocks, %d + %d channels, %s, %s",
             c->num_subbands, c->num_scales, c->num_blocks_per_scale, c->num_channels, c->growth,
             c->norm_name, c->act_name);
}

/* ---- The network ----
 *
 * Spectrograms have time as height and frequency as width from the STFT on, so the two
 * transpositions of the original network are not needed. Every function takes the node that it
 * reads and returns the node that it ends with. */

/* The keys that the shapes of weights follow from, for errors. */
#define KEYS_CHANNELS "model.num_channels, model.growth"
#define KEYS_BINS \
    "audio.dim_f, model.num_subbands, model.scale, model.num_scales, model.bottleneck_factor"
#define KEYS_NORM  "model.norm, model.num_channels, model.growth"
#define KEYS_SCALE "model.scale, model.num_channels, model.growth"
#define KEYS_FIRST "model.num_channels, audio.num_channels, model.num_subbands"
#define KEYS_LAST                                                                                \
    "training.instruments, training.target_instrument, audio.num_channels, model.num_subbands, " \
    "model.num_channels"

static const ConvAttributes conv_1x1 = {.kernel = {1, 1}, .stride = {1, 1}};
static const ConvAttributes conv_3x3 = {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};

/* kernel = stride = scale: the down- and upscaling convolutions. */
static ConvAttributes mdx23c_conv_scale(const Config *config) {
    int time = config->scale[0];
    int frequency = config->scale[1];
    return (ConvAttributes){.kernel = {time, frequency}, .stride = {time, frequency}};
}

static int mdx23c_conv(Network *n, int x, int channels, ConvAttributes attributes, const char *keys,
                       WeightName name) {
    return network_weigh(n, graph_conv(&n->graph, x, channels, attributes, name.text), keys);
}

static int mdx23c_linear(Network *n, int x, int width, WeightName name) {
    return network_weigh(n, graph_linear(&n->graph, x, width, name.text), KEYS_BINS);
}

static int mdx23c_act(Network *n, int x, WeightName name) {
    ActAttributes act = {n->config->act, n->config->act_alpha};
    return graph_act(&n->graph, x, act, name.text);
}

/* A norm and an activation: every convolution but the 1×1 ones, and every linear, has them in
 * front. `name` is the norm's.
 */
static int mdx23c_norm_act(Network *n, int x, WeightName name) {
    NormAttributes norm = {n->config->norm, n->config->norm_groups};
    if (norm.kind != NORM_NONE)
        x = network_weigh(n, graph_norm(&n->graph, x, norm, name.text), KEYS_NORM);
    return mdx23c_act(n, x, name);
}

/* One of the l blocks of a TFC_TDF. */
static int mdx23c_block(Network *n, int x, int channels, WeightName name) {
    const char *block = name.text;
    int width = x < 0 ? 0 : n->graph.nodes[x].shape.width;
    int narrow = width / n->config->bottleneck_factor;
    int shortcut =
        mdx23c_conv(n, x, channels, conv_1x1, KEYS_CHANNELS, weight_name("%s.shortcut", block));
    x = mdx23c_norm_act(n, x, weight_name("%s.tfc1.0", block));
    x = mdx23c_conv(n, x, channels, conv_3x3, KEYS_CHANNELS, weight_name("%s.tfc1.2", block));
    int tdf = mdx23c_norm_act(n, x, weight_name("%s.tdf.0", block));
    tdf = mdx23c_linear(n, tdf, narrow, weight_name("%s.tdf.2", block));
    tdf = mdx23c_norm_act(n, tdf, weight_name("%s.tdf.3", block));
    tdf = mdx23c_linear(n, tdf, width, weight_name("%s.tdf.5", block));
    x = graph_add(&n->graph, x, tdf, weight_name("%s.tdf", block).text);
    x = mdx23c_norm_act(n, x, weight_name("%s.tfc2.0", block));
    x = mdx23c_conv(n, x, channels, conv_3x3, KEYS_CHANNELS, weight_name("%s.tfc2.2", block));
    network_list_last(n, shortcut);
    return graph_add(&n->graph, x, shortcut, block);
}

static int mdx23c_tfc_tdf(Network *n, int x, int channels, WeightName name) {
    for (int i = 0; i < n->config->num_blocks_per_scale; i++)
        x = mdx23c_block(n, x, channels, weight_name("%s.blocks.%d", name.text, i));
    return x;
}

static int mdx23c_downscale(Network *n, int x, int channels, int scale_index) {
    WeightName name = weight_name("encoder_blocks.%d.downscale.conv", scale_index);
    x = mdx23c_norm_act(n, x, weight_name("%s.0", name.text));
    return mdx23c_conv(n, x, channels, mdx23c_conv_scale(n->config), KEYS_SCALE,
                       weight_name("%s.2", name.text));
}

static int mdx23c_upscale(Network *n, int x, int channels, int scale_index) {
    WeightName name = weight_name("decoder_blocks.%d.upscale.conv", scale_index);
    x = mdx23c_norm_act(n, x, weight_name("%s.0", name.text));
    x = graph_conv_transposed(&n->graph, x, channels, mdx23c_conv_scale(n->config),
                              weight_name("%s.2", name.text).text);
    return network_weigh(n, x, KEYS_SCALE);
}

/* The U-Net between first_conv and final_conv. Decoders are numbered downwards, so that decoder i
 * reads what encoder i has put aside. */
static int mdx23c_unet(Network *n, int x) {
    const Config *config = n->config;
    int scales = config->num_scales;
    int channels = config->num_channels;
    int skips[MAX_SCALES];
    for (int i = 0; i < scales; i++) {
        network_part(n, "encoder", "encoder", i + 1);
        x = mdx23c_tfc_tdf(n, x, channels, weight_name("encoder_blocks.%d.tfc_tdf", i));
        skips[i] = x;
        channels += config->growth;
        x = mdx23c_downscale(n, x, channels, i);
    }
    network_part(n, "bottleneck", "bottleneck", 0);
    x = mdx23c_tfc_tdf(n, x, channels, weight_name("bottleneck_block"));
    for (int i = 0; i < scales; i++) {
        network_part(n, "decoder", "decoder", scales - i);
        channels -= config->growth;
        x = mdx23c_upscale(n, x, channels, i);
        x = graph_concat(&n->graph, x, skips[scales - 1 - i],
                         weight_name("decoder_blocks.%d", i).text);
        x = mdx23c_tfc_tdf(n, x, channels, weight_name("decoder_blocks.%d.tfc_tdf", i));
    }
    return x;
}

/* The U-Net's output times first_conv's, and the spectrogram beside it, become the stems. */
static int mdx23c_final(Network *n, int x, int first, int mix) {
    const Config *config = n->config;
    int stem_channels = mix < 0 ? 0 : n->graph.nodes[mix].shape.channels;
    x = graph_mul(&n->graph, x, first, "product");
    x = graph_concat(&n->graph, mix, x, "final_concat");
    x = mdx23c_conv(n, x, config->num_channels, conv_1x1, KEYS_FIRST, weight_name("final_conv.0"));
    x = mdx23c_act(n, x, weight_name("final_conv.1"));
    return mdx23c_conv(n, x, config->stem_count * stem_channels, conv_1x1, KEYS_LAST,
                       weight_name("final_conv.2"));
}

static int mdx23c_describe(Network *n, int samples) {
    const Config *config = n->config;
    StftAttributes stft = {config->n_fft, config->hop_length, config->dim_f, config->num_subbands,
                           false};
    int waveform = graph_input(&n->graph, config->channels, samples);
    network_part(n, "stft", "STFT", 0);
    int mix = graph_stft(&n->graph, waveform, stft, "stft");
    network_part(n, "first_conv", "first conv", 0);
    int first =
        mdx23c_conv(n, mix, config->num_channels, conv_1x1, KEYS_FIRST, weight_name("first_conv"));
    int x = mdx23c_unet(n, first);
    network_part(n, "final_conv", "final convs", 0);
    x = mdx23c_final(n, x, first, mix);
    network_part(n, "istft", "inverse STFT", 0);
    return graph_istft(&n->graph, x, stft, samples, "istft");
}

/* ---- What a mismatch may come from ---- */

static bool mdx23c_has_statistics(const Checkpoint *checkpoint) {
    size_t count;
    const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
    for (size_t i = 0; i < count; i++)
        if (weight_slot(tensors[i].name) == WEIGHT_RUNNING_MEAN)
            return true;
    return false;
}

static bool mdx23c_hint(const Config *config, const Checkpoint *checkpoint, char *hint,
                        size_t size) {
    int scales = checkpoint_count_numbered(checkpoint, "encoder_blocks.");
    int blocks = checkpoint_count_numbered(checkpoint, "bottleneck_block.blocks.");
    if (scales > 0 && scales != config->num_scales)
        snprintf(hint, size,
                 "the checkpoint has %d encoder blocks, so model.num_scales, %d, should be %d",
                 scales, config->num_scales, scales);
    else if (blocks > 0 && blocks != config->num_blocks_per_scale)
        snprintf(hint, size,
                 "the checkpoint has %d blocks per scale, so model.num_blocks_per_scale, %d, "
                 "should be %d",
                 blocks, config->num_blocks_per_scale, blocks);
    else if (config->norm == NORM_NONE && strcmp(config->norm_name, "none") != 0)
        snprintf(hint, size,
                 "model.norm, %s, counts as none: cleave knows InstanceNorm, BatchNorm and, with "
                 "its number, GroupNorm",
                 config->norm_name);
    else if (config->norm != NORM_BATCH && mdx23c_has_statistics(checkpoint))
        snprintf(hint, size,
                 "the checkpoint has running statistics, so model.norm, %s, should be BatchNorm",
                 config->norm_name);
    else
        return false;
    return true;
}

const NetworkFamily mdx23c_family = {
    .name = "MDX23C",
    .mark = MDX23C_MARK,
    .own_weight = MDX23C_MARK,
    .knows = mdx23c_knows,
    .n_fft_key = "audio.n_fft",
    .hop_key = "audio.hop_length",
    .bins_key = "audio.dim_f",
    .chunks_of_frames = true,
    .integer_keys = mdx23c_integer_keys,
    .integer_key_count = sizeof(mdx23c_integer_keys) / sizeof(mdx23c_integer_keys[0]),
    .read = mdx23c_read,
    .check = mdx23c_check,
    .check_frames = mdx23c_check_frames,
    .write_sizes = mdx23c_write_sizes,
    .describe = mdx23c_describe,
    .hint = mdx23c_hint,
};
