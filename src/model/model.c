/* model.c: the public functions about models: finding the configuration, opening both files, and
 * checking one against the other. */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "model/builder.h"
#include "model/network.h"

void cleave_model_settings_default(cleave_model_settings *settings) {
    *settings = (cleave_model_settings){.config_path = NULL};
}

/* ---- Paths ---- */

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Length of the path without the extension of its file name. */
static size_t length_without_extension(const char *path) {
    const char *name = file_name(path);
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - path) : strlen(path);
}

static char *model_name(const char *path) {
    const char *name = file_name(path);
    size_t length = length_without_extension(path) - (size_t)(name - path);
    return string_format("%.*s", (int)size_min(length, 4096), name);
}

static bool is_there(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

/* ---- The configuration ---- */

#define CANDIDATES 5

/* Candidate `index` for the configuration of the model at `path`; NULL when memory ran out. */
static char *candidate(const char *path, int index) {
    static const char *const names[CANDIDATES] = {".yaml", ".yml", "model.yaml", "model.yml",
                                                  "config_model.yaml"};
    size_t length = index < 2 ? length_without_extension(path) : (size_t)(file_name(path) - path);
    size_t size = length + strlen(names[index]) + 1;
    char *result = malloc(size);
    if (!result)
        return NULL;
    memcpy(result, path, length);
    memcpy(result + length, names[index], strlen(names[index]) + 1);
    return result;
}

/* *found: the first candidate that exists, to be freed, or NULL. */
static cleave_status find_config(const char *path, char **found, cleave_error *error) {
    *found = NULL;
    for (int i = 0; i < CANDIDATES; i++) {
        char *name = candidate(path, i);
        if (!name)
            return error_memory(error, "a path", strlen(path));
        if (is_there(name)) {
            *found = name;
            return CLEAVE_OK;
        }
        free(name);
    }
    return CLEAVE_OK;
}

static cleave_status refuse_without_config(const cleave_model *model, cleave_error *error) {
    const char *name = file_name(model->path);
    bool has_header = strcmp(checkpoint_container(model->checkpoint), "safetensors") == 0;
    return error_set(error, CLEAVE_ERROR_MODEL,
                     "%s: no configuration found; tried %.*s.yaml, %.*s.yml, model.yaml, model.yml "
                     "and config_model.yaml beside it%s; give one with -c",
                     model->path, (int)size_min(length_without_extension(name), 200), name,
                     (int)size_min(length_without_extension(name), 200), name,
                     has_header ? ", and its header" : "");
}

/* The configuration that was asked for, else the one beside the model, else the embedded one. */
static cleave_status open_config(cleave_model *model, const char *given, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    const char *embedded = checkpoint_embedded_config(model->checkpoint);
    if (given)
        model->config_source = string_copy(given);
    else
        status = find_config(model->path, &model->config_source, error);
    if (status != CLEAVE_OK)
        return status;
    if (model->config_source)
        return config_read(&model->config, model->config_source, error);
    if (given)
        return error_memory(error, "a path", strlen(given));
    if (!embedded)
        return refuse_without_config(model, error);
    model->config_source = string_copy("safetensors header");
    if (!model->config_source)
        return error_memory(error, "a path", 20);
    return config_parse(&model->config, embedded, strlen(embedded), model->path, error);
}

/* ---- Opening ---- */

static void log_model(const cleave_model *model, const cleave_logger *log) {
    const Config *c = &model->config;
    log_write(log, CLEAVE_LOG_DEBUG,
              "%s: configuration %s: n_fft %d, hop %d, dim_f %d, chunk %d, %d subbands, %d scales, "
              "%d blocks, %d + %d channels, %s, %s, %d stems",
              model->path, model->config_source, c->n_fft, c->hop_length, c->dim_f, c->chunk_size,
              c->num_subbands, c->num_scales, c->num_blocks_per_scale, c->num_channels, c->growth,
              c->norm_name, c->act_name, c->stem_count);
}

static cleave_status fill(cleave_model *model, const char *path,
                          const cleave_model_settings *settings, cleave_error *error) {
    model->path = string_copy(path);
    model->name = model_name(path);
    if (!model->path || !model->name)
        return error_memory(error, "a path", strlen(path));
    cleave_status status = checkpoint_open(&model->checkpoint, path, &settings->log, error);
    if (status == CLEAVE_OK)
        status = open_config(model, settings->config_path, error);
    if (status == CLEAVE_OK)
        status = network_check(&model->config, model->checkpoint, path, error);
    if (status != CLEAVE_OK)
        return status;
    model->parameters = network_parameters(&model->config);
    model->flops_per_chunk = builder_flops_per_chunk(&model->config);
    if (model->parameters == 0 || model->flops_per_chunk <= 0)
        return error_memory(error, "the network's plan", sizeof(*model));
    log_model(model, &settings->log);
    return CLEAVE_OK;
}

cleave_status cleave_model_open(cleave_model **result, const char *path,
                                const cleave_model_settings *settings, cleave_error *error) {
    cleave_model_settings defaults;
    error_clear(error);
    if (!result || !path)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot open a model: no %s was given",
                         path ? "place for it" : "path");
    *result = NULL;
    if (!settings) {
        cleave_model_settings_default(&defaults);
        settings = &defaults;
    }
    cleave_model *model = calloc(1, sizeof(*model));
    if (!model)
        return error_memory(error, "a model", sizeof(*model));
    cleave_status status = fill(model, path, settings, error);
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

void cleave_model_get_info(const cleave_model *model, cleave_model_info *info) {
    const Config *c = &model->config;
    const Tensor *first = checkpoint_find(model->checkpoint, "first_conv.weight");
    *info = (cleave_model_info){
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
    };
}
