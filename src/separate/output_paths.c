/* output_paths.c: see output_paths.h, and cleave.h for the public part. */
#include "separate/output_paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "audio/audio.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/public_struct.h"
#include "base/utf8.h"
#include "cleave/extra.h"
#include "model/model.h"
#include "separate/side_file.h"

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

static int find_stem(const Config *config, const char *name) {
    for (int i = 0; i < config->stem_count; i++)
        if (strcmp(config->stems[i], name) == 0)
            return i;
    for (int i = 0; i < config->stem_count; i++)
        if (strcasecmp(config->stems[i], name) == 0)
            return i;
    return -1;
}

/* "kick, snare, toms" into text, cut where it does not fit. */
static void join_stems(const Config *config, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < config->stem_count && used < size - 1; i++) {
        int written = snprintf(text + used, size - used, "%s%s", i ? ", " : "", config->stems[i]);
        used += written > 0 ? (size_t)written : 0;
    }
    utf8_trim(text);
}

static cleave_status select_stems(OutputList *list, const Config *config,
                                  const cleave_file_settings *settings, cleave_error *error) {
    if (!settings->stems) {
        for (int i = 0; i < config->stem_count; i++)
            list->stems[list->stem_count++] = i;
        return CLEAVE_OK;
    }
    for (int i = 0; i < settings->stem_count; i++) {
        int stem = settings->stems[i] ? find_stem(config, settings->stems[i]) : -1;
        if (stem < 0) {
            char known[512];
            join_stems(config, known, sizeof(known));
            return error_set(error, CLEAVE_ERROR_ARGUMENT,
                             "the model has no stem \"%s\"; it has: %s",
                             settings->stems[i] ? settings->stems[i] : "", known);
        }
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

static cleave_status name_outputs(OutputList *list, const Config *config,
                                  const cleave_file_settings *settings, cleave_error *error) {
    list->count = 0;
    for (int i = 0; i < list->stem_count; i++)
        list->names[list->count++] = config->stems[list->stems[i]];
    if (!settings->residual)
        return CLEAVE_OK;
    for (int i = 0; i < list->count; i++)
        if (strcasecmp(list->names[i], settings->residual) == 0)
            return error_set(error, CLEAVE_ERROR_ARGUMENT,
                             "the residual's name \"%s\" is also a stem's; try another one",
                             settings->residual);
    list->names[list->count++] = settings->residual;
    return CLEAVE_OK;
}

/* ---- Names ---- */

/* A name from a file, made safe as one part of a path: no separators, no control characters, not
 * "." or "..", not empty. */
static char *safe_name(const char *name) {
    char *safe = string_copy(name[0] ? name : "_");
    if (!safe)
        return NULL;
    if (strcmp(safe, ".") == 0 || strcmp(safe, "..") == 0)
        memset(safe, '_', strlen(safe));
    for (char *p = safe; *p; p++)
        if (*p == '/' || *p == '\\' || (unsigned char)*p < 0x20)
            *p = '_';
    return safe;
}

/* Several names with slashes between, each made safe; "" of none. */
static char *safe_folder(const char *folder) {
    char *safe = string_copy("");
    while (safe && *folder) {
        size_t length = strcspn(folder, "/");
        char *part = string_format("%.*s", (int)length, folder);
        char *name = part ? safe_name(part) : NULL;
        char *longer = name ? string_format("%s%s%s", safe, *safe && length > 0 ? "/" : "",
                                            length > 0 ? name : "")
                            : NULL;
        free(part);
        free(name);
        free(safe);
        safe = longer;
        folder += length + (folder[length] == '/');
    }
    return safe;
}

typedef struct Field {
    const char *key; /* "{stem}" */
    char *value;
} Field;

#define FIELD_COUNT 5

static const Field *field_at(const Field *fields, const char *text) {
    for (int i = 0; i < FIELD_COUNT; i++)
        if (strncmp(text, fields[i].key, strlen(fields[i].key)) == 0)
            return &fields[i];
    return NULL;
}

/* Whether `text` is empty, or ends where another name begins. */
static bool is_between_names(const char *text) {
    return *text == '\0' || text[strlen(text) - 1] == '/';
}

/* The template with its fields replaced; NULL if memory ran out. A folder that stands for nothing
 * takes the slash behind it along, or at the end the one before it. */
static char *expand(const char *template, const Field *fields) {
    char *text = string_copy("");
    while (text && *template) {
        const Field *field = field_at(fields, template);
        template += field ? strlen(field->key) : 0;
        bool is_nothing = field && *field->value == '\0' && is_between_names(text);
        if (is_nothing && *template == '/')
            template ++;
        else if (is_nothing && *template == '\0' && *text)
            text[strlen(text) - 1] = '\0';
        char *longer = field ? string_format("%s%s", text, field->value)
                             : string_format("%s%c", text, *template ++);
        free(text);
        text = longer;
    }
    return text;
}

static bool has_all_values(const Field *fields) {
    bool all = true;
    for (int i = 0; i < FIELD_COUNT; i++)
        all = all && fields[i].value;
    return all;
}

static bool ends_in_extension(const char *template) {
    static const char ending[] = ".{ext}";
    size_t length = strlen(template);
    return length >= strlen(ending) && strcmp(template + length - strlen(ending), ending) == 0;
}

static char *output_path(const cleave_file_settings *settings, const char *template,
                         const char *track, const char *stem, const char *model) {
    const char *extension = audio_format_extension(settings->format);
    Field fields[FIELD_COUNT] = {
        {"{track}", safe_name(track)},
        {"{stem}", safe_name(stem)},
        {"{model}", safe_name(model)},
        {"{ext}", safe_name(extension)},
        {"{folder}", safe_folder(settings->folder ? settings->folder : "")}};
    char *path = NULL;
    char *name = NULL;
    if (has_all_values(fields))
        name = expand(template, fields);
    if (name && ends_in_extension(template))
        path = string_format("%s/%s", settings->directory, name);
    else if (name)
        path = string_format("%s/%s.%s", settings->directory, name, extension);
    for (int i = 0; i < FIELD_COUNT; i++)
        free(fields[i].value);
    free(name);
    return path;
}

/* The one output that a stream can take. */
static cleave_status make_stream_path(OutputList *list, const cleave_file_settings *settings,
                                      cleave_error *error) {
    if (list->count != 1)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "standard output takes one stem, and %d would be written: %s, %s%s; name "
                         "one with --stems",
                         list->count, list->names[0], list->names[1],
                         list->count > 2 ? ", ..." : "");
    cleave_status status = audio_writer_can_stream(settings->format, error);
    if (status != CLEAVE_OK)
        return status;
    list->paths[0] = string_copy("-");
    return list->paths[0] ? CLEAVE_OK : error_memory(error, "an output's path", 2);
}

static cleave_status make_paths(OutputList *list, const char *model_name, const char *input,
                                const cleave_file_settings *settings, cleave_error *error) {
    const char *template = settings->name_template;
    char *track = path_is_standard(input) ? string_copy("stdin") : path_stem(input);
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < list->count && status == CLEAVE_OK; i++) {
        if (track)
            list->paths[i] = output_path(settings, template, track, list->names[i], model_name);
        if (!list->paths[i])
            status = error_memory(error, "an output's path", strlen(template));
        for (int k = 0; k < i && status == CLEAVE_OK; k++)
            if (strcmp(list->paths[i], list->paths[k]) == 0)
                status = error_set(error, CLEAVE_ERROR_ARGUMENT,
                                   "the outputs \"%s\" and \"%s\" would both be %s; try a name "
                                   "template with {stem}",
                                   list->names[k], list->names[i], list->paths[i]);
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
        status = select_stems(list, config, settings, error);
    if (status == CLEAVE_OK)
        status = name_outputs(list, config, settings, error);
    if (status == CLEAVE_OK && settings->stream_fd >= 0)
        status = make_stream_path(list, settings, error);
    else if (status == CLEAVE_OK)
        status = make_paths(list, model_name, input, settings, error);
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

/* ---- The public list ---- */

void cleave_outputs_free(cleave_outputs *list) {
    if (!list)
        return;
    for (int i = 0; i < list->count; i++) {
        free(list->stems[i]);
        free(list->paths[i]);
    }
    free(list->stems);
    free(list->paths);
    list->stems = list->paths = NULL;
    list->count = 0;
}

static cleave_status copy_list(const OutputList *outputs, cleave_outputs *list,
                               cleave_error *error) {
    size_t places = (size_t)outputs->count + 1; /* both lists end with NULL */
    size_t bytes = places * sizeof(char *);
    list->stems = calloc(places, sizeof(char *));
    list->paths = calloc(places, sizeof(char *));
    if (!list->stems || !list->paths)
        return error_memory(error, "the list of outputs", bytes);
    for (int i = 0; i < outputs->count; i++) {
        list->count++;
        list->stems[i] = string_copy(outputs->names[i]);
        list->paths[i] = string_copy(outputs->paths[i]);
        if (!list->stems[i] || !list->paths[i])
            return error_memory(error, "the list of outputs", bytes);
    }
    return CLEAVE_OK;
}

cleave_status cleave_outputs_list_sized(const cleave_model *model, const char *input,
                                        const cleave_file_settings *settings, cleave_outputs *list,
                                        size_t list_size, cleave_error *error) {
    OutputList outputs = {0};
    cleave_file_settings resolved;
    cleave_outputs own = {0};
    error_clear(error);
    if (!model || !input || !list)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "listing outputs needs a model, an input and room for the list");
    cleave_status status = file_settings_resolve(settings, &resolved, error);
    if (status == CLEAVE_OK)
        status = output_list_create(&outputs, &model->config, model->name, input, &resolved, error);
    if (status == CLEAVE_OK)
        status = copy_list(&outputs, &own, error);
    output_list_destroy(&outputs);
    if (status != CLEAVE_OK)
        cleave_outputs_free(&own);
    struct_give(list, list_size, &own, sizeof(own));
    return status;
}

/* Whether a track is being worked on, or a process that was killed left it unfinished: the last
 * thing it did may have been to replace some of the outputs. */
static cleave_status find_traces(const char *output, bool *found, cleave_error *error) {
    static const char *const kinds[] = {"lock", "resume"};
    *found = false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !*found; i++) {
        char *path = side_file_path(output, kinds[i]);
        if (!path)
            return error_memory(error, "a path", strlen(output));
        *found = access(path, F_OK) == 0;
        free(path);
    }
    return CLEAVE_OK;
}

cleave_status cleave_outputs_whole(const cleave_outputs *outputs, int *whole, cleave_error *error) {
    error_clear(error);
    if (!outputs || !whole)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "looking at outputs needs their list and room for the answer");
    int64_t common = 0;
    bool found = false;
    *whole = 0;
    if (outputs->count == 0)
        return CLEAVE_OK;
    cleave_status status =
        find_traces(output_list_first(outputs->paths, outputs->count), &found, error);
    if (status != CLEAVE_OK || found)
        return status;
    bool good = true;
    for (int i = 0; i < outputs->count && good; i++) {
        int64_t frames = 0;
        status = audio_file_is_whole(outputs->paths[i], &good, &frames, error);
        if (status != CLEAVE_OK)
            return status;
        common = i == 0 ? frames : common;
        good = good && frames == common;
    }
    *whole = good;
    return CLEAVE_OK;
}
