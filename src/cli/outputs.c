/* outputs.c: see outputs.h. */
#include "outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "allocate.h"

typedef struct Output {
    char *path;
    int input; /* index */
} Output;

typedef struct Outputs {
    Output *items;
    size_t count;
} Outputs;

/* macOS's file systems take Song and song for the same name. */
static int compare_paths(const char *a, const char *b) {
#ifdef __APPLE__
    return strcasecmp(a, b);
#else
    return strcmp(a, b);
#endif
}

static int compare_outputs(const void *left, const void *right) {
    const Output *a = left;
    const Output *b = right;
    int order = compare_paths(a->path, b->path);
    return order != 0 ? order : a->input - b->input;
}

/* The outputs of all inputs; false where the settings do not fit the model. */
static bool list_all(Outputs *outputs, const Options *options, int stream_fd,
                     const cleave_model *model, cleave_error *error) {
    cleave_output_settings settings = options->output;
    settings.stream_fd = stream_fd;
    cleave_model_info info;
    cleave_model_get_info(model, &info);
    size_t most = (size_t)options->input_count * ((size_t)info.stem_count + 1);
    outputs->items = allocate(most, sizeof *outputs->items);
    for (int i = 0; i < options->input_count; i++) {
        cleave_output_list list;
        if (cleave_list_outputs(model, options->inputs[i], &settings, &list, error) != CLEAVE_OK)
            return false;
        for (int k = 0; k < list.count; k++) {
            outputs->items[outputs->count++] = (Output){list.paths[k], i};
            list.paths[k] = NULL; /* taken over */
        }
        cleave_output_list_free(&list);
    }
    return true;
}

static bool are_different(const Outputs *outputs, const Options *options, cleave_error *error) {
    for (size_t i = 1; i < outputs->count; i++) {
        const Output *a = &outputs->items[i - 1];
        const Output *b = &outputs->items[i];
        if (a->input == b->input || compare_paths(a->path, b->path) != 0)
            continue;
        const char *template = options->output.name_template;
        bool shared = template != NULL && strstr(template, "{track}") == NULL;
        snprintf(error->text, sizeof error->text, "%s and %s would write the same outputs; %s",
                 options->inputs[a->input], options->inputs[b->input],
                 shared ? "add {track} to --name, or run them one by one"
                        : "run them one by one, with another --output or --name each");
        return false;
    }
    return true;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The input other than its own that an output would replace; -1 if there is none. */
static int replaced_input(const Output *output, const Options *options) {
    struct stat target;
    struct stat input;
    if (stat(output->path, &target) != 0)
        return -1;
    for (int i = 0; i < options->input_count; i++)
        if (i != output->input && stat(options->inputs[i], &input) == 0 &&
            same_file(&target, &input))
            return i;
    return -1;
}

static bool spare_inputs(const Outputs *outputs, const Options *options, cleave_error *error) {
    for (size_t i = 0; i < outputs->count; i++) {
        int replaced = replaced_input(&outputs->items[i], options);
        if (replaced < 0)
            continue;
        snprintf(error->text, sizeof error->text,
                 "%s would overwrite the input %s; try another --output or --name",
                 options->inputs[outputs->items[i].input], options->inputs[replaced]);
        return false;
    }
    return true;
}

static bool are_apart(Outputs *outputs, const Options *options, cleave_error *error) {
    qsort(outputs->items, outputs->count, sizeof *outputs->items, compare_outputs);
    if (are_different(outputs, options, error) && spare_inputs(outputs, options, error))
        return true;
    error->status = CLEAVE_ERROR_ARGUMENT;
    return false;
}

bool outputs_are_sound(const Options *options, int stream_fd, const cleave_model *model,
                       cleave_error *error) {
    Outputs outputs = {0};
    bool sound =
        list_all(&outputs, options, stream_fd, model, error) && are_apart(&outputs, options, error);
    for (size_t i = 0; i < outputs.count; i++)
        free(outputs.items[i].path);
    free(outputs.items);
    return sound;
}
