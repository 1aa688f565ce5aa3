/* model.c: the public functions about models: finding the configuration, opening both files, and
 * checking one against the other. */
#include "model/model.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/folder.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/path_format.h"
#include "base/public_struct.h"
#include "model/family.h"
#include "model/network_check.h"
#include "model/refuse.h"

#define CANDIDATES 5 /* names that the configuration beside a model may have */

static const SettingsType settings_type = {"cleave_model_settings", sizeof(cleave_model_settings),
                                           STRUCT_UP_TO(cleave_model_settings, log)};

void cleave_model_settings_default_sized(cleave_model_settings *settings, size_t size) {
    cleave_model_settings defaults = {.config_path = NULL};
    settings_give(&settings_type, settings, size, &defaults);
}

/* ---- The configuration ---- */

static bool path_is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

/* The path of candidate `index` for the configuration of the model at `path`; NULL if memory ran
 * out. */
static char *config_candidate(const char *path, int index) {
    static const char *const names[CANDIDATES] = {".yaml", ".yml", "model.yaml", "model.yml",
                                                  "config_model.yaml"};
    size_t length =
        index < 2 ? path_length_without_extension(path) : (size_t)(path_file_name(path) - path);
    size_t size = length + strlen(names[index]) + 1;
    char *result = malloc(size);
    if (!result)
        return NULL;
    memcpy(result, path, length);
    memcpy(result + length, names[index], strlen(names[index]) + 1);
    return result;
}

/* *found becomes the first candidate that exists, to be freed, or NULL. */
static cleave_status config_find_beside(const char *path, char **found, cleave_error *error) {
    *found = NULL;
    for (int i = 0; i < CANDIDATES; i++) {
        char *name = config_candidate(path, i);
        if (!name)
            return error_memory(error, "a path", strlen(path));
        if (path_is_file(name)) {
            *found = name;
            return CLEAVE_OK;
        }
        free(name);
    }
    return CLEAVE_OK;
}

/* The YAML files of a folder: how many, and the first two by name. */
typedef struct YamlFiles {
    int count;
    char *names[2];
} YamlFiles;

static bool is_yaml_name(const char *name) {
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
}

static void yaml_files_keep(YamlFiles *files, const char *name) {
    char *copy = string_copy(name);
    files->count++;
    for (int i = 0; i < 2 && copy; i++) {
        bool earlier = !files->names[i] || strcmp(copy, files->names[i]) < 0;
        char *other = files->names[i];
        files->names[i] = earlier ? copy : other;
        copy = earlier ? other : copy;
    }
    free(copy);
}

/* A folder that cannot be listed counts as empty: this is for advice only. */
static void yaml_files_list(YamlFiles *files, const char *folder) {
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL)
        if (is_yaml_name(entry->d_name))
            yaml_files_keep(files, entry->d_name);
    if (directory)
        closedir(directory);
}

/* Advice about a configuration that was not found, to be freed; NULL if memory ran out. */
static char *config_advice(const char *path) {
    YamlFiles files = {0};
    char *advice = NULL;
    char *folder = folder_of(path);
    if (folder)
        yaml_files_list(&files, folder);
    int before = (int)(path_file_name(path) - path);
    if (folder && files.count == 0)
        advice = string_copy("give one with -c");
    else if (files.names[0] && files.count == 1)
        advice = string_format("if it is %.100s, which is there, give it: -c %.*s%.100s",
                               files.names[0], before, path, files.names[0]);
    else if (files.names[0] && files.names[1])
        advice = string_format("of the %d YAML files that are there (%.60s, %.60s%s) give its own "
                               "with -c",
                               files.count, files.names[0], files.names[1],
                               files.count > 2 ? ", ..." : "");
    free(files.names[0]);
    free(files.names[1]);
    free(folder);
    return advice;
}

static cleave_status model_refuse_without_config(const cleave_model *model, cleave_error *error) {
    const char *name = path_file_name(model->path);
    int shown = (int)size_min(path_length_without_extension(name), 100);
    bool has_header = strcmp(checkpoint_container(model->checkpoint), "safetensors") == 0;
    char *advice = config_advice(model->path);
    if (!advice)
        return error_memory(error, "a path", strlen(model->path));
    error_advise(error,
                 model_refuse(error, model->path, NULL,
                              "no configuration found; tried %.*s.yaml, %.*s.yml, model.yaml, "
                              "model.yml and config_model.yaml beside it%s",
                              shown, name, shown, name, has_header ? ", and its header" : ""),
                 "%s", advice);
    free(advice);
    return CLEAVE_ERROR_MODEL;
}

/* Reads the configuration that was asked for, else the one beside the model, else the embedded
 * one. */
static cleave_status model_open_config(cleave_model *model, const char *given,
                                       cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    const char *embedded = checkpoint_embedded_config(model->checkpoint);
    if (given)
        model->config_source = string_copy(given);
    else
        status = config_find_beside(model->path, &model->config_source, error);
    if (status != CLEAVE_OK)
        return status;
    if (model->config_source)
        model->config_stamp = file_stamp(model->config_source);
    if (model->config_source)
        return config_read(&model->config, model->config_source, model->checkpoint, error);
    if (given)
        return error_memory(error, "a path", strlen(given));
    if (!embedded)
        return model_refuse_without_config(model, error);
    model->config_source = string_copy("safetensors header");
    if (!model->config_source)
        return error_memory(error, "a path", 20);
    return config_parse(&model->config, embedded, strlen(embedded), model->path, model->checkpoint,
                        error);
}

/* The overlap is a preference: a model that runs with another one is not refused. */
static void model_limit_overlap(cleave_model *model, const cleave_logger *log) {
    if (model->config.overlap <= CLEAVE_OVERLAP_MAX)
        return;
    log_write(log, CLEAVE_LOG_WARNING,
              PATH_FORMAT
              ": inference.num_overlap is %d, but at most %d is possible: an overlap of "
              "%d is used; give an overlap to use another one",
              model->config_source, model->config.overlap, CLEAVE_OVERLAP_MAX, CLEAVE_OVERLAP_MAX);
    model->config.overlap = CLEAVE_OVERLAP_MAX;
}

static void model_warn_of_chunk(const cleave_model *model, const cleave_logger *log) {
    const Config *c = &model->config;
    if (c->chunk_size != c->given_chunk_size)
        log_write(log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": chunk_size is %d, but its %d frames at audio.hop_length %d cover "
                              "%d samples, and the rest would be silent: chunks of %d samples are "
                              "used; set chunk_size to %d to avoid this warning",
                  model->config_source, c->given_chunk_size, c->dim_t, c->hop_length, c->chunk_size,
                  c->chunk_size, c->chunk_size);
}

/* ---- Opening ---- */

static void model_log(const cleave_model *model, const cleave_logger *log) {
    const Config *c = &model->config;
    char sizes[200] = "";
    c->family->write_sizes(c, sizes, sizeof(sizes));
    log_write(log, CLEAVE_LOG_DEBUG,
              PATH_FORMAT ": configuration %s: %s: n_fft %d, hop %d, dim_f %d, chunk %d, %s, %d "
                          "stems",
              model->path, model->config_source, c->family->name, c->n_fft, c->hop_length, c->dim_f,
              c->chunk_size, sizes, c->stem_count);
}

static cleave_status model_fill(cleave_model *model, const char *path,
                                const cleave_model_settings *settings, cleave_error *error) {
    model->path = string_copy(path);
    model->name = path_stem(path);
    if (!model->path || !model->name)
        return error_memory(error, "a path", strlen(path));
    model->stamp = file_stamp(path);
    cleave_status status = checkpoint_open(&model->checkpoint, path, &settings->log, error);
    if (status == CLEAVE_OK)
        status = model_open_config(model, settings->config_path, error);
    if (status == CLEAVE_OK)
        status = network_check(&model->config, model->checkpoint, path, error);
    if (status != CLEAVE_OK)
        return status;
    model_limit_overlap(model, &settings->log);
    model_warn_of_chunk(model, &settings->log);
    model->parameters = network_parameters(&model->config);
    model->flops_per_chunk = network_flops_per_chunk(&model->config);
    if (model->parameters == 0 || model->flops_per_chunk <= 0)
        return error_memory(error, "the network's graph", sizeof(*model));
    model_log(model, &settings->log);
    return CLEAVE_OK;
}

cleave_status cleave_model_open(cleave_model **result, const char *path,
                                const cleave_model_settings *settings, cleave_error *error) {
    cleave_model_settings own = {.config_path = NULL};
    error_clear(error);
    if (!result || !path)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot open a model: no %s was given",
                         path ? "place for it" : "path");
    *result = NULL;
    cleave_status status = settings_take(&settings_type, &own, settings, error);
    if (status != CLEAVE_OK)
        return status;
    cleave_model *model = calloc(1, sizeof(*model));
    if (!model)
        return error_memory(error, "a model", sizeof(*model));
    status = model_fill(model, path, &own, error);
    if (status != CLEAVE_OK) {
        cleave_model_close(model);
        return status;
    }
    *result = model;
    return CLEAVE_OK;
}

void cleave_model_close(cleave_model *model) {
    if (!model)
        return;
    config_free(&model->config);
    checkpoint_close(model->checkpoint);
    free(model->path);
    free(model->name);
    free(model->config_source);
    free(model);
}

void cleave_model_get_info_sized(const cleave_model *model, cleave_model_info *info,
                                 size_t info_size) {
    const Config *c = &model->config;
    const RoformerConfig *r = &c->roformer;
    const Tensor *first = checkpoint_find(model->checkpoint, model->config.family->mark);
    const cleave_model_info own = {
        .path = model->path,
        .name = model->name,
        .config_source = model->config_source,
        .container = checkpoint_container(model->checkpoint),
        .weight_type = first ? dtype_name(first->dtype) : "",
        .norm = c->norm_name,
        .act = c->act_name,
        .stems = (const char *const *)c->stems,
        .stem_count = c->stem_count,
        .channels = c->channels,
        .sample_rate = c->sample_rate,
        .chunk_size = c->chunk_size,
        .n_fft = c->n_fft,
        .hop_length = c->hop_length,
        .dim_f = c->dim_f,
        .dim_t = c->dim_t,
        .num_subbands = c->num_subbands,
        .num_scales = c->num_scales,
        .num_blocks_per_scale = c->num_blocks_per_scale,
        .num_channels = c->num_channels,
        .growth = c->growth,
        .bottleneck_factor = c->bottleneck_factor,
        .scale = {c->scale[0], c->scale[1]},
        .default_overlap = c->overlap,
        .normalize = c->normalize,
        .parameters = model->parameters,
        .flops_per_chunk = model->flops_per_chunk,
        .architecture = c->family->name,
        .dim = r->dim,
        .depth = r->depth,
        .heads = r->heads,
        .dim_head = r->dim_head,
        .bands = r->band_count,
        .time_transformer_depth = r->time_depth,
        .freq_transformer_depth = r->band_depth,
        .mask_estimator_depth = r->mask_depth,
        .mlp_expansion_factor = r->expansion,
    };
    struct_give(info, info_size, &own, sizeof(own));
}
