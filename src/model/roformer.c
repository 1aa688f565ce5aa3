/* roformer.c: all that is special about BS-Roformers and Mel-Band Roformers: their configuration,
 * the sizes that fit, the network from top to bottom, and the variants that cleave does not run.
 * Names of weights are those of the state dict. */
#include "model/roformer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/tokens.h"
#include "model/family_names.h"
#include "model/refuse.h"
#include "model/roformer_bands.h"

#define MAX_DEPTH 1024
#define MAX_BANDS 4096

/* ---- The configuration ---- */

static const YamlNode *model_find(const YamlTree *tree, const YamlNode *model, const char *key) {
    const YamlNode *node = yaml_find(tree, model, key);
    return yaml_is_null(node) ? NULL : node;
}

/* A Roformer that says neither how its bins are grouped nor, in training.model_type, what it is. */
static bool has_no_bands(const YamlTree *tree, const YamlNode *model) {
    return model_find(tree, model, "dim") && model_find(tree, model, "depth") &&
           !model_find(tree, model, "freqs_per_bands") && !model_find(tree, model, "num_bands") &&
           !model_find(tree, model, "num_subbands");
}

static bool has_type(const YamlTree *tree, const char *type) {
    const YamlNode *training = yaml_find(tree, yaml_root(tree), "training");
    const YamlNode *found = yaml_find(tree, training, "model_type");
    return found && found->kind == YAML_SCALAR && strcmp(found->text, type) == 0;
}

static bool mel_knows(const YamlTree *tree, const YamlNode *model) {
    if (model_find(tree, model, "num_subbands"))
        return false;
    if (has_no_bands(tree, model))
        return has_type(tree, "mel_band_roformer");
    return model_find(tree, model, "num_bands") && model_find(tree, model, "dim") &&
           model_find(tree, model, "depth");
}

static bool bs_knows(const YamlTree *tree, const YamlNode *model) {
    if (model_find(tree, model, "num_subbands") || mel_knows(tree, model))
        return false;
    return model_find(tree, model, "freqs_per_bands") || has_no_bands(tree, model);
}

#define FIELD(name) offsetof(Config, name)

static const IntegerKey roformer_integer_keys[] = {
    {"model", "stft_n_fft", 4, 1 << 20, 2048, FIELD(n_fft)},
    {"model", "stft_hop_length", 1, 1 << 20, 512, FIELD(hop_length)},
    {"model", "dim", 1, 1 << 16, CONFIG_REQUIRED, FIELD(roformer.dim)},
    {"model", "depth", 1, MAX_DEPTH, CONFIG_REQUIRED, FIELD(roformer.depth)},
    {"model", "num_stems", 1, 256, 1, FIELD(roformer.stems)},
    {"model", "time_transformer_depth", 1, 64, 2, FIELD(roformer.time_depth)},
    {"model", "freq_transformer_depth", 1, 64, 2, FIELD(roformer.band_depth)},
    {"model", "dim_head", 2, 1 << 12, 64, FIELD(roformer.dim_head)},
    {"model", "heads", 1, 1 << 12, 8, FIELD(roformer.heads)},
    {"model", "mlp_expansion_factor", 1, 64, 4, FIELD(roformer.expansion)},
};

static const IntegerKey mel_integer_keys[] = {
    {"model", "num_bands", 1, MAX_BANDS, 60, FIELD(roformer.mel_bands)},
    {"model", "sample_rate", 1000, 1000000, 44100, FIELD(roformer.mel_rate)},
    {"model", "mask_estimator_depth", 0, 64, 1, FIELD(roformer.mask_depth)},
};

static const IntegerKey bs_integer_keys[] = {
    {"model", "mask_estimator_depth", 1, 64, 2, FIELD(roformer.mask_depth)},
};

/* Keys of "model" that make a network another than the one here. A value that changes nothing
 * passes. */
static const struct {
    const char *key;
    const char *harmless; /* value */
    const char *variant;
} variant_keys[] = {
    {"use_pope", "false", "PoPE instead of RoPE"},
    {"use_value_residual_learning", "false", "value residuals"},
    {"num_residual_streams", "1", "hyper-connections"},
    {"linear_transformer_depth", "0", "linear attention"},
    {"time_conformer_depth", NULL, "a conformer"},
    {"freq_conformer_depth", NULL, "a conformer"},
    {"conv_kernel_size", NULL, "a conformer"},
};

static cleave_status roformer_refuse(const ConfigReader *r) {
    for (size_t i = 0; i < sizeof(variant_keys) / sizeof(variant_keys[0]); i++) {
        const YamlNode *node = config_find(r, "model", variant_keys[i].key);
        const char *harmless = variant_keys[i].harmless;
        bool flag = true;
        double number = 0;
        if (!node)
            continue;
        if (node->kind == YAML_SCALAR && harmless &&
            ((yaml_boolean(node->text, &flag) && !flag && strcmp(harmless, "false") == 0) ||
             (yaml_number(node->text, &number) && strcmp(harmless, "false") != 0 &&
              number == harmless[0] - '0')))
            continue;
        return error_advise(r->error,
                            config_refuse(r, node, "model.%s: this is a variant with %s",
                                          variant_keys[i].key, variant_keys[i].variant),
                            "cleave runs plain Roformers");
    }
    return CLEAVE_OK;
}

static cleave_status read_flags(const ConfigReader *r) {
    RoformerConfig *c = &r->config->roformer;
    cleave_status status = config_read_boolean(r, "model", "stereo", false, &c->stereo);
    if (status == CLEAVE_OK)
        status = config_read_boolean(r, "model", "zero_dc", true, &c->zero_dc);
    if (status == CLEAVE_OK)
        status = config_read_boolean(r, "model", "skip_connection", false, &c->skip_connection);
    return status;
}

/* A window shorter than the transform is a network of its own kind; no public one has it. */
static cleave_status check_window(const ConfigReader *r) {
    const IntegerKey key = {"model", "stft_win_length", 1, 1 << 20, 0, 0};
    const YamlNode *node = config_find(r, "model", key.name);
    int length = r->config->n_fft;
    cleave_status status = node ? config_read_integer(r, node, &key, &length) : CLEAVE_OK;
    if (status == CLEAVE_OK && length != r->config->n_fft)
        status = error_advise(r->error,
                              config_refuse(r, node,
                                            "model.stft_win_length is %d, and model.stft_n_fft %d",
                                            length, r->config->n_fft),
                              "cleave runs networks whose window is as long as the transform");
    return status;
}

static cleave_status read_common(const ConfigReader *r) {
    Config *c = r->config;
    cleave_status status = read_flags(r);
    if (status == CLEAVE_OK)
        status = check_window(r);
    c->channels = c->roformer.stereo ? 2 : 1;
    c->dim_f = c->n_fft / 2 + 1;
    return status;
}

static bool make_bands(Config *config, int count) {
    config->roformer.bands = calloc((size_t)count, sizeof(*config->roformer.bands));
    config->roformer.band_count = count;
    return config->roformer.bands != NULL;
}

static cleave_status read_mel_bands(const ConfigReader *r) {
    RoformerConfig *c = &r->config->roformer;
    if (!make_bands(r->config, c->mel_bands))
        return error_memory(r->error, "the bands", sizeof(Band));
    mel_bands(c->bands, c->mel_bands, r->config->n_fft, c->mel_rate);
    for (int i = 0; i < c->band_count; i++)
        if (c->bands[i].bins < 1)
            return model_refuse(
                r->error, r->source, NULL,
                "band %d of model.num_bands, %d, has no bin of model.stft_n_fft, %d", i,
                c->band_count, r->config->n_fft);
    return CLEAVE_OK;
}

/* The numbers of model.freqs_per_bands; returns how many, or -1 after an error. */
static cleave_status read_bin_counts(const ConfigReader *r, const YamlNode *list, int *bins,
                                     int *count) {
    const IntegerKey key = {"model", "freqs_per_bands", 1, 1 << 20, 0, 0};
    int position;
    const YamlNode *child = yaml_first(r->tree, list, &position);
    *count = 0;
    for (; child && list->kind == YAML_SEQUENCE; child = yaml_next(r->tree, &position)) {
        if (*count == MAX_BANDS)
            return config_refuse(r, list, "model.freqs_per_bands has more than %d bands",
                                 MAX_BANDS);
        cleave_status status = config_read_integer(r, child, &key, &bins[*count]);
        if (status != CLEAVE_OK)
            return status;
        ++*count;
    }
    if (*count == 0)
        return config_refuse(r, list, "model.freqs_per_bands must be a list of numbers");
    return CLEAVE_OK;
}

static cleave_status set_bs_bands(const ConfigReader *r, const int *bins, int count) {
    int64_t sum = 0;
    if (!make_bands(r->config, count))
        return error_memory(r->error, "the bands", sizeof(Band));
    for (int i = 0; i < count; i++) {
        r->config->roformer.bands[i] = (Band){(int)sum, bins[i]};
        sum += bins[i];
    }
    if (sum != r->config->dim_f)
        return model_refuse(r->error, r->source, NULL,
                            "model.freqs_per_bands gives %" PRId64
                            " bins, but model.stft_n_fft, %d, has %d",
                            sum, r->config->n_fft, r->config->dim_f);
    return CLEAVE_OK;
}

static cleave_status read_bs_bands(const ConfigReader *r) {
    const YamlNode *list = config_find(r, "model", "freqs_per_bands");
    int count = 0;
    if (!list)
        return set_bs_bands(r, bs_default_bins, BS_DEFAULT_BANDS);
    if (config_find(r, "model", "num_bands"))
        return config_refuse(r, list,
                             "model has freqs_per_bands, as a BS-Roformer, and num_bands, as a "
                             "Mel-Band Roformer");
    int *bins = calloc(MAX_BANDS, sizeof(*bins));
    if (!bins)
        return error_memory(r->error, "the bands", MAX_BANDS * sizeof(*bins));
    cleave_status status = read_bin_counts(r, list, bins, &count);
    if (status == CLEAVE_OK)
        status = set_bs_bands(r, bins, count);
    free(bins);
    return status;
}

static cleave_status bs_read(const ConfigReader *r) {
    cleave_status status = read_bs_bands(r);
    r->config->roformer.hidden_layers = r->config->roformer.mask_depth - 1;
    return status;
}

static cleave_status mel_read(const ConfigReader *r) {
    const YamlNode *list = config_find(r, "model", "freqs_per_bands");
    if (list)
        return read_bs_bands(r);
    r->config->roformer.hidden_layers = r->config->roformer.mask_depth;
    return read_mel_bands(r);
}

/* ---- The sizes that fit ---- */

/* More elements than this in one value (256 GB of f32) is a lie, not a model. */
#define MAX_ELEMENTS ((int64_t)1 << 36)

static cleave_status roformer_check(const Config *c, const char *source, cleave_error *error) {
    const RoformerConfig *r = &c->roformer;
    int64_t inner = (int64_t)r->heads * r->dim_head;
    int64_t widest = 3 * inner > 4 * (int64_t)r->dim ? 3 * inner : 4 * (int64_t)r->dim;
    if (c->n_fft % 2 != 0)
        return model_refuse(error, source, NULL, "model.stft_n_fft, %d, is odd", c->n_fft);
    if (r->dim_head % 2 != 0)
        return model_refuse(error, source, NULL,
                            "model.dim_head, %d, is odd, and RoPE turns pairs of features",
                            r->dim_head);
    if (r->stems != c->stem_count)
        return model_refuse(error, source, NULL,
                            "model.num_stems is %d, but training names %d stem%s", r->stems,
                            c->stem_count, c->stem_count == 1 ? "" : "s");
    if ((int64_t)r->band_count * c->dim_t > MAX_ELEMENTS / widest)
        return model_refuse(error, source, "check chunk_size, model.dim and model.heads",
                            "a value would have %d bands of %d frames by %" PRId64
                            " features, which no machine holds",
                            r->band_count, c->dim_t, widest);
    return CLEAVE_OK;
}

static cleave_status roformer_check_frames(const Config *config, int frames, const char *what,
                                           cleave_error *error) {
    (void)config;
    if (frames > 0)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_MODEL, "%s gives %d frames", what, frames);
}

/* ---- The network ---- */

#define KEYS_DIM       "model.dim"
#define KEYS_ATTENTION "model.dim, model.heads, model.dim_head"
#define KEYS_ROPE      "model.dim_head"
#define KEYS_BANDS     "model.dim, model.freqs_per_bands or model.num_bands, model.stereo"
#define KEYS_MASK      KEYS_BANDS ", model.mask_estimator_depth, model.mlp_expansion_factor"

static bool is_mel(const Network *n) {
    return n->config->family == &mel_band_roformer_family;
}

/* RoPE's frequencies are stored again under every layer of an axis, and the last ones stored are
 * those that all of them use. */
static const Tensor *stored_frequencies(const Network *n, int axis) {
    const RoformerConfig *c = &n->config->roformer;
    int layers = axis == 0 ? c->time_depth : c->band_depth;
    for (int i = c->depth - 1; i >= 0; i--)
        for (int j = layers - 1; j >= 0; j--) {
            WeightName name =
                weight_name("layers.%d.%d.layers.%d.0.rotary_embed.freqs", i, axis, j);
            const Tensor *found = checkpoint_find(n->checkpoint, name.text);
            if (found)
                return found;
        }
    return NULL;
}

static int roformer_attention(Network *n, int x, int axis, WeightName name) {
    const RoformerConfig *c = &n->config->roformer;
    static const struct {
        AttentionWeight slot;
        const char *leaf;
        const char *keys;
    } weights[] = {{ATTENTION_FREQUENCIES, "rotary_embed.freqs", KEYS_ROPE},
                   {ATTENTION_GAMMA, "norm.gamma", KEYS_DIM},
                   {ATTENTION_QKV, "to_qkv.weight", KEYS_ATTENTION},
                   {ATTENTION_GATES, "to_gates.weight", KEYS_ATTENTION},
                   {ATTENTION_GATES_BIAS, "to_gates.bias", KEYS_ATTENTION},
                   {ATTENTION_OUT, "to_out.0.weight", KEYS_ATTENTION}};
    AttentionAttributes attention = {axis == 0 ? SEQUENCE_FRAMES : SEQUENCE_BANDS, c->heads,
                                     c->dim_head};
    x = graph_attention(&n->graph, x, attention, name.text);
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
        WeightSpec *spec = network_weigh_slot(n, x, weights[i].slot, weights[i].keys,
                                              weight_name("%s.%s", name.text, weights[i].leaf));
        spec->optional = spec->optional || weights[i].slot == ATTENTION_FREQUENCIES;
        spec->trained = weights[i].slot != ATTENTION_FREQUENCIES;
    }
    if (x >= 0 && n->checkpoint)
        graph_set_weight(&n->graph, x, ATTENTION_FREQUENCIES, stored_frequencies(n, axis));
    return x;
}

static int roformer_feed_forward(Network *n, int x, WeightName name) {
    static const char *const leaves[FEED_FORWARD_WEIGHTS] = {[FEED_FORWARD_GAMMA] = "net.0.gamma",
                                                             [FEED_FORWARD_IN] = "net.1.weight",
                                                             [FEED_FORWARD_IN_BIAS] = "net.1.bias",
                                                             [FEED_FORWARD_OUT] = "net.4.weight",
                                                             [FEED_FORWARD_OUT_BIAS] =
                                                                 "net.4.bias"};
    FeedForwardAttributes feed_forward = {4 * n->config->roformer.dim};
    x = graph_feed_forward(&n->graph, x, feed_forward, name.text);
    for (int i = 0; i < FEED_FORWARD_WEIGHTS; i++)
        network_weigh_slot(n, x, i, KEYS_DIM, weight_name("%s.%s", name.text, leaves[i]));
    return x;
}

static int roformer_norm(Network *n, int x, WeightName name) {
    x = graph_rms_norm(&n->graph, x, name.text);
    network_weigh_slot(n, x, 0, KEYS_DIM, weight_name("%s.gamma", name.text));
    return x;
}

/* One of a block's two transformers: axis 0 along the frames, 1 along the bands. */
static int roformer_transformer(Network *n, int x, int block, int axis) {
    const RoformerConfig *c = &n->config->roformer;
    WeightName name = weight_name("layers.%d.%d", block, axis);
    int layers = axis == 0 ? c->time_depth : c->band_depth;
    for (int j = 0; j < layers; j++) {
        x = roformer_attention(n, x, axis, weight_name("%s.layers.%d.0", name.text, j));
        x = roformer_feed_forward(n, x, weight_name("%s.layers.%d.1", name.text, j));
    }
    return is_mel(n) ? roformer_norm(n, x, weight_name("%s.norm", name.text)) : x;
}

static int roformer_blocks(Network *n, int x) {
    const RoformerConfig *c = &n->config->roformer;
    int outputs[MAX_DEPTH];
    for (int i = 0; i < c->depth; i++) {
        network_part(n, "block", "block", i + 1);
        for (int k = 0; k < i && c->skip_connection; k++)
            x = graph_add(&n->graph, x, outputs[k], weight_name("layers.%d.skip.%d", i, k).text);
        x = roformer_transformer(n, x, i, 0);
        x = roformer_transformer(n, x, i, 1);
        outputs[i] = x;
    }
    return x;
}

static void weigh_band_split(Network *n, int split) {
    static const char *const leaves[SPLIT_WEIGHTS] = {
        [SPLIT_GAMMA] = "0.gamma", [SPLIT_WEIGHT] = "1.weight", [SPLIT_BIAS] = "1.bias"};
    for (int k = 0; k < n->config->roformer.band_count; k++)
        for (int i = 0; i < SPLIT_WEIGHTS; i++)
            network_weigh_slot(n, split, k * SPLIT_WEIGHTS + i, KEYS_BANDS,
                               weight_name("band_split.to_features.%d.%s", k, leaves[i]));
}

/* `stem` is the network's, `number` that of the configuration. */
static void weigh_mask(Network *n, int mask, int stem, int number) {
    const RoformerConfig *c = &n->config->roformer;
    for (int k = 0; k < c->band_count && mask >= 0; k++)
        for (int l = 0; l <= c->hidden_layers; l++) {
            WeightName name = weight_name("mask_estimators.%d.to_freqs.%d.0.%d", number, k, 2 * l);
            int slot = mask_weight(&n->graph, &n->graph.nodes[mask], stem, k, l);
            network_weigh_slot(n, mask, slot, KEYS_MASK, weight_name("%s.weight", name.text));
            network_weigh_slot(n, mask, slot + 1, KEYS_MASK, weight_name("%s.bias", name.text));
        }
}

static int roformer_masks(Network *n, int x, int spectrogram) {
    const RoformerConfig *c = &n->config->roformer;
    MaskAttributes attributes = {network_stems(n->config, n->wanted), c->hidden_layers,
                                 c->dim * c->expansion, c->zero_dc};
    int mask = graph_mask(&n->graph, x, spectrogram, attributes, "mask_estimators");
    int stem = 0;
    for (int i = 0; i < c->stems; i++)
        if (!n->wanted || n->wanted[i])
            weigh_mask(n, mask, stem++, i);
    return mask;
}

static int roformer_describe(Network *n, int samples) {
    const Config *config = n->config;
    const RoformerConfig *c = &config->roformer;
    StftAttributes stft = {config->n_fft, config->hop_length, config->dim_f, 1, true};
    if (!graph_set_bands(&n->graph, c->bands, c->band_count))
        return -1;
    int waveform = graph_input(&n->graph, config->channels, samples);
    network_part(n, "stft", "STFT", 0);
    int spectrogram = graph_stft(&n->graph, waveform, stft, "stft");
    network_part(n, "band_split", "band split", 0);
    int split = graph_band_split(&n->graph, spectrogram, c->dim, "band_split");
    int x = roformer_blocks(n, split);
    if (!is_mel(n)) {
        network_part(n, "final_norm", "final norm", 0);
        x = roformer_norm(n, x, weight_name("final_norm"));
    }
    weigh_band_split(n, split); /* where the state dict has it */
    network_part(n, "masks", "masks", 0);
    x = roformer_masks(n, x, spectrogram);
    network_part(n, "istft", "inverse STFT", 0);
    return graph_istft(&n->graph, x, stft, samples, "istft");
}

/* ---- What a mismatch may come from ---- */

static bool roformer_hint(const Config *config, const Checkpoint *checkpoint, char *hint,
                          size_t size) {
    bool has_mel_norms = checkpoint_find(checkpoint, "layers.0.0.norm.gamma") != NULL;
    bool has_bs_norm = checkpoint_find(checkpoint, "final_norm.gamma") != NULL;
    bool is_mel_config = config->family == &mel_band_roformer_family;
    if (is_mel_config ? !has_bs_norm : !has_mel_norms)
        return false;
    snprintf(hint, size, "the checkpoint is of a %s, the configuration of a %s",
             has_bs_norm ? bs_roformer_family.name : mel_band_roformer_family.name,
             config->family->name);
    return true;
}

static cleave_status bs_read_all(const ConfigReader *r) {
    cleave_status status = read_common(r);
    if (status == CLEAVE_OK)
        status =
            config_read_integers(r, bs_integer_keys, sizeof(bs_integer_keys) / sizeof(IntegerKey));
    return status == CLEAVE_OK ? bs_read(r) : status;
}

static cleave_status mel_read_all(const ConfigReader *r) {
    cleave_status status = read_common(r);
    if (status == CLEAVE_OK)
        status = config_read_integers(r, mel_integer_keys,
                                      sizeof(mel_integer_keys) / sizeof(IntegerKey));
    return status == CLEAVE_OK ? mel_read(r) : status;
}

#define ROFORMER_FAMILY                                                                         \
    .refuse = roformer_refuse, .integer_keys = roformer_integer_keys,                           \
    .integer_key_count = sizeof(roformer_integer_keys) / sizeof(IntegerKey),                    \
    .mark = ROFORMER_MARK, .n_fft_key = "model.stft_n_fft", .hop_key = "model.stft_hop_length", \
    .bins_key = "model.stft_n_fft", .check = roformer_check,                                    \
    .check_frames = roformer_check_frames, .stems_apart = true, .describe = roformer_describe,  \
    .hint = roformer_hint

const NetworkFamily bs_roformer_family = {
    .name = "BS-Roformer", .knows = bs_knows, .read = bs_read_all, ROFORMER_FAMILY};

const NetworkFamily mel_band_roformer_family = {
    .name = "Mel-Band Roformer", .knows = mel_knows, .read = mel_read_all, ROFORMER_FAMILY};
