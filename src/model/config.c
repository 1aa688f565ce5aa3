/* config.c: reading a model's YAML: all keys but those of the section "model", which the family of
 * the network reads. Whether the sizes fit together is checked in config_check.c. */
#include "model/config.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "model/checkpoint.h"
#include "model/config_check.h"
#include "model/config_keys.h"
#include "model/family.h"
#include "model/family_names.h"
#include "model/file_kind.h"
#include "model/refuse.h"
#include "model/yaml_tree.h"

#define MAX_STEM_LENGTH 200

static const IntegerKey audio_keys[] = {
    {"audio", "sample_rate", 1000, 1000000, 44100, offsetof(Config, sample_rate)},
};

static const IntegerKey inference_keys[] = {
    {"inference", "num_overlap", 1, INT32_MAX, 2, offsetof(Config, overlap)},
};

static cleave_status read_audio(const ConfigReader *r) {
    return config_read_integers(r, audio_keys, sizeof(audio_keys) / sizeof(audio_keys[0]));
}

static cleave_status read_family_integers(const ConfigReader *r) {
    const NetworkFamily *family = r->config->family;
    return config_read_integers(r, family->integer_keys, family->integer_key_count);
}

static cleave_status read_family(const ConfigReader *r) {
    return r->config->family->read(r);
}

static cleave_status read_inference(const ConfigReader *r) {
    r->config->overlap_given = config_find(r, "inference", "num_overlap") != NULL;
    return config_read_integers(r, inference_keys,
                                sizeof(inference_keys) / sizeof(inference_keys[0]));
}

/* A whole number that may be missing; *result is then 0. */
static cleave_status read_optional(const ConfigReader *r, const char *section, const char *name,
                                   int minimum, int maximum, int *result) {
    const IntegerKey key = {section, name, minimum, maximum, 0, 0};
    const YamlNode *node = config_find(r, section, name);
    *result = 0;
    return node ? config_read_integer(r, node, &key, result) : CLEAVE_OK;
}

/* Sets the frames of a chunk, and the samples that they cover. If a chunk is not a multiple of the
 * hop, no frame of MDX23C's covers its last samples, which would be silent. UVR uses the samples
 * that the frames cover, and so does cleave; the training framework stops. (An odd n_fft is padded
 * by one sample less, and covers one more.) */
static void set_chunk(Config *config, int64_t samples) {
    int odd = config->n_fft % 2;
    int64_t span = samples - odd;
    config->given_chunk_size = (int)samples;
    config->chunk_size = (int)samples;
    config->dim_t = 0;
    if (span < 0)
        return;
    if (config->family->chunks_of_frames)
        config->chunk_size -= (int)(span % config->hop_length);
    config->dim_t = (int)(span / config->hop_length) + 1;
}

#define LARGEST_CHUNK (1 << 28)

static cleave_status set_chunk_of_frames(const ConfigReader *r, int frames) {
    int64_t samples = (int64_t)r->config->hop_length * (frames - 1);
    if (samples > LARGEST_CHUNK)
        return error_advise(
            r->error,
            model_refuse(r->error, r->source, NULL,
                         "audio.hop_length %d * (audio.dim_t %d - 1) gives chunks of %" PRId64
                         " samples",
                         r->config->hop_length, frames, samples),
            "at most %d are possible", LARGEST_CHUNK);
    set_chunk(r->config, samples);
    return CLEAVE_OK;
}

static cleave_status read_chunk(const ConfigReader *r) {
    Config *config = r->config;
    int inference_dim_t = 0;
    int audio_dim_t = 0;
    int chunk = 0;
    cleave_status status = read_optional(r, "inference", "chunk_size", 1, LARGEST_CHUNK, &chunk);
    if (status == CLEAVE_OK && chunk == 0)
        status = read_optional(r, "audio", "chunk_size", 1, LARGEST_CHUNK, &chunk);
    if (status == CLEAVE_OK)
        status = read_optional(r, "inference", "dim_t", 1, LARGEST_CHUNK, &inference_dim_t);
    if (status == CLEAVE_OK && config->family->chunks_of_frames)
        status = read_optional(r, "audio", "dim_t", 1, LARGEST_CHUNK, &audio_dim_t);
    if (status != CLEAVE_OK)
        return status;
    if (chunk == 0 && audio_dim_t == 0)
        return config_refuse_missing(r, "audio", "chunk_size");
    if (chunk > 0)
        set_chunk(config, chunk);
    else
        status = set_chunk_of_frames(r, audio_dim_t);
    config->mean_dim_t = inference_dim_t ? inference_dim_t : audio_dim_t;
    if (config->mean_dim_t == 0 && config->family->chunks_of_frames)
        config->mean_dim_t = config->dim_t;
    return status;
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

static cleave_status add_stem(const ConfigReader *r, const YamlNode *node, const char *key) {
    Config *config = r->config;
    if (!is_stem_name(node))
        return config_refuse(r, node, "training.%s: '" UTF8_CUT(40) "' is no name for a stem", key,
                             config_node_text(node));
    if (config->stem_count == CONFIG_STEMS_MAX)
        return config_refuse(r, node, "training.%s has more than %d stems", key, CONFIG_STEMS_MAX);
    char *name = string_copy(node->text);
    if (!name)
        return error_memory(r->error, "the stems' names", strlen(node->text) + 1);
    config->stems[config->stem_count++] = name;
    return CLEAVE_OK;
}

/* Two stems with the same name would be the same file. */
static cleave_status check_stem_names(const ConfigReader *r, const YamlNode *instruments) {
    const Config *config = r->config;
    for (int i = 1; i < config->stem_count; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(config->stems[i], config->stems[j]) == 0)
                return config_refuse(r, instruments,
                                     "training.instruments has '" UTF8_CUT(40) "' twice",
                                     config->stems[i]);
    return CLEAVE_OK;
}

static cleave_status read_stems(const ConfigReader *r) {
    r->config->stem_count = 0;
    r->config->stems = calloc(CONFIG_STEMS_MAX, sizeof(*r->config->stems));
    if (!r->config->stems)
        return error_memory(r->error, "the stems' names", CONFIG_STEMS_MAX * sizeof(char *));
    const YamlNode *target = config_find(r, "training", "target_instrument");
    /* In the training framework an empty name means that there is no target. */
    if (target && (target->kind != YAML_SCALAR || target->text[0] != '\0'))
        return add_stem(r, target, "target_instrument");
    const YamlNode *instruments = config_find(r, "training", "instruments");
    if (!instruments)
        return config_refuse_missing(r, "training", "instruments");
    int position;
    const YamlNode *child = yaml_first(r->tree, instruments, &position);
    for (; child && instruments->kind == YAML_SEQUENCE; child = yaml_next(r->tree, &position)) {
        cleave_status status = add_stem(r, child, "instruments");
        if (status != CLEAVE_OK)
            return status;
    }
    if (r->config->stem_count == 0)
        return config_refuse(r, instruments, "training.instruments must be a list of names");
    return check_stem_names(r, instruments);
}

static cleave_status read_normalize(const ConfigReader *r) {
    return config_read_boolean(r, "inference", "normalize", false, &r->config->normalize);
}

/* The name of a network that cleave does not run, by its keys in the section "model"; NULL:
 * unknown. */
static const char *foreign_architecture(const ConfigReader *r) {
    static const struct {
        const char *key;
        const char *network;
    } signs[] = {{"band_SR", "SCNet"},
                 {"band_specs", "BandIt"},
                 {"encoder_name", "segmentation"},
                 {"feature_dim", "Apollo"}};
    const YamlNode *model = yaml_find(r->tree, yaml_root(r->tree), "model");
    if (r->config->family->knows(r->tree, model, r->checkpoint))
        return NULL;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (yaml_find(r->tree, model, signs[i].key))
            return signs[i].network;
    return yaml_find(r->tree, yaml_root(r->tree), "htdemucs") ? "HTDemucs" : NULL;
}

/* Chooses the family, and refuses a text that is not a configuration at all with a better error
 * than "n_fft is missing". */
static cleave_status read_sections(const ConfigReader *r) {
    static const char *const sections[] = {"audio", "model", "training"};
    r->config->family = family_find(r->tree, r->checkpoint);
    const char *network = foreign_architecture(r);
    if (network)
        return model_refuse(r->error, r->source, "cleave runs " FAMILY_LONG_NAMES " networks only",
                            "this looks like the configuration of a %s network", network);
    cleave_status status = r->config->family->refuse ? r->config->family->refuse(r) : CLEAVE_OK;
    if (status != CLEAVE_OK)
        return status;
    for (int i = 0; i < 3; i++) {
        const YamlNode *map = yaml_find(r->tree, yaml_root(r->tree), sections[i]);
        if (!map || map->kind != YAML_MAP)
            return model_refuse(r->error, r->source, ADVICE_CONFIG,
                                "there is no section '%s:', as configurations of " FAMILY_NAMES
                                " have it",
                                sections[i]);
    }
    return CLEAVE_OK;
}

static cleave_status read_all(const ConfigReader *r) {
    static cleave_status (*const steps[])(const ConfigReader *) = {
        read_sections, read_audio,  read_family_integers, read_inference,
        read_chunk,    read_family, read_stems,           read_normalize};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        cleave_status status = steps[i](r);
        if (status != CLEAVE_OK)
            return status;
    }
    return config_check_sizes(r->config, r->source, r->error);
}

cleave_status config_parse(Config *config, const char *text, size_t size, const char *source,
                           const Checkpoint *checkpoint, cleave_error *error) {
    YamlTree *tree = NULL;
    *config = (Config){0};
    cleave_status status = yaml_tree_parse(&tree, text, size, source, error);
    if (status != CLEAVE_OK)
        return status;
    const ConfigReader reader = {tree, checkpoint, source, config, error};
    status = read_all(&reader);
    yaml_tree_free(tree);
    if (status != CLEAVE_OK)
        config_free(config);
    return status;
}

/* libyaml reads UTF-16, too. Such a text has zero bytes, but begins with a byte order mark. */
static bool is_binary(const unsigned char *data, size_t size) {
    bool is_utf16 =
        size >= 2 && ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff));
    return !is_utf16 && memchr(data, '\0', size_min(size, 512)) != NULL;
}

/* Refuses what is not text: a checkpoint, a picture, an archive. */
static cleave_status check_kind(const MappedFile *file, const char *path, cleave_error *error) {
    FileKind kind = file_kind(file->data, file->size);
    if (checkpoint_form(file->data, file->size) != FORM_FOREIGN)
        return model_refuse(error, path,
                            "give the checkpoint as the model, with -m, and with -c the YAML file "
                            "that came with it",
                            "this is a checkpoint or another ZIP, not a configuration");
    if (!kind.is_text && (kind.what || is_binary(file->data, file->size)))
        return model_refuse(error, path, ADVICE_CONFIG, "this is %s, not a configuration",
                            kind.what ? kind.what : "a binary file");
    return CLEAVE_OK;
}

cleave_status config_read(Config *config, const char *path, const Checkpoint *checkpoint,
                          cleave_error *error) {
    MappedFile file;
    *config = (Config){0};
    cleave_status status = mapped_file_open(&file, path, CLEAVE_ERROR_MODEL, error);
    if (status != CLEAVE_OK)
        return status;
    if (file.size == 0)
        status = model_refuse(error, path, ADVICE_CONFIG, "the file is empty");
    else
        status = check_kind(&file, path, error);
    if (status == CLEAVE_OK)
        status = config_parse(config, (const char *)file.data, file.size, path, checkpoint, error);
    mapped_file_close(&file);
    return status;
}

void config_free(Config *config) {
    if (!config)
        return;
    for (int i = 0; i < config->stem_count; i++)
        free(config->stems[i]);
    free(config->stems);
    free(config->roformer.bands);
    *config = (Config){0};
}
