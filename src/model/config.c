/* config.c: the keys of a model's YAML. What the sizes must fulfil together stands in
 * config_check.c, the text's structure in yaml_tree.c. */
#include "model/config.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "base/memory.h"
#include "base/path_format.h"
#include "base/utf8.h"
#include "model/checkpoint.h"
#include "model/config_check.h"
#include "model/file_kind.h"
#include "model/yaml_tree.h"

#define MAX_STEMS       256
#define MAX_STEM_LENGTH 200

typedef struct Reader {
    const YamlTree *tree;
    const char *source;
    Config *config;
    cleave_error *error;
} Reader;

/* A whole number: where it stands, what it may be, and what it is where it does not stand there. */
typedef struct IntegerKey {
    const char *section;
    const char *name;
    int minimum;
    int maximum;
    int fallback; /* REQUIRED: there is none */
    size_t offset;
} IntegerKey;

#define REQUIRED INT32_MIN

static const IntegerKey integer_keys[] = {
    {"audio", "n_fft", 2, 1 << 20, REQUIRED, offsetof(Config, n_fft)},
    {"audio", "hop_length", 1, 1 << 20, REQUIRED, offsetof(Config, hop_length)},
    {"audio", "dim_f", 1, 1 << 20, REQUIRED, offsetof(Config, dim_f)},
    {"audio", "num_channels", 1, 2, 2, offsetof(Config, channels)},
    {"audio", "sample_rate", 1000, 1000000, 44100, offsetof(Config, sample_rate)},
    {"model", "num_subbands", 1, 1 << 16, REQUIRED, offsetof(Config, num_subbands)},
    {"model", "num_scales", 1, 32, REQUIRED, offsetof(Config, num_scales)},
    {"model", "num_blocks_per_scale", 1, 64, REQUIRED, offsetof(Config, num_blocks_per_scale)},
    {"model", "num_channels", 1, 1 << 16, REQUIRED, offsetof(Config, num_channels)},
    {"model", "growth", -(1 << 16), 1 << 16, REQUIRED, offsetof(Config, growth)},
    {"model", "bottleneck_factor", 1, 1 << 16, REQUIRED, offsetof(Config, bottleneck_factor)},
    {"inference", "num_overlap", 1, INT32_MAX, 2, offsetof(Config, overlap)},
};

/* A section's value of that name; NULL where it is missing or null. */
static const YamlNode *find_value(const Reader *r, const char *section, const char *name) {
    const YamlNode *map = yaml_find(r->tree, yaml_root(r->tree), section);
    const YamlNode *value = yaml_find(r->tree, map, name);
    return yaml_is_null(value) ? NULL : value;
}

static cleave_status refuse_missing(const Reader *r, const char *section, const char *name) {
    return error_set(r->error, CLEAVE_ERROR_MODEL,
                     PATH_FORMAT ": %s.%s is missing; give the YAML file that came with the model",
                     r->source, section, name);
}

static const char *node_text(const YamlNode *node) {
    return node->kind == YAML_SCALAR ? node->text : "a list or a map";
}

/* The value `node` of SECTION.NAME as a whole number in range. */
static cleave_status read_integer(const Reader *r, const YamlNode *node, const IntegerKey *key,
                                  int *result) {
    double value = 0;
    bool valid = node->kind == YAML_SCALAR && yaml_number(node->text, &value) &&
                 value == floor(value) && value >= key->minimum && value <= key->maximum;
    if (!valid)
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": line %d: %s.%s is '" UTF8_CUT(
                             40) "'; it must be a whole number from %d to %d",
                         r->source, node->line, key->section, key->name, node_text(node),
                         key->minimum, key->maximum);
    *result = (int)value;
    return CLEAVE_OK;
}

static cleave_status read_integers(const Reader *r) {
    for (size_t i = 0; i < sizeof(integer_keys) / sizeof(integer_keys[0]); i++) {
        const IntegerKey *key = &integer_keys[i];
        int *field = (int *)(void *)((char *)r->config + key->offset);
        const YamlNode *node = find_value(r, key->section, key->name);
        *field = key->fallback;
        if (!node && key->fallback == REQUIRED)
            return refuse_missing(r, key->section, key->name);
        cleave_status status = node ? read_integer(r, node, key, field) : CLEAVE_OK;
        if (status != CLEAVE_OK)
            return status;
    }
    return CLEAVE_OK;
}

/* An integer that may be absent: *result is then 0. */
static cleave_status read_optional(const Reader *r, const char *section, const char *name,
                                   int minimum, int maximum, int *result) {
    const IntegerKey key = {section, name, minimum, maximum, 0, 0};
    const YamlNode *node = find_value(r, section, name);
    *result = 0;
    return node ? read_integer(r, node, &key, result) : CLEAVE_OK;
}

/* The frames of a chunk, and the samples that they cover. A chunk that is no multiple of the hop
 * has some left over, which no frame gives back: they would be zeros at the end of each chunk. UVR
 * takes what the frames cover, the training framework stops. (An odd n_fft is padded by one sample
 * less, and covers one more.) */
static void set_chunk(Config *config, int64_t samples) {
    int odd = config->n_fft % 2;
    int64_t span = samples - odd;
    config->given_chunk_size = (int)samples;
    config->chunk_size = (int)samples;
    config->dim_t = 0;
    if (span < 0)
        return;
    config->chunk_size -= (int)(span % config->hop_length);
    config->dim_t = (int)(span / config->hop_length) + 1;
}

static cleave_status read_chunk(const Reader *r) {
    Config *config = r->config;
    const int largest = 1 << 28;
    int inference_dim_t = 0;
    int audio_dim_t = 0;
    int chunk = 0;
    cleave_status status = read_optional(r, "inference", "chunk_size", 1, largest, &chunk);
    if (status == CLEAVE_OK && chunk == 0)
        status = read_optional(r, "audio", "chunk_size", 1, largest, &chunk);
    if (status == CLEAVE_OK)
        status = read_optional(r, "inference", "dim_t", 1, largest, &inference_dim_t);
    if (status == CLEAVE_OK)
        status = read_optional(r, "audio", "dim_t", 1, largest, &audio_dim_t);
    if (status != CLEAVE_OK)
        return status;
    if (chunk == 0 && audio_dim_t == 0)
        return refuse_missing(r, "audio", "chunk_size");
    int64_t samples = chunk ? chunk : (int64_t)config->hop_length * (audio_dim_t - 1);
    if (samples > largest)
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": audio.hop_length %d * (audio.dim_t %d - 1) gives chunks of %" PRId64
                         " samples; at most %d are possible",
                         r->source, config->hop_length, audio_dim_t, samples, largest);
    set_chunk(config, samples);
    config->mean_dim_t = inference_dim_t ? inference_dim_t : audio_dim_t;
    if (config->mean_dim_t == 0)
        config->mean_dim_t = config->dim_t;
    return CLEAVE_OK;
}

/* Two numbers: model.scale, a YAML sequence in any style and with any tag. */
static cleave_status read_scale(const Reader *r) {
    static const IntegerKey keys[2] = {{"model", "scale[0]", 1, 1024, 0, 0},
                                       {"model", "scale[1]", 1, 1024, 0, 0}};
    const YamlNode *scale = find_value(r, "model", "scale");
    if (!scale)
        return refuse_missing(r, "model", "scale");
    int position;
    const YamlNode *child = yaml_first(r->tree, scale, &position);
    int count = 0;
    for (; child && scale->kind == YAML_SEQUENCE; child = yaml_next(r->tree, &position)) {
        cleave_status status =
            count < 2 ? read_integer(r, child, &keys[count], &r->config->scale[count]) : CLEAVE_OK;
        if (status != CLEAVE_OK)
            return status;
        count++;
    }
    if (count != 2)
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": line %d: model.scale must be two numbers, such as [2, 2]: time, then "
                         "frequency",
                         r->source, scale->line);
    return CLEAVE_OK;
}

/* The text of model.NAME, cut to fit; a node whose value is null counts as present. */
static cleave_status read_name(const Reader *r, const char *name, char *text, size_t size,
                               const YamlNode **node) {
    const YamlNode *model = yaml_find(r->tree, yaml_root(r->tree), "model");
    *node = yaml_find(r->tree, model, name);
    if (!*node)
        return refuse_missing(r, "model", name);
    if ((*node)->kind != YAML_SCALAR)
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": line %d: model.%s is a list or a map; it must be one word",
                         r->source, (*node)->line, name);
    utf8_show(text, size, yaml_is_null(*node) ? "none" : (*node)->text);
    return CLEAVE_OK;
}

static cleave_status read_norm(const Reader *r) {
    Config *config = r->config;
    const YamlNode *node = NULL;
    cleave_status status =
        read_name(r, "norm", config->norm_name, sizeof(config->norm_name), &node);
    if (status != CLEAVE_OK)
        return status;
    static const char group[] = "GroupNorm";
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
            return error_set(r->error, CLEAVE_ERROR_MODEL,
                             PATH_FORMAT ": line %d: model.norm is '" UTF8_CUT(
                                 40) "'; GroupNorm needs its number of "
                                     "groups, such as GroupNorm8",
                             r->source, node->line, node->text);
        config->norm = NORM_GROUP;
        config->norm_groups = (int)groups;
    }
    return CLEAVE_OK;
}

static cleave_status read_act(const Reader *r) {
    Config *config = r->config;
    const YamlNode *node = NULL;
    cleave_status status = read_name(r, "act", config->act_name, sizeof(config->act_name), &node);
    if (status != CLEAVE_OK)
        return status;
    double alpha = 0;
    if (strcmp(node->text, "gelu") == 0)
        config->act = ACT_GELU;
    else if (strcmp(node->text, "relu") == 0)
        config->act = ACT_RELU;
    else if (strncmp(node->text, "elu", 3) == 0 && yaml_number(node->text + 3, &alpha) &&
             alpha >= 0 && alpha <= 1e6)
        config->act = ACT_ELU;
    else
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": line %d: model.act is '" UTF8_CUT(
                             40) "'; it must be gelu, relu, or elu with "
                                 "its alpha, such as elu1.0",
                         r->source, node->line, node->text);
    config->act_alpha = (float)alpha;
    return CLEAVE_OK;
}

static bool is_stem_name(const YamlNode *node) {
    if (node->kind != YAML_SCALAR || node->text[0] == '\0')
        return false;
    const char *p = node->text;
    while (*p) {
        uint32_t code;
        p += utf8_decode(p, &code);
        if (!utf8_is_harmless(code))
            return false;
    }
    return strlen(node->text) <= MAX_STEM_LENGTH;
}

static cleave_status add_stem(const Reader *r, const YamlNode *node, const char *key) {
    Config *config = r->config;
    if (!is_stem_name(node))
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": line %d: training.%s: '" UTF8_CUT(40) "' is no name for a stem",
                         r->source, node->line, key, node_text(node));
    if (config->stem_count == MAX_STEMS)
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": line %d: training.%s has more than %d stems", r->source,
                         node->line, key, MAX_STEMS);
    char *name = string_copy(node->text);
    if (!name)
        return error_memory(r->error, "the stems' names", strlen(node->text) + 1);
    config->stems[config->stem_count++] = name;
    return CLEAVE_OK;
}

/* Two stems of one name would be one file. */
static cleave_status check_stem_names(const Reader *r, const YamlNode *instruments) {
    const Config *config = r->config;
    for (int i = 1; i < config->stem_count; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(config->stems[i], config->stems[j]) == 0)
                return error_set(r->error, CLEAVE_ERROR_MODEL,
                                 PATH_FORMAT
                                 ": line %d: training.instruments has '" UTF8_CUT(40) "' twice",
                                 r->source, instruments->line, config->stems[i]);
    return CLEAVE_OK;
}

static cleave_status read_stems(const Reader *r) {
    r->config->stem_count = 0;
    r->config->stems = calloc(MAX_STEMS, sizeof(*r->config->stems));
    if (!r->config->stems)
        return error_memory(r->error, "the stems' names", MAX_STEMS * sizeof(char *));
    const YamlNode *target = find_value(r, "training", "target_instrument");
    /* An empty name counts as none in the training framework. */
    if (target && (target->kind != YAML_SCALAR || target->text[0] != '\0'))
        return add_stem(r, target, "target_instrument");
    const YamlNode *instruments = find_value(r, "training", "instruments");
    if (!instruments)
        return refuse_missing(r, "training", "instruments");
    int position;
    const YamlNode *child = yaml_first(r->tree, instruments, &position);
    for (; child && instruments->kind == YAML_SEQUENCE; child = yaml_next(r->tree, &position)) {
        cleave_status status = add_stem(r, child, "instruments");
        if (status != CLEAVE_OK)
            return status;
    }
    if (r->config->stem_count == 0)
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": line %d: training.instruments must be a list of names",
                         r->source, instruments->line);
    return check_stem_names(r, instruments);
}

static cleave_status read_normalize(const Reader *r) {
    const YamlNode *node = find_value(r, "inference", "normalize");
    r->config->normalize = false;
    if (!node)
        return CLEAVE_OK;
    if (node->kind != YAML_SCALAR || !yaml_boolean(node->text, &r->config->normalize))
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": line %d: inference.normalize is '" UTF8_CUT(
                             40) "'; it must be true or false",
                         r->source, node->line, node_text(node));
    return CLEAVE_OK;
}

/* What other networks' configurations have in their model section, and MDX23C's do not. */
static const char *foreign_architecture(const Reader *r) {
    static const struct {
        const char *key;
        const char *network;
    } signs[] = {{"freqs_per_bands", "BS-Roformer"},
                 {"num_bands", "Mel-Band Roformer"},
                 {"mask_estimator_depth", "Roformer"},
                 {"band_SR", "SCNet"},
                 {"band_specs", "BandIt"},
                 {"encoder_name", "segmentation"}};
    const YamlNode *model = yaml_find(r->tree, yaml_root(r->tree), "model");
    if (yaml_find(r->tree, model, "num_subbands"))
        return NULL;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (yaml_find(r->tree, model, signs[i].key))
            return signs[i].network;
    return yaml_find(r->tree, yaml_root(r->tree), "htdemucs") ? "HTDemucs" : NULL;
}

/* A text that is no MDX23C configuration at all deserves better than "n_fft is missing". */
static cleave_status check_sections(const Reader *r) {
    static const char *const sections[] = {"audio", "model", "training"};
    const char *network = foreign_architecture(r);
    if (network)
        return error_set(r->error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": this looks like the configuration of a %s network; cleave runs "
                         "MDX23C (TFC-TDF v3) networks only",
                         r->source, network);
    for (int i = 0; i < 3; i++) {
        const YamlNode *map = yaml_find(r->tree, yaml_root(r->tree), sections[i]);
        if (!map || map->kind != YAML_MAP)
            return error_set(r->error, CLEAVE_ERROR_MODEL,
                             PATH_FORMAT
                             ": there is no section '%s:', so this is no MDX23C configuration; "
                             "give the YAML file that came with the model",
                             r->source, sections[i]);
    }
    return CLEAVE_OK;
}

static cleave_status read_all(const Reader *r) {
    static cleave_status (*const steps[])(const Reader *) = {
        check_sections, read_integers, read_chunk, read_scale,
        read_norm,      read_act,      read_stems, read_normalize};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        cleave_status status = steps[i](r);
        if (status != CLEAVE_OK)
            return status;
    }
    return config_check_sizes(r->config, r->source, r->error);
}

cleave_status config_parse(Config *config, const char *text, size_t size, const char *source,
                           cleave_error *error) {
    YamlTree *tree = NULL;
    *config = (Config){0};
    cleave_status status = yaml_tree_parse(&tree, text, size, source, error);
    if (status != CLEAVE_OK)
        return status;
    const Reader reader = {tree, source, config, error};
    status = read_all(&reader);
    yaml_tree_free(tree);
    if (status != CLEAVE_OK)
        config_free(config);
    return status;
}

/* The second byte of text in UTF-16, which libyaml reads, is often zero; its mark comes first. */
static bool is_binary(const unsigned char *data, size_t size) {
    bool is_utf16 =
        size >= 2 && ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff));
    return !is_utf16 && memchr(data, '\0', size_min(size, 512)) != NULL;
}

/* What is no text at all: a checkpoint, a picture, an archive. */
static cleave_status check_kind(const MappedFile *file, const char *path, cleave_error *error) {
    FileKind kind = file_kind(file->data, file->size);
    if (checkpoint_form(file->data, file->size) != FORM_FOREIGN)
        return error_set(error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": this is a checkpoint or another ZIP, not a configuration; "
                                     "give the checkpoint as the model, with -m, and with -c the "
                                     "YAML file that came with it",
                         path);
    if (!kind.is_text && (kind.what || is_binary(file->data, file->size)))
        return error_set(error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": this is %s, not a configuration; give the YAML file that "
                                     "came with the model",
                         path, kind.what ? kind.what : "a binary file");
    return CLEAVE_OK;
}

cleave_status config_read(Config *config, const char *path, cleave_error *error) {
    MappedFile file;
    *config = (Config){0};
    cleave_status status = mapped_file_open(&file, path, CLEAVE_ERROR_MODEL, error);
    if (status != CLEAVE_OK)
        return status;
    if (file.size == 0)
        status = error_set(
            error, CLEAVE_ERROR_MODEL,
            PATH_FORMAT ": the file is empty; give the YAML file that came with the model", path);
    else
        status = check_kind(&file, path, error);
    if (status == CLEAVE_OK)
        status = config_parse(config, (const char *)file.data, file.size, path, error);
    mapped_file_close(&file);
    return status;
}

void config_free(Config *config) {
    if (!config)
        return;
    for (int i = 0; i < config->stem_count; i++)
        free(config->stems[i]);
    free(config->stems);
    *config = (Config){0};
}
