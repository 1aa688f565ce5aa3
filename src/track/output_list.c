/* output_list.c: choosing stems by their names, and giving each output its name and path. */
#include "track/output_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audio/audio.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/public_struct.h"
#include "model/stem_names.h"
#include "track/output_name.h"

/* ---- Settings ---- */

static const cleave_file_settings defaults = {
    .directory = "separated", .name_template = "{track}/{stem}", .stream_fd = -1};
static const SettingsType settings_type = {"cleave_file_settings", sizeof(cleave_file_settings),
                                           STRUCT_UP_TO(cleave_file_settings, progress_user)};

void cleave_file_settings_default_sized(cleave_file_settings *settings, size_t size) {
    cleave_file_settings own = defaults;
    settings_give(&settings_type, settings, size, &own);
}

cleave_status file_settings_resolve(const cleave_file_settings *settings,
                                    cleave_file_settings *resolved, cleave_error *error) {
    *resolved = defaults;
    cleave_status status = settings_take(&settings_type, resolved, settings, error);
    if (!resolved->directory)
        resolved->directory = defaults.directory;
    if (!resolved->name_template)
        resolved->name_template = defaults.name_template;
    return status;
}

/* ---- Stems ---- */

static cleave_status output_list_select(OutputList *list, const Config *config,
                                        const cleave_file_settings *settings, cleave_error *error) {
    if (!settings->stems) {
        for (int i = 0; i < config->stem_count; i++)
            list->stems[list->stem_count++] = i;
        return CLEAVE_OK;
    }
    for (int i = 0; i < settings->stem_count; i++) {
        int stem;
        cleave_status status = stem_find(config, settings->stems[i], &stem, error);
        if (status != CLEAVE_OK)
            return status;
        for (int k = 0; k < list->stem_count; k++)
            if (list->stems[k] == stem)
                return error_set(error, CLEAVE_ERROR_ARGUMENT, "stem \"%s\" is asked for twice",
                                 settings->stems[i]);
        list->stems[list->stem_count++] = stem;
    }
    if (list->stem_count == 0 && !settings->residual)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "no stem is asked for");
    return CLEAVE_OK;
}

static cleave_status output_list_name(OutputList *list, const Config *config,
                                      const cleave_file_settings *settings, cleave_error *error) {
    list->count = 0;
    for (int i = 0; i < list->stem_count; i++)
        list->names[list->count++] = config->stems[list->stems[i]];
    if (!settings->residual)
        return CLEAVE_OK;
    for (int i = 0; i < list->count; i++)
        if (strcasecmp(list->names[i], settings->residual) == 0)
            return error_advise(error,
                                error_set(error, CLEAVE_ERROR_ARGUMENT,
                                          "the residual's name \"%s\" is also a stem's",
                                          settings->residual),
                                "try another one");
    list->names[list->count++] = settings->residual;
    return CLEAVE_OK;
}

/* ---- Paths ---- */

/* The one output that a stream can take. */
static cleave_status output_list_stream(OutputList *list, const cleave_file_settings *settings,
                                        cleave_error *error) {
    if (list->count != 1) {
        error_set(error, CLEAVE_ERROR_ARGUMENT,
                  "standard output takes one stem, and %d would be written: %s, %s%s", list->count,
                  list->names[0], list->names[1], list->count > 2 ? ", ..." : "");
        return error_advise(error, CLEAVE_ERROR_ARGUMENT, "name one with --stems");
    }
    cleave_status status = audio_writer_can_stream(settings->format, error);
    if (status != CLEAVE_OK)
        return status;
    list->paths[0] = string_copy("-");
    return list->paths[0] ? CLEAVE_OK : error_memory(error, "an output's path", 2);
}

/* Refuses a path that an output before it has. */
static cleave_status output_list_check_last(const OutputList *list, int last, cleave_error *error) {
    for (int i = 0; i < last; i++)
        if (strcmp(list->paths[last], list->paths[i]) == 0) {
            error_set(error, CLEAVE_ERROR_ARGUMENT,
                      "the outputs \"%s\" and \"%s\" would both be %s", list->names[i],
                      list->names[last], list->paths[last]);
            return error_advise(error, CLEAVE_ERROR_ARGUMENT, "try a name template with {stem}");
        }
    return CLEAVE_OK;
}

static cleave_status output_list_paths(OutputList *list, const char *model_name, const char *input,
                                       const cleave_file_settings *settings, cleave_error *error) {
    char *track = path_is_standard(input) ? string_copy("stdin") : path_stem(input);
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < list->count && status == CLEAVE_OK; i++) {
        list->paths[i] = track ? output_path(settings, track, list->names[i], model_name) : NULL;
        if (!list->paths[i]) {
            status = error_memory(error, "an output's path", strlen(settings->name_template));
            break;
        }
        status = output_list_check_last(list, i, error);
    }
    free(track);
    return status;
}

cleave_status output_list_create(OutputList *list, const Config *config, const char *model_name,
                                 const char *input, const cleave_file_settings *settings,
                                 cleave_error *error) {
    size_t asked = settings->stems && settings->stem_count > 0 ? (size_t)settings->stem_count : 0;
    size_t most = (size_t)config->stem_count + asked + 1;
    *list = (OutputList){0};
    if (!settings->directory[0] || (settings->residual && !settings->residual[0]))
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "the %s has an empty name",
                         settings->directory[0] ? "residual" : "output folder");
    list->stems = calloc(most, sizeof(*list->stems));
    list->names = calloc(most, sizeof(*list->names));
    list->paths = calloc(most, sizeof(*list->paths));
    if (!list->stems || !list->names || !list->paths)
        return error_memory(error, "the list of outputs", most * sizeof(char *));
    cleave_status status = audio_format_check(settings->format, error);
    if (status == CLEAVE_OK)
        status = output_list_select(list, config, settings, error);
    if (status == CLEAVE_OK)
        status = output_list_name(list, config, settings, error);
    if (status == CLEAVE_OK && settings->stream_fd >= 0)
        status = output_list_stream(list, settings, error);
    else if (status == CLEAVE_OK)
        status = output_list_paths(list, model_name, input, settings, error);
    return status;
}

const char *output_list_first(char *const *paths, int count) {
    const char *first = paths[0];
    for (int i = 1; i < count; i++)
        if (strcmp(paths[i], first) < 0)
            first = paths[i];
    return first;
}

void output_list_destroy(OutputList *list) {
    for (int i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
    free(list->names);
    free(list->stems);
    *list = (OutputList){0};
}
