/* roformer_config.c: the section "model" of BS-Roformers and Mel-Band Roformers. */
#include "model/roformer_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/config_check.h"
#include "model/refuse.h"
#include "model/roformer_bands.h"

#define MAX_BANDS 4096

/* ---- Which network it is ---- */

static bool model_has(const YamlTree *tree, const YamlNode *model, const char *key) {
    return !yaml_is_null(yaml_find(tree, model, key));
}

/* A key of Mamba2 networks, which have neither dim nor depth. */
#define MAMBA_KEY "num_repeat_mask"

static bool has_dim_and_depth(const YamlTree *tree, const YamlNode *model) {
    return model_has(tree, model, "dim") && model_has(tree, model, "depth");
}

/* Of a Roformer whose section "model" does not say how its bins are grouped: training.model_type
 * says which one it is, else the checkpoint. */
static bool is_mel_by_type(const YamlTree *tree, const Checkpoint *checkpoint) {
    const YamlNode *training = yaml_find(tree, yaml_root(tree), "training");
    const YamlNode *type = yaml_find(tree, training, "model_type");
    const char *text = type && type->kind == YAML_SCALAR ? type->text : "";
    if (strcmp(text, "mel_band_roformer") == 0 || strcmp(text, "bs_roformer") == 0)
        return strcmp(text, "mel_band_roformer") == 0;
    return checkpoint && checkpoint_find(checkpoint, MEL_OWN_WEIGHT);
}

bool bs_roformer_knows(const YamlTree *tree, const YamlNode *model, const Checkpoint *checkpoint) {
    if (model_has(tree, model, "freqs_per_bands") || model_has(tree, model, MAMBA_KEY))
        return true;
    return has_dim_and_depth(tree, model) && !model_has(tree, model, "num_bands") &&
           !is_mel_by_type(tree, checkpoint);
}

bool mel_roformer_knows(const YamlTree *tree, const YamlNode *model, const Checkpoint *checkpoint) {
    if (bs_roformer_knows(tree, model, checkpoint))
        return false;
    return has_dim_and_depth(tree, model) ||
           (model_has(tree, model, "num_bands") &&
            (model_has(tree, model, "dim") || model_has(tree, model, "depth")));
}

/* ---- Variants ---- */

/* Keys of "model" that make it another network, but for one value: false counts as 0. */
#define NO_VALUE (-1)

static const struct {
    const char *key;
    double harmless;
    const char *variant;
} variant_keys[] = {
    {"use_pope", 0, "PoPE in the place of RoPE"},
    {"use_value_residual_learning", 0, "value residuals"},
    {"num_residual_streams", 1, "hyper-connections"},
    {"linear_transformer_depth", 0, "linear attention"},
    {"time_conformer_depth", NO_VALUE, "conformers"},
    {"freq_conformer_depth", NO_VALUE, "conformers"},
    {"conv_kernel_size", NO_VALUE, "conformers"},
    {MAMBA_KEY, NO_VALUE, "Mamba2"},
};

static bool node_equals(const YamlNode *node, double wanted) {
    bool flag = false;
    double number = NO_VALUE;
    if (node->kind != YAML_SCALAR)
        return false;
    if (yaml_boolean(node->text, &flag))
        return wanted == (flag ? 1 : 0);
    return yaml_number(node->text, &number) && wanted == number;
}

static cleave_status refuse_variants(const ConfigReader *r) {
    for (size_t i = 0; i < sizeof(variant_keys) / sizeof(variant_keys[0]); i++) {
        const YamlNode *node = config_find(r, "model", variant_keys[i].key);
        if (!node || node_equals(node, variant_keys[i].harmless))
            continue;
        return error_advise(r->error,
                            config_refuse(r, node, "model.%s: this is a Roformer with %s",
                                          variant_keys[i].key, variant_keys[i].variant),
                            "cleave runs Roformers without that");
    }
    return CLEAVE_OK;
}

cleave_status roformer_refuse(const ConfigReader *r) {
    cleave_status status = refuse_variants(r);
    const YamlNode *list = config_find(r, "model", "freqs_per_bands");
    if (status != CLEAVE_OK || !list || !config_find(r, "model", "num_bands"))
        return status;
    return error_advise(r->error,
                        config_refuse(r, list,
                                      "model has freqs_per_bands, as a BS-Roformer, and num_bands, "
                                      "as a Mel-Band Roformer"),
                        "remove the key that is not of this network");
}

/* ---- Numbers and flags ---- */

#define FIELD(name) offsetof(Config, name)

const IntegerKey roformer_integer_keys[ROFORMER_INTEGER_KEYS] = {
    {"model", "stft_n_fft", 4, 1 << 20, 2048, FIELD(n_fft)},
    {"model", "stft_hop_length", 1, 1 << 20, 512, FIELD(hop_length)},
    {"model", "dim", 1, 1 << 16, CONFIG_REQUIRED, FIELD(roformer.dim)},
    {"model", "depth", 1, ROFORMER_MAX_DEPTH, CONFIG_REQUIRED, FIELD(roformer.depth)},
    {"model", "num_stems", 1, 256, 1, FIELD(roformer.stems)},
    {"model", "time_transformer_depth", 1, 64, 2, FIELD(roformer.time_depth)},
    {"model", "freq_transformer_depth", 1, 64, 2, FIELD(roformer.band_depth)},
    {"model", "dim_head", 2, 1 << 12, 64, FIELD(roformer.dim_head)},
    {"model", "heads", 1, 1 << 12, 8, FIELD(roformer.heads)},
    {"model", "mlp_expansion_factor", 1, 64, 4, FIELD(roformer.expansion)},
};

static const IntegerKey bs_integer_keys[] = {
    {"model", "mask_estimator_depth", 1, 64, 2, FIELD(roformer.mask_depth)},
};

static const IntegerKey mel_integer_keys[] = {
    {"model", "mask_estimator_depth", 0, 64, 1, FIELD(roformer.mask_depth)},
    {"model", "num_bands", 1, MAX_BANDS, 60, FIELD(roformer.mel_bands)},
    {"model", "sample_rate", 1000, 1000000, 44100, FIELD(roformer.mel_rate)},
};

static cleave_status read_flags(const ConfigReader *r) {
    RoformerConfig *c = &r->config->roformer;
    cleave_status status = config_read_boolean(r, "model", "stereo", false, &c->stereo);
    if (status == CLEAVE_OK)
        status = config_read_boolean(r, "model", "zero_dc", true, &c->zero_dc);
    if (status == CLEAVE_OK)
        status = config_read_boolean(r, "model", "skip_connection", false, &c->skip_connection);
    r->config->channels = c->stereo ? 2 : 1;
    return status;
}

/* The window's length where the configuration has none. A shorter transform has a window of its own
 * length then: nothing else can be meant. */
#define DEFAULT_WINDOW 2048

/* A window shorter than the transform would be another network; no public one has it. */
static cleave_status check_window(const ConfigReader *r) {
    const IntegerKey key = {"model", "stft_win_length", 1, 1 << 20, 0, 0};
    const YamlNode *node = config_find(r, "model", key.name);
    int n_fft = r->config->n_fft;
    int length = n_fft < DEFAULT_WINDOW ? n_fft : DEFAULT_WINDOW;
    cleave_status status = node ? config_read_integer(r, node, &key, &length) : CLEAVE_OK;
    if (status != CLEAVE_OK || length == n_fft)
        return status;
    return model_refuse(r->error, r->source,
                        "cleave runs networks whose window is as long as the transform",
                        "model.stft_win_length is %d%s, and model.stft_n_fft %d", length,
                        node ? "" : ", its default", n_fft);
}

/* ---- Bands ---- */

static cleave_status make_bands(const ConfigReader *r, int count) {
    RoformerConfig *c = &r->config->roformer;
    size_t bytes = size_max((size_t)count, 1) * sizeof(*c->bands);
    c->bands = malloc(bytes);
    c->band_count = count;
    return c->bands ? CLEAVE_OK : error_memory(r->error, "the bands", bytes);
}

static cleave_status read_mel_bands(const ConfigReader *r) {
    RoformerConfig *c = &r->config->roformer;
    cleave_status status = make_bands(r, c->mel_bands);
    if (status != CLEAVE_OK)
        return status;
    mel_bands(c->bands, c->band_count, r->config->n_fft, c->mel_rate);
    for (int i = 0; i < c->band_count; i++)
        if (c->bands[i].bins < 1)
            return model_refuse(r->error, r->source, "fewer bands or a larger stft_n_fft work",
                                "band %d of the %d of model.num_bands has no bin of an STFT with "
                                "model.stft_n_fft %d",
                                i, c->band_count, r->config->n_fft);
    return CLEAVE_OK;
}

/* Reads model.freqs_per_bands into bins[MAX_BANDS]. */
static cleave_status read_band_sizes(const ConfigReader *r, const YamlNode *list, int *bins,
                                     int *count) {
    const IntegerKey key = {"model", "freqs_per_bands", 1, 1 << 20, 0, 0};
    int position;
    const YamlNode *child = yaml_first(r->tree, list, &position);
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
        return config_refuse(r, list, "model.freqs_per_bands must be a list of numbers of bins");
    return CLEAVE_OK;
}

/* One band behind the other. */
static cleave_status set_bands(const ConfigReader *r, const int *bins, int count) {
    const Config *c = r->config;
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += bins[i];
    if (sum != c->dim_f)
        return model_refuse(r->error, r->source, "each bin must be in one band",
                            "model.freqs_per_bands%s has %" PRId64
                            " bins, but an STFT with model.stft_n_fft %d has %d",
                            bins == bs_default_bins ? ", by default," : "", sum, c->n_fft,
                            c->dim_f);
    cleave_status status = make_bands(r, count);
    for (int i = 0, first = 0; i < count && status == CLEAVE_OK; i++) {
        c->roformer.bands[i] = (Band){first, bins[i]};
        first += bins[i];
    }
    return status;
}

static cleave_status read_bs_bands(const ConfigReader *r) {
    const YamlNode *list = config_find(r, "model", "freqs_per_bands");
    int count = 0;
    if (!list)
        return set_bands(r, bs_default_bins, BS_DEFAULT_BANDS);
    int *bins = calloc(MAX_BANDS, sizeof(*bins));
    if (!bins)
        return error_memory(r->error, "the bands", MAX_BANDS * sizeof(*bins));
    cleave_status status = read_band_sizes(r, list, bins, &count);
    if (status == CLEAVE_OK)
        status = set_bands(r, bins, count);
    free(bins);
    return status;
}

/* ---- All of it ---- */

static cleave_status read_common(const ConfigReader *r, const IntegerKey *keys, size_t count) {
    cleave_status status = read_flags(r);
    if (status == CLEAVE_OK)
        status = check_window(r);
    if (status == CLEAVE_OK)
        status = config_read_integers(r, keys, count);
    r->config->dim_f = r->config->n_fft / 2 + 1;
    return status;
}

cleave_status bs_roformer_read(const ConfigReader *r) {
    cleave_status status =
        read_common(r, bs_integer_keys, sizeof(bs_integer_keys) / sizeof(bs_integer_keys[0]));
    if (status != CLEAVE_OK)
        return status;
    r->config->roformer.hidden_layers = r->config->roformer.mask_depth - 1;
    return read_bs_bands(r);
}

cleave_status mel_roformer_read(const ConfigReader *r) {
    cleave_status status =
        read_common(r, mel_integer_keys, sizeof(mel_integer_keys) / sizeof(mel_integer_keys[0]));
    if (status != CLEAVE_OK)
        return status;
    r->config->roformer.hidden_layers = r->config->roformer.mask_depth;
    return read_mel_bands(r);
}

/* ---- The sizes that fit ---- */

/* No network for separation has more weights than this; each costs memory to list. */
#define MAX_WEIGHTS ((int64_t)200000)

static int64_t count_weights(const RoformerConfig *c) {
    int64_t layers = (int64_t)c->depth * (c->time_depth + c->band_depth);
    int64_t linears = (int64_t)c->stems * c->band_count * (c->hidden_layers + 1);
    return layers * ((int)ATTENTION_WEIGHTS + (int)FEED_FORWARD_WEIGHTS) + 2 * (int64_t)c->depth +
           (int64_t)c->band_count * SPLIT_WEIGHTS + 2 * linears;
}

cleave_status roformer_check(const Config *config, const char *source, cleave_error *error) {
    const RoformerConfig *c = &config->roformer;
    if (config->n_fft % 2 != 0)
        return model_refuse(error, source, "it must be even", "model.stft_n_fft is %d",
                            config->n_fft);
    /* The end of a chunk lies behind the last frame's centre, by up to one hop. */
    if (config->hop_length > config->n_fft / 2)
        return model_refuse(error, source, NULL,
                            "model.stft_hop_length is %d, more than half of model.stft_n_fft, %d",
                            config->hop_length, config->n_fft);
    if (c->dim_head % 2 != 0)
        return model_refuse(error, source, "it must be even, since RoPE turns pairs of features",
                            "model.dim_head is %d", c->dim_head);
    if (c->stems != config->stem_count)
        return model_refuse(error, source, NULL,
                            "model.num_stems is %d, but training names %d stem%s", c->stems,
                            config->stem_count, config->stem_count == 1 ? "" : "s");
    if (count_weights(c) > MAX_WEIGHTS)
        return model_refuse(error, source, "check model.depth, num_stems and the bands",
                            "the network would have %" PRId64
                            " weights, and no network for separation has more than %" PRId64,
                            count_weights(c), MAX_WEIGHTS);
    return CLEAVE_OK;
}

/* What one frame takes in the largest value: tokens within attention or a feed-forward, the masks'
 * hidden layers, or the stems' spectrograms. All factors are small enough not to overflow. */
static int64_t floats_per_frame(const Config *config) {
    const RoformerConfig *c = &config->roformer;
    int64_t inner = (int64_t)c->heads * c->dim_head;
    int64_t tokens = c->band_count * int64_max(3 * inner, 4 * (int64_t)c->dim);
    int64_t hidden = (int64_t)c->band_count * c->dim * c->expansion;
    int64_t masks = (int64_t)c->stems * config->dim_f * 8 * config->channels;
    return int64_max(tokens, int64_max(hidden, masks));
}

cleave_status roformer_check_frames(const Config *config, int frames, const char *what,
                                    cleave_error *error) {
    int64_t each = floats_per_frame(config);
    if (frames > 0 && each <= CONFIG_MOST_ELEMENTS / frames)
        return CLEAVE_OK;
    error_set(error, CLEAVE_ERROR_MODEL,
              "%s gives %d frames of %" PRId64 " numbers each, which no machine holds", what,
              frames, each);
    return error_advise(error, CLEAVE_ERROR_MODEL,
                        "check chunk_size, model.dim, model.heads and model.dim_head");
}

void roformer_write_sizes(const Config *config, char *text, size_t size) {
    const RoformerConfig *c = &config->roformer;
    snprintf(text, size,
             "%d bands, %d blocks of %d + %d layers, dim %d, %d heads of %d, masks of depth %d and "
             "expansion %d",
             c->band_count, c->depth, c->time_depth, c->band_depth, c->dim, c->heads, c->dim_head,
             c->mask_depth, c->expansion);
}
