/* outputs.c: the public list of a track's outputs, and whether they are whole. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audio/audio.h"
#include "base/memory.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "model/model.h"
#include "track/output_list.h"
#include "track/working_path.h"

/* ---- The list ---- */

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

static cleave_status outputs_copy(const OutputList *outputs, cleave_outputs *list,
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
        status = outputs_copy(&outputs, &own, error);
    output_list_destroy(&outputs);
    if (status != CLEAVE_OK)
        cleave_outputs_free(&own);
    struct_give(list, list_size, &own, sizeof(own));
    return status;
}

/* ---- Whether they are whole ---- */

/* Whether a process works on the track, or was killed while it did: it may have replaced some of
 * the outputs. */
static cleave_status outputs_are_unfinished(const char *output, bool *unfinished,
                                            cleave_error *error) {
    *unfinished = false;
    for (WorkingFile file = 0; file < WORKING_FILES && !*unfinished; file++) {
        char *path = working_path(output, file);
        if (!path)
            return error_memory(error, "a path", strlen(output));
        *unfinished = access(path, F_OK) == 0;
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
    bool unfinished = false;
    *whole = 0;
    if (outputs->count == 0)
        return CLEAVE_OK;
    cleave_status status = outputs_are_unfinished(output_list_first(outputs->paths, outputs->count),
                                                  &unfinished, error);
    if (status != CLEAVE_OK || unfinished)
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
