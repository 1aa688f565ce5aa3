/* network.c: the state dict of an MDX23C network as its configuration implies it, and the check of
 * a checkpoint against it. What the weights compute is builder.c's business. */
#include "model/network.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "base/text.h"

/* ---- The list of weights ---- */

typedef struct WeightList {
    const Config *config;
    WeightSpec *specs;
    size_t count;
    size_t capacity;
    bool failed; /* out of memory; further calls do nothing */
} WeightList;

#define KEYS_CHANNELS "model.num_channels, model.growth"
#define KEYS_BINS \
    "audio.dim_f, model.num_subbands, model.scale, model.num_scales, model.bottleneck_factor"
#define KEYS_NORM  "model.norm, model.num_channels, model.growth"
#define KEYS_SCALE "model.scale, model.num_channels, model.growth"
#define KEYS_FIRST "model.num_channels, audio.num_channels, model.num_subbands"
#define KEYS_LAST                                                                                \
    "training.instruments, training.target_instrument, audio.num_channels, model.num_subbands, " \
    "model.num_channels"

WeightName weight_name(const char *format, ...) {
    WeightName name;
    va_list args;
    va_start(args, format);
    vsnprintf(name.text, sizeof(name.text), format, args);
    va_end(args);
    return name;
}

static bool make_room(WeightList *list) {
    if (list->count < list->capacity)
        return true;
    size_t capacity = list->capacity ? 2 * list->capacity : 256;
    WeightSpec *specs = realloc(list->specs, capacity * sizeof(*specs));
    if (!specs)
        return false;
    list->specs = specs;
    list->capacity = capacity;
    return true;
}

/* NULL where memory ran out, now or before. */
static WeightSpec *add(WeightList *list, const char *path, const char *leaf, const char *keys) {
    list->failed = list->failed || !make_room(list);
    if (list->failed)
        return NULL;
    WeightSpec *spec = &list->specs[list->count++];
    *spec = (WeightSpec){.keys = keys};
    snprintf(spec->name, sizeof(spec->name), "%s.%s", path, leaf);
    return spec;
}

static void add_vector(WeightList *list, const char *path, const char *leaf, int size) {
    WeightSpec *spec = add(list, path, leaf, KEYS_NORM);
    if (!spec)
        return;
    spec->dim_count = 1;
    spec->dims[0] = size;
}

static void add_matrix(WeightList *list, const char *path, int rows, int columns) {
    WeightSpec *spec = add(list, path, "weight", KEYS_BINS);
    if (!spec)
        return;
    spec->dim_count = 2;
    spec->dims[0] = rows;
    spec->dims[1] = columns;
}

typedef struct Kernel {
    int height;
    int width;
} Kernel;

static void add_conv(WeightList *list, const char *path, int first, int second, Kernel kernel,
                     const char *keys) {
    WeightSpec *spec = add(list, path, "weight", keys);
    if (!spec)
        return;
    spec->dim_count = 4;
    spec->dims[0] = first;
    spec->dims[1] = second;
    spec->dims[2] = kernel.height;
    spec->dims[3] = kernel.width;
}

static void add_norm(WeightList *list, const char *path, int channels) {
    if (list->config->norm == NORM_NONE)
        return;
    add_vector(list, path, "weight", channels);
    add_vector(list, path, "bias", channels);
    if (list->config->norm != NORM_BATCH)
        return;
    add_vector(list, path, "running_mean", channels);
    add_vector(list, path, "running_var", channels);
}

static void add_block(WeightList *list, const char *path, int in, int out, int bins) {
    const Kernel square = {3, 3};
    const Kernel point = {1, 1};
    int narrow = bins / list->config->bottleneck_factor;
    add_norm(list, weight_name("%s.tfc1.0", path).text, in);
    add_conv(list, weight_name("%s.tfc1.2", path).text, out, in, square, KEYS_CHANNELS);
    add_norm(list, weight_name("%s.tdf.0", path).text, out);
    add_matrix(list, weight_name("%s.tdf.2", path).text, narrow, bins);
    add_norm(list, weight_name("%s.tdf.3", path).text, out);
    add_matrix(list, weight_name("%s.tdf.5", path).text, bins, narrow);
    add_norm(list, weight_name("%s.tfc2.0", path).text, out);
    add_conv(list, weight_name("%s.tfc2.2", path).text, out, out, square, KEYS_CHANNELS);
    add_conv(list, weight_name("%s.shortcut", path).text, out, in, point, KEYS_CHANNELS);
}

static void add_tfc_tdf(WeightList *list, const char *path, int in, int out, int bins) {
    for (int i = 0; i < list->config->num_blocks_per_scale; i++)
        add_block(list, weight_name("%s.blocks.%d", path, i).text, i == 0 ? in : out, out, bins);
}

static void add_network(WeightList *list) {
    const Config *config = list->config;
    const Kernel point = {1, 1};
    const Kernel scale = {config->scale[0], config->scale[1]};
    const int growth = config->growth;
    int mix = 2 * config->channels * config->num_subbands;
    int channels = config->num_channels;
    int bins = config->dim_f / config->num_subbands;
    add_conv(list, "first_conv", channels, mix, point, KEYS_FIRST);
    for (int i = 0; i < config->num_scales; i++) {
        add_tfc_tdf(list, weight_name("encoder_blocks.%d.tfc_tdf", i).text, channels, channels,
                    bins);
        WeightName down = weight_name("encoder_blocks.%d.downscale.conv", i);
        add_norm(list, weight_name("%s.0", down.text).text, channels);
        add_conv(list, weight_name("%s.2", down.text).text, channels + growth, channels, scale,
                 KEYS_SCALE);
        channels += growth;
        bins /= config->scale[1];
    }
    add_tfc_tdf(list, "bottleneck_block", channels, channels, bins);
    for (int i = 0; i < config->num_scales; i++) {
        WeightName up = weight_name("decoder_blocks.%d.upscale.conv", i);
        add_norm(list, weight_name("%s.0", up.text).text, channels);
        add_conv(list, weight_name("%s.2", up.text).text, channels, channels - growth, scale,
                 KEYS_SCALE);
        channels -= growth;
        bins *= config->scale[1];
        add_tfc_tdf(list, weight_name("decoder_blocks.%d.tfc_tdf", i).text, 2 * channels, channels,
                    bins);
    }
    add_conv(list, "final_conv.0", channels, channels + mix, point, KEYS_FIRST);
    add_conv(list, "final_conv.2", config->stem_count * mix, channels, point, KEYS_LAST);
}

cleave_status network_weights(const Config *config, WeightSpec **specs, size_t *count,
                              cleave_error *error) {
    WeightList list = {.config = config};
    *specs = NULL;
    *count = 0;
    add_network(&list);
    if (list.failed) {
        free(list.specs);
        return error_memory(error, "the list of weights", 2 * list.capacity * sizeof(WeightSpec));
    }
    *specs = list.specs;
    *count = list.count;
    return CLEAVE_OK;
}

int64_t network_parameters(const Config *config) {
    WeightSpec *specs = NULL;
    size_t count = 0;
    int64_t total = 0;
    if (network_weights(config, &specs, &count, NULL) != CLEAVE_OK)
        return 0;
    for (size_t i = 0; i < count; i++) {
        int64_t size = 1;
        if (text_ends_with(specs[i].name, ".running_mean") ||
            text_ends_with(specs[i].name, ".running_var"))
            continue;
        for (int j = 0; j < specs[i].dim_count; j++)
            size *= specs[i].dims[j];
        total += size;
    }
    free(specs);
    return total;
}

/* ---- What a mismatch may come from ---- */

/* Names that other separation networks have and MDX23C does not. */
static const char *foreign_network(const Checkpoint *checkpoint) {
    static const struct {
        const char *part;
        const char *network;
    } signs[] = {{"mask_estimators.", "Roformer (BS- or Mel-Band)"},
                 {"band_split.", "Roformer (BS- or Mel-Band)"},
                 {"freq_encoder.", "Demucs"},
                 {"tencoder.", "Demucs"},
                 {"crosstransformer.", "Demucs"},
                 {"separation_net.", "SCNet"},
                 {"mask_net.", "mask-based (Asteroid)"},
                 {"masker.", "mask-based (Asteroid)"},
                 {"mask_estim.", "BandIt"},
                 {"stg1_low_band_net.", "VR (UVR)"},
                 {"stft.", "other (its STFT has weights)"}};
    size_t count;
    const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        for (size_t j = 0; j < count; j++) {
            const char *found = strstr(tensors[j].name, signs[i].part);
            if (found && (found == tensors[j].name || found[-1] == '.'))
                return signs[i].network;
        }
    return NULL;
}

/* One more than the largest N in names "PREFIX" N "."; 0 where there is none. */
static int count_numbered(const Checkpoint *checkpoint, const char *prefix) {
    size_t count;
    const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
    size_t length = strlen(prefix);
    int numbered = 0;
    for (size_t i = 0; i < count; i++) {
        int number = 0;
        const char *p = tensors[i].name + length;
        if (strncmp(tensors[i].name, prefix, length) != 0)
            continue;
        for (; *p >= '0' && *p <= '9' && number < 100000; p++)
            number = number * 10 + (*p - '0');
        if (*p == '.' && number + 1 > numbered)
            numbered = number + 1;
    }
    return numbered;
}

/* Writes what the checkpoint seems to want, as "; …", or nothing. */
static void write_hint(const Config *config, const Checkpoint *checkpoint, char *hint,
                       size_t size) {
    int scales = count_numbered(checkpoint, "encoder_blocks.");
    int blocks = count_numbered(checkpoint, "bottleneck_block.blocks.");
    const char *network = foreign_network(checkpoint);
    bool running = false;
    size_t count;
    const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
    for (size_t i = 0; i < count && !running; i++)
        running = text_ends_with(tensors[i].name, ".running_mean");
    if (!checkpoint_find(checkpoint, "first_conv.weight") && network)
        snprintf(hint, size, "; this looks like a %s network, and cleave runs MDX23C only",
                 network);
    else if (scales > 0 && scales != config->num_scales)
        snprintf(hint, size,
                 "; the checkpoint has %d encoder blocks, so model.num_scales, %d, should be %d",
                 scales, config->num_scales, scales);
    else if (blocks > 0 && blocks != config->num_blocks_per_scale)
        snprintf(hint, size,
                 "; the checkpoint has %d blocks per scale, so model.num_blocks_per_scale, %d, "
                 "should be %d",
                 blocks, config->num_blocks_per_scale, blocks);
    else if (config->norm == NORM_NONE && strcmp(config->norm_name, "none") != 0)
        snprintf(hint, size,
                 "; model.norm, %s, counts as none: cleave knows InstanceNorm, BatchNorm and, with "
                 "its number, GroupNorm",
                 config->norm_name);
    else if (running && config->norm != NORM_BATCH)
        snprintf(hint, size,
                 "; the checkpoint has running statistics, so model.norm, %s, should be BatchNorm",
                 config->norm_name);
    else
        snprintf(hint, size, "; does the configuration belong to this checkpoint?");
}

/* ---- The check ---- */

typedef struct Check {
    const Config *config;
    const Checkpoint *checkpoint;
    const char *path;
    cleave_error *error;
} Check;

static cleave_status refuse_missing(const Check *check, const WeightSpec *spec) {
    char shape[100];
    char hint[200];
    tensor_shape_text(spec->dims, spec->dim_count, shape, sizeof(shape));
    write_hint(check->config, check->checkpoint, hint, sizeof(hint));
    return error_set(check->error, CLEAVE_ERROR_MODEL,
                     PATH_FORMAT
                     ": %s is missing; the configuration asks for it in shape %s (from %s)%s",
                     check->path, spec->name, shape, spec->keys, hint);
}

static cleave_status check_weight(const Check *check, const WeightSpec *spec) {
    const Tensor *tensor = checkpoint_find(check->checkpoint, spec->name);
    if (!tensor)
        return refuse_missing(check, spec);
    bool same = tensor->dim_count == spec->dim_count;
    for (int i = 0; i < spec->dim_count && same; i++)
        same = tensor->dims[i] == spec->dims[i];
    if (!same) {
        char shape[200];
        char expected[100];
        char hint[200];
        tensor_shape_text(tensor->dims, tensor->dim_count, shape, sizeof(shape));
        tensor_shape_text(spec->dims, spec->dim_count, expected, sizeof(expected));
        write_hint(check->config, check->checkpoint, hint, sizeof(hint));
        return error_set(check->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": %s has the shape %s; the configuration asks for %s (from %s)%s",
                         check->path, spec->name, shape, expected, spec->keys, hint);
    }
    if (tensor->dtype == DTYPE_I64 || tensor->dtype == DTYPE_OTHER)
        return error_set(check->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": %s is not of a floating-point type that cleave reads (f32, f16, bf16, "
                         "f64); save the checkpoint unquantised",
                         check->path, spec->name);
    return CLEAVE_OK;
}

static int compare_names(const void *a, const void *b) {
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* Whether a name is a weight inside an MDX23C network. Buffers that profilers leave are none. */
static bool is_network_weight(const char *name) {
    static const char *const parts[] = {"first_conv.", "encoder_blocks.", "bottleneck_block.",
                                        "decoder_blocks.", "final_conv."};
    static const char *const leaves[] = {".weight", ".bias", ".running_mean", ".running_var"};
    bool inside = false;
    bool is_leaf = false;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        inside = inside || strncmp(name, parts[i], strlen(parts[i])) == 0;
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
        is_leaf = is_leaf || text_ends_with(name, leaves[i]);
    return inside && is_leaf;
}

/* A weight that the configuration does not know means another network than the one it describes,
 * even where all others fit: more blocks, another norm. */
static cleave_status check_extra(const Check *check, const WeightSpec *specs, size_t spec_count) {
    size_t count;
    const Tensor *tensors = checkpoint_tensors(check->checkpoint, &count);
    const char **names = malloc((spec_count + 1) * sizeof(*names));
    cleave_status status = CLEAVE_OK;
    if (!names)
        return error_memory(check->error, "the list of weights", spec_count * sizeof(*names));
    for (size_t i = 0; i < spec_count; i++)
        names[i] = specs[i].name;
    qsort((void *)names, spec_count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count && status == CLEAVE_OK; i++) {
        const char *name = tensors[i].name;
        char hint[200];
        if (!is_network_weight(name) ||
            bsearch(&name, (const void *)names, spec_count, sizeof(*names), compare_names))
            continue;
        write_hint(check->config, check->checkpoint, hint, sizeof(hint));
        status =
            error_set(check->error, CLEAVE_ERROR_MODEL,
                      PATH_FORMAT
                      ": " UTF8_CUT(100) " is there, but the configuration knows no such weight%s",
                      check->path, name, hint);
    }
    free((void *)names);
    return status;
}

cleave_status network_check(const Config *config, const Checkpoint *checkpoint,
                            const char *checkpoint_path, cleave_error *error) {
    const Check check = {config, checkpoint, checkpoint_path, error};
    WeightSpec *specs = NULL;
    size_t count = 0;
    cleave_status status = network_weights(config, &specs, &count, error);
    for (size_t i = 0; i < count && status == CLEAVE_OK; i++)
        status = check_weight(&check, &specs[i]);
    if (status == CLEAVE_OK)
        status = check_extra(&check, specs, count);
    free(specs);
    return status;
}
