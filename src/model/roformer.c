/* roformer.c: BS-Roformers and Mel-Band Roformers, from top to bottom, and what is wrong where a
 * checkpoint does not fit. Their configuration is in roformer_config.c. Names of weights are those
 * of the state dict. */
#include "model/roformer.h"

#include <stdio.h>
#include <string.h>

#include "graph/tokens.h"
#include "model/family_names.h"
#include "model/roformer_config.h"

/* ---- The network ---- */

#define KEYS_DIM       "model.dim"
#define KEYS_ATTENTION "model.dim, model.heads, model.dim_head"
#define KEYS_ROPE      "model.dim_head"
#define KEYS_BANDS                                                                         \
    "model.dim, model.stereo, model.stft_n_fft, model.freqs_per_bands or model.num_bands " \
    "and model.sample_rate"
#define KEYS_MASK KEYS_BANDS ", model.mask_estimator_depth, model.mlp_expansion_factor"

static bool is_mel(const Network *n) {
    return n->config->family == &mel_band_roformer_family;
}

/* One of a block's two transformers. */
typedef struct RoformerAxis {
    int number; /* in names of weights */
    int layers;
    SequenceAxis sequence;
    const Tensor *frequencies; /* of RoPE; NULL: none are stored */
} RoformerAxis;

/* RoPE's frequencies are stored again under every layer of an axis, and the last ones stored are
 * those that all of them use. */
static const Tensor *stored_frequencies(const Network *n, const RoformerAxis *axis) {
    for (int i = n->config->roformer.depth - 1; i >= 0 && n->checkpoint; i--)
        for (int j = axis->layers - 1; j >= 0; j--) {
            WeightName name =
                weight_name("layers.%d.%d.layers.%d.0.rotary_embed.freqs", i, axis->number, j);
            const Tensor *found = checkpoint_find(n->checkpoint, name.text);
            if (found)
                return found;
        }
    return NULL;
}

static void weigh_frequencies(Network *n, int attention, const RoformerAxis *axis,
                              WeightName name) {
    WeightSpec *spec = network_weigh_slot(n, attention, ATTENTION_FREQUENCIES, KEYS_ROPE,
                                          weight_name("%s.rotary_embed.freqs", name.text));
    spec->optional = true;
    spec->trained = false;
    if (attention >= 0)
        graph_set_weight(&n->graph, attention, ATTENTION_FREQUENCIES, axis->frequencies);
}

static int roformer_attention(Network *n, int x, const RoformerAxis *axis, WeightName name) {
    static const struct {
        AttentionWeight slot;
        const char *leaf;
        const char *keys;
    } weights[] = {{ATTENTION_GAMMA, "norm.gamma", KEYS_DIM},
                   {ATTENTION_QKV, "to_qkv.weight", KEYS_ATTENTION},
                   {ATTENTION_GATES, "to_gates.weight", KEYS_ATTENTION},
                   {ATTENTION_GATES_BIAS, "to_gates.bias", KEYS_ATTENTION},
                   {ATTENTION_OUT, "to_out.0.weight", KEYS_ATTENTION}};
    const RoformerConfig *c = &n->config->roformer;
    AttentionAttributes attention = {axis->sequence, c->heads, c->dim_head};
    x = graph_attention(&n->graph, x, attention, name.text);
    weigh_frequencies(n, x, axis, name);
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
        network_weigh_slot(n, x, (int)weights[i].slot, weights[i].keys,
                           weight_name("%s.%s", name.text, weights[i].leaf));
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

static int roformer_transformer(Network *n, int x, int block, const RoformerAxis *axis) {
    WeightName name = weight_name("layers.%d.%d", block, axis->number);
    for (int j = 0; j < axis->layers; j++) {
        x = roformer_attention(n, x, axis, weight_name("%s.layers.%d.0", name.text, j));
        x = roformer_feed_forward(n, x, weight_name("%s.layers.%d.1", name.text, j));
    }
    return is_mel(n) ? roformer_norm(n, x, weight_name("%s.norm", name.text)) : x;
}

static int roformer_blocks(Network *n, int x) {
    const RoformerConfig *c = &n->config->roformer;
    RoformerAxis time = {0, c->time_depth, SEQUENCE_FRAMES, NULL};
    RoformerAxis bands = {1, c->band_depth, SEQUENCE_BANDS, NULL};
    int outputs[ROFORMER_MAX_DEPTH];
    time.frequencies = stored_frequencies(n, &time);
    bands.frequencies = stored_frequencies(n, &bands);
    for (int i = 0; i < c->depth; i++) {
        network_part(n, "block", "block", i + 1);
        for (int k = 0; k < i && c->skip_connection; k++)
            x = graph_add(&n->graph, x, outputs[k], weight_name("layers.%d.skip.%d", i, k).text);
        x = roformer_transformer(n, x, i, &time);
        x = roformer_transformer(n, x, i, &bands);
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

/* Each of these keys says how many numbered modules there are. */
static bool hint_of_counts(const Config *config, const Checkpoint *checkpoint, char *hint,
                           size_t size) {
    const RoformerConfig *c = &config->roformer;
    const char *bands =
        config->family == &mel_band_roformer_family ? "num_bands" : "freqs_per_bands";
    const struct {
        const char *prefix;
        const char *key;
        int wanted;
    } counts[] = {{"band_split.to_features.", bands, c->band_count},
                  {"layers.", "depth", c->depth},
                  {"layers.0.0.layers.", "time_transformer_depth", c->time_depth},
                  {"layers.0.1.layers.", "freq_transformer_depth", c->band_depth},
                  {"mask_estimators.", "num_stems", c->stems}};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        int found = checkpoint_count_numbered(checkpoint, counts[i].prefix);
        if (found == 0 || found == counts[i].wanted)
            continue;
        snprintf(hint, size, "the checkpoint is for model.%s %d, the configuration says %d",
                 counts[i].key, found, counts[i].wanted);
        return true;
    }
    return false;
}

/* A mask's MLP has an activation between two linears, so the last one has an even number. */
static bool hint_of_masks(const Config *config, const Checkpoint *checkpoint, char *hint,
                          size_t size) {
    const RoformerConfig *c = &config->roformer;
    int linears = checkpoint_count_numbered(checkpoint, "mask_estimators.0.to_freqs.0.0.");
    int hidden = linears / 2;
    if (linears == 0 || hidden == c->hidden_layers)
        return false;
    snprintf(hint, size,
             "the checkpoint is for model.mask_estimator_depth %d, the configuration says %d",
             hidden + c->mask_depth - c->hidden_layers, c->mask_depth);
    return true;
}

static bool roformer_hint(const Config *config, const Checkpoint *checkpoint, char *hint,
                          size_t size) {
    const Tensor *split = checkpoint_find(checkpoint, "band_split.to_features.0.1.weight");
    if (hint_of_counts(config, checkpoint, hint, size))
        return true;
    if (!split || split->dim_count != 2)
        return false;
    if (split->dims[0] == config->roformer.dim)
        return hint_of_masks(config, checkpoint, hint, size);
    snprintf(hint, size, "the checkpoint is for model.dim %lld, the configuration says %d",
             (long long)split->dims[0], config->roformer.dim);
    return true;
}

/* ---- Variants ---- */

/* Whether a name begins with a pattern in which # stands for a number. */
static bool name_begins(const char *name, const char *pattern) {
    for (; *pattern; pattern++) {
        size_t digits = strspn(name, "0123456789");
        size_t length = *pattern == '#' ? digits : *name == *pattern;
        if (length == 0)
            return false;
        name += length;
    }
    return true;
}

static const char *roformer_variant(const char *name) {
    static const struct {
        const char *part;
        const char *variant;
    } signs[] = {{".lora_A", "LoRA weights that are not merged in"},
                 {".lora_B", "LoRA weights that are not merged in"},
                 {".pope_embed.", "PoPE in the place of RoPE"},
                 {".to_value_residual_mix.", "value residuals"},
                 {".0.branch.", "hyper-connections"},
                 {".segm.", "HyperACE"},
                 {".attn.to_qkv.", "conformers"},
                 {".conv.net.", "conformers"},
                 {".ff1.", "conformers"},
                 {".A_log", "Mamba2"},
                 {".mamba2_for.", "Mamba2"},
                 {".temperature", "linear attention"}};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (strstr(name, signs[i].part))
            return signs[i].variant;
    if (name_begins(name, "layers.#.2."))
        return "linear attention";
    if (name_begins(name, "mask_estimators.") &&
        !name_begins(name, "mask_estimators.#.to_freqs.#.0.#."))
        return "other mask estimators";
    return NULL;
}

/* ---- The families ---- */

#define ROFORMER_FAMILY                                                                          \
    .mark = ROFORMER_MARK, .refuse = roformer_refuse, .integer_keys = roformer_integer_keys,     \
    .integer_key_count = ROFORMER_INTEGER_KEYS, .n_fft_key = "model.stft_n_fft",                 \
    .hop_key = "model.stft_hop_length", .bins_key = "model.stft_n_fft", .check = roformer_check, \
    .check_frames = roformer_check_frames, .write_sizes = roformer_write_sizes,                  \
    .names_all_weights = true, .variant = roformer_variant, .stems_apart = true,                 \
    .describe = roformer_describe, .hint = roformer_hint

const NetworkFamily bs_roformer_family = {.name = "BS-Roformer",
                                          .own_weight = "final_norm.gamma",
                                          .knows = bs_roformer_knows,
                                          .read = bs_roformer_read,
                                          ROFORMER_FAMILY};

const NetworkFamily mel_band_roformer_family = {.name = "Mel-Band Roformer",
                                                .own_weight = MEL_OWN_WEIGHT,
                                                .knows = mel_roformer_knows,
                                                .read = mel_roformer_read,
                                                ROFORMER_FAMILY};
