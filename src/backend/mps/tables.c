/* tables.c: sizes and contents of each table. */
#include "backend/mps/tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/memory.h"
#include "dsp/stft.h"
#include "graph/rope.h"
#include "graph/tokens.h"
#include "graph/weight_check.h"

static const double pi = 3.14159265358979323846;

/* ---- Sizes ---- */

/* A sum has n_fft / 2 products of a limb with the sum of two limbs: n_fft · 2^(2 · bits) must be no
 * more than 2^24. Together limbs have 47 bits at least, as near to float64 as f32 samples need. */
Limbs limbs_of(int n_fft) {
    int log = 0;
    while (1 << log < n_fft)
        log++;
    Limbs limbs = {.bits = (24 - log) / 2};
    limbs.count = 1 + 47 / (limbs.bits + 1);
    return limbs;
}

int sequence_length(const Node *attention) {
    return attention->as.attention.axis == SEQUENCE_FRAMES ? attention->shape.height
                                                           : attention->shape.channels;
}

int bands_per_bin(const Graph *network) {
    int most = 0;
    for (int bin = 0; bin < graph_bins(network); bin++) {
        int first;
        int count = graph_bands_of_bin(network, bin, &first);
        most = count > most ? count : most;
    }
    return most;
}

/* Frames that cover a sample, at most. */
static int overlapping(const StftAttributes *stft) {
    return (stft->n_fft + stft->hop - 1) / stft->hop;
}

int table_count(const Graph *network, int index) {
    const Node *node = &network->nodes[index];
    switch (node->op) {
    case OP_STFT:
        return node->as.stft.tokens ? 6 : 2;
    case OP_ISTFT:
        return 3;
    case OP_ATTENTION:
        return 2;
    case OP_MASK:
        return bands_per_bin(network) > 1 ? 2 : 0;
    default:
        return 0;
    }
}

static Table describe_stft(const Node *node, int table) {
    int n_fft = node->as.stft.n_fft;
    if (table == TABLE_FRAMES)
        return (Table){{node->shape.height, n_fft}, 2, TABLE_I32};
    if (!node->as.stft.tokens)
        return (Table){{n_fft}, 1, TABLE_F32};
    if (table == TABLE_LEVELS)
        return (Table){{SCALE_LEVELS}, 1, TABLE_F32};
    if (table == TABLE_SCALES || table == TABLE_UNSCALE)
        return (Table){{SCALE_LEVELS + 1}, 1, TABLE_F32};
    return (Table){{limbs_of(n_fft).count, n_fft / 2, node->as.stft.bins}, 3, TABLE_F16};
}

static Table describe_istft(const Node *node, int table) {
    const StftAttributes *stft = &node->as.stft;
    if (table == TABLE_IMAGINARY)
        return (Table){{stft->n_fft / 2 + 1}, 1, TABLE_F32};
    return (Table){
        {overlapping(stft), node->shape.width}, 2, table == TABLE_OVERLAP ? TABLE_I32 : TABLE_F32};
}

Table table_describe(const Graph *network, int index, int table) {
    const Node *node = &network->nodes[index];
    switch (node->op) {
    case OP_STFT:
        return describe_stft(node, table);
    case OP_ISTFT:
        return describe_istft(node, table);
    case OP_ATTENTION:
        return (Table){{sequence_length(node), node->as.attention.dim_head / 2}, 2, TABLE_F32};
    default:
        return (Table){{bands_per_bin(network), node->shape.width},
                       2,
                       table == TABLE_MASK_PLACES ? TABLE_I32 : TABLE_F32};
    }
}

int64_t table_elements(const Table *table) {
    int64_t elements = 1;
    for (int i = 0; i < table->dim_count; i++)
        elements *= table->dims[i];
    return elements;
}

size_t table_type_bytes(TableType type) {
    return type == TABLE_F16 ? sizeof(uint16_t) : sizeof(float);
}

/* ---- STFT ---- */

static void fill_frames(int32_t *to, const Node *stft, int samples) {
    int n_fft = stft->as.stft.n_fft;
    for (int frame = 0; frame < stft->shape.height; frame++)
        for (int i = 0; i < n_fft; i++)
            *to++ = stft_reflect(frame * stft->as.stft.hop - n_fft / 2 + i, samples);
}

/* Samples 1 to n_fft / 2 of each frame, and behind them their mirror images: n_fft - 1 down to
 * n_fft / 2. Sample 0 does not count: its window is 0. */
static void fill_mirrored_frames(int32_t *to, const Node *stft, int samples) {
    int half = stft->as.stft.n_fft / 2;
    for (int frame = 0; frame < stft->shape.height; frame++) {
        int centre = frame * stft->as.stft.hop;
        for (int i = 1; i <= half; i++)
            *to++ = stft_reflect(centre - half + i, samples);
        for (int i = 1; i <= half; i++)
            *to++ = stft_reflect(centre + half - i, samples);
    }
}

static void fill_window(float *to, int n_fft) {
    for (int i = 0; i < n_fft; i++)
        to[i] = (float)hann_window(i, n_fft);
}

static void fill_levels(float *to) {
    for (int i = 0; i < SCALE_LEVELS; i++)
        to[i] = ldexpf(1, i - SCALE_LEVELS / 2);
}

static void fill_scales(float *to, int sign) {
    for (int i = 0; i <= SCALE_LEVELS; i++)
        to[i] = ldexpf(1, sign * (SCALE_LEVELS / 2 - i));
}

/* The limbs of a number, `stride` apart. */
static void write_limbs(uint16_t *to, size_t stride, Limbs limbs, double number) {
    double rest = ldexp(number, limbs.bits);
    for (int i = 0; i < limbs.count; i++, to += stride) {
        double limb = rint(rest);
        *to = half_from_float((float)limb);
        rest = ldexp(rest - limb, limbs.bits + 1);
    }
}

/* wave: one period of n_fft values. The sample in the middle is its own mirror image, so it comes
 * in twice and counts half. */
static void fill_waves(uint16_t *to, const StftAttributes *stft, const double *wave) {
    int n_fft = stft->n_fft;
    size_t stride = (size_t)(n_fft / 2) * (size_t)stft->bins;
    Limbs limbs = limbs_of(n_fft);
    for (int i = 1; i <= n_fft / 2; i++) {
        double window = hann_window(i, n_fft) / (2 * i == n_fft ? 2 : 1);
        for (int bin = 0; bin < stft->bins; bin++)
            write_limbs(to++, stride, limbs, window * wave[(int64_t)i * bin % n_fft]);
    }
}

static cleave_status fill_transform(uint16_t *to, const Node *node, bool sines,
                                    cleave_error *error) {
    int n_fft = node->as.stft.n_fft;
    double *wave = calloc((size_t)n_fft, sizeof(*wave));
    if (!wave)
        return error_memory(error, node->name, (size_t)n_fft * sizeof(*wave));
    for (int i = 0; i < n_fft; i++)
        wave[i] = sines ? -sin(2 * pi * i / n_fft) : cos(2 * pi * i / n_fft);
    if (sines)
        wave[n_fft / 2] = 0;
    fill_waves(to, &node->as.stft, wave);
    free(wave);
    return CLEAVE_OK;
}

static cleave_status fill_stft(const Graph *network, const Node *node, int table, void *to,
                               cleave_error *error) {
    int samples = network->nodes[node->inputs[0]].shape.width;
    if (!node->as.stft.tokens && table == TABLE_WINDOW)
        fill_window(to, node->as.stft.n_fft);
    else if (!node->as.stft.tokens)
        fill_frames(to, node, samples);
    else if (table == TABLE_FRAMES)
        fill_mirrored_frames(to, node, samples);
    else if (table == TABLE_LEVELS)
        fill_levels(to);
    else if (table == TABLE_SCALES || table == TABLE_UNSCALE)
        fill_scales(to, table == TABLE_SCALES ? 1 : -1);
    else
        return fill_transform(to, node, table == TABLE_SINES, error);
    return CLEAVE_OK;
}

/* ---- Inverse STFT ---- */

/* Of the first bin, and where there is a Nyquist bin of that, the imaginary part does not count. */
static void fill_imaginary(float *to, int n_fft) {
    int bins = n_fft / 2 + 1;
    for (int i = 0; i < bins; i++)
        to[i] = i == 0 || 2 * i == n_fft ? 0.0f : 1.0f;
}

/* The frames that cover a sample of the inverse STFT. */
typedef struct Cover {
    int first; /* frame; the others come before it, down to frame 0 */
    int at;    /* place in that frame; in each one before it is a hop more */
} Cover;

static Cover find_cover(const Node *istft, int frames, int sample) {
    int position = sample + istft->as.stft.n_fft / 2;
    int first = position / istft->as.stft.hop;
    if (first > frames - 1)
        first = frames - 1;
    return (Cover){first, position - first * istft->as.stft.hop};
}

static double window_sum(const Node *istft, Cover cover) {
    int n_fft = istft->as.stft.n_fft;
    double sum = 0;
    for (int r = 0, at = cover.at; r <= cover.first && at < n_fft; r++, at += istft->as.stft.hop)
        sum += hann_window(at, n_fft) * hann_window(at, n_fft);
    return sum;
}

/* Places (to an array of int32_t) or factors (of float) of one sample; its factors share out 1 over
 * the sum of squared windows. */
static void fill_sample(void *to, const Node *istft, int table, int frames, int sample) {
    int n_fft = istft->as.stft.n_fft;
    size_t samples = (size_t)istft->shape.width;
    Cover cover = find_cover(istft, frames, sample);
    double sum = window_sum(istft, cover);
    for (int r = 0; r < overlapping(&istft->as.stft); r++) {
        int at = cover.at + r * istft->as.stft.hop;
        bool covered = r <= cover.first && at < n_fft && sum > 0;
        size_t place = (size_t)r * samples + (size_t)sample;
        if (table == TABLE_OVERLAP)
            ((int32_t *)to)[place] = covered ? (cover.first - r) * n_fft + at : 0;
        else
            ((float *)to)[place] = covered ? (float)(hann_window(at, n_fft) / sum) : 0.0f;
    }
}

/* Factors of samples that the inverse leaves out are 0. */
static void fill_istft(const Graph *network, const Node *node, int table, void *to) {
    const StftAttributes *stft = &node->as.stft;
    int frames = network->nodes[node->inputs[0]].shape.height;
    int length = istft_filled(stft, frames, node->shape.width);
    if (table == TABLE_IMAGINARY) {
        fill_imaginary(to, stft->n_fft);
        return;
    }
    memset(to, 0, (size_t)overlapping(stft) * (size_t)node->shape.width * sizeof(float));
    for (int sample = 0; sample < length; sample++)
        fill_sample(to, node, table, frames, sample);
}

/* ---- RoPE ---- */

static cleave_status fill_rope(const Graph *network, const Node *node, int table, float *to,
                               cleave_error *error) {
    int dim_head = node->as.attention.dim_head;
    double share = pow(dim_head, -0.25);
    float *frequencies = malloc((size_t)dim_head / 2 * sizeof(*frequencies));
    if (!frequencies)
        return error_memory(error, node->name, (size_t)dim_head / 2 * sizeof(*frequencies));
    cleave_status status = weight_check(graph_weight(network, node, ATTENTION_FREQUENCIES),
                                        rope_frequencies(network, node, frequencies), error);
    for (int position = 0; position < sequence_length(node) && status == CLEAVE_OK; position++)
        for (int j = 0; j < dim_head / 2; j++) {
            double angle = position * (double)frequencies[j];
            *to++ = (float)(share * (table == TABLE_ROPE_SINES ? sin(angle) : cos(angle)));
        }
    free(frequencies);
    return status;
}

/* ---- Masks ---- */

/* Where the features of one bin are among those of all bands, and how much each counts. */
static void fill_bin(const Graph *network, const Node *node, int table, int bin, void *to) {
    int features = graph_bin_features(network, node);
    int first;
    double share = 1.0 / graph_bands_of_bin(network, bin, &first);
    int begin = 0; /* of the band, among the features of all */
    int r = 0;
    for (int band = 0; band < network->band_count; band++) {
        int within = bin - network->bands[band].first;
        for (int i = 0; i < features && band_holds(&network->bands[band], bin); i++) {
            size_t place = (size_t)r * (size_t)node->shape.width + (size_t)(bin * features + i);
            if (table == TABLE_MASK_PLACES)
                ((int32_t *)to)[place] = begin + within * features + i;
            else
                ((float *)to)[place] = (float)share;
        }
        r += band_holds(&network->bands[band], bin);
        begin += graph_band_features(network, node, band);
    }
}

static void fill_mask(const Graph *network, const Node *node, int table, void *to) {
    int bins = node->shape.width / graph_bin_features(network, node);
    size_t places = (size_t)bands_per_bin(network) * (size_t)node->shape.width;
    memset(to, 0, places * sizeof(float));
    for (int bin = 0; bin < bins; bin++)
        fill_bin(network, node, table, bin, to);
}

cleave_status table_fill(const Graph *network, int index, int table, void *to,
                         cleave_error *error) {
    const Node *node = &network->nodes[index];
    switch (node->op) {
    case OP_STFT:
        return fill_stft(network, node, table, to, error);
    case OP_ISTFT:
        fill_istft(network, node, table, to);
        break;
    case OP_ATTENTION:
        return fill_rope(network, node, table, to, error);
    default:
        fill_mask(network, node, table, to);
    }
    return CLEAVE_OK;
}
