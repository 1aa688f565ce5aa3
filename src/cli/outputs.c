/* outputs.c: see outputs.h. */
#include "outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "allocate.h"
#include "base/platform.h"
#include "cleave/extra.h"
#include "file_ids.h"
#include "text.h"

typedef struct Output {
    char *path;
    int input; /* index */
} Output;

typedef struct Outputs {
    Output *items;
    size_t count;
} Outputs;

static int compare_outputs(const void *left, const void *right) {
    const Output *a = left;
    const Output *b = right;
    int order = platform_compare_paths(a->path, b->path);
    return order != 0 ? order : a->input - b->input;
}

cleave_file_settings outputs_settings(const Input *input, const Options *options, int stream_fd) {
    cleave_file_settings settings = options->output;
    settings.directory = input->directory;
    settings.folder = input->folder;
    settings.stream_fd = stream_fd;
    return settings;
}

/* The outputs of all inputs; false where the settings do not fit the model. */
static bool list_all(Outputs *outputs, const Inputs *inputs, const Options *options, int stream_fd,
                     const cleave_model *model, cleave_error *error) {
    cleave_model_info info;
    cleave_model_get_info(model, &info);
    size_t most = (size_t)inputs->count * ((size_t)info.stem_count + 1);
    outputs->items = allocate(most, sizeof *outputs->items);
    for (int i = 0; i < inputs->count; i++) {
        const Input *input = &inputs->items[i];
        cleave_file_settings settings = outputs_settings(input, options, stream_fd);
        cleave_outputs list;
        if (input->failure != NULL)
            continue;
        if (cleave_outputs_list(model, input->path, &settings, &list, error) != CLEAVE_OK)
            return false;
        for (int k = 0; k < list.count; k++) {
            outputs->items[outputs->count++] = (Output){list.paths[k], i};
            list.paths[k] = NULL; /* taken over */
        }
        cleave_outputs_free(&list);
    }
    return true;
}

/* Of a path in an error, in bytes: two of them leave room for what is wrong. */
#define SHOWN_SIZE 400

static const char *show(char shown[SHOWN_SIZE], const char *path) {
    char *printable = text_printable(path);
    text_shorten_into(shown, SHOWN_SIZE, printable, SHOWN_SIZE - 1);
    free(printable);
    return shown;
}

static bool are_different(const Outputs *outputs, const Inputs *inputs, const Options *options,
                          cleave_error *error) {
    for (size_t i = 1; i < outputs->count; i++) {
        const Output *a = &outputs->items[i - 1];
        const Output *b = &outputs->items[i];
        if (a->input == b->input || platform_compare_paths(a->path, b->path) != 0)
            continue;
        const char *template = options->output.name_template;
        bool shared = template != NULL && strstr(template, "{track}") == NULL;
        char first[SHOWN_SIZE];
        char second[SHOWN_SIZE];
        snprintf(error->text, sizeof error->text, "%s and %s would write the same outputs; %s",
                 show(first, inputs->items[a->input].path),
                 show(second, inputs->items[b->input].path),
                 shared                 ? "add {track} to --name, or run them one by one"
                 : inputs->have_folders ? "choose one kind of file with --ext, or run them one by "
                                          "one, with another --output or --name each"
                                        : "run them one by one, with another --output or --name "
                                          "each");
        return false;
    }
    return true;
}

/* The inputs as files. Of several names of one file the first counts: an output that replaces its
 * own input is for the library to refuse. */
static void identify(FileIds *ids, const Inputs *inputs) {
    struct stat status;
    for (int i = 0; i < inputs->count; i++) {
        const Input *input = &inputs->items[i];
        bool is_file = input->failure == NULL && strcmp(input->path, "-") != 0;
        if (is_file && stat(input->path, &status) == 0)
            file_ids_add(ids, &status, i);
    }
}

/* The input other than its own that an output would replace; -1 if there is none. */
static int replaced_input(const Output *output, const FileIds *ids) {
    struct stat target;
    int input = stat(output->path, &target) == 0 ? file_ids_find(ids, &target) : -1;
    return input != output->input ? input : -1;
}

static bool spare_inputs(const Outputs *outputs, const Inputs *inputs, cleave_error *error) {
    FileIds ids = {NULL, 0, 0};
    bool good = true;
    identify(&ids, inputs);
    for (size_t i = 0; i < outputs->count && good; i++) {
        int replaced = replaced_input(&outputs->items[i], &ids);
        good = replaced < 0;
        char writer[SHOWN_SIZE];
        char input[SHOWN_SIZE];
        if (!good)
            snprintf(error->text, sizeof error->text,
                     "%s would overwrite the input %s; try another --output or --name",
                     show(writer, inputs->items[outputs->items[i].input].path),
                     show(input, inputs->items[replaced].path));
    }
    file_ids_free(&ids);
    return good;
}

static bool are_apart(Outputs *outputs, const Inputs *inputs, const Options *options,
                      cleave_error *error) {
    qsort(outputs->items, outputs->count, sizeof *outputs->items, compare_outputs);
    if (are_different(outputs, inputs, options, error) && spare_inputs(outputs, inputs, error))
        return true;
    error->status = CLEAVE_ERROR_ARGUMENT;
    return false;
}

bool outputs_are_sound(const Inputs *inputs, const Options *options, int stream_fd,
                       const cleave_model *model, cleave_error *error) {
    Outputs outputs = {0};
    bool sound = list_all(&outputs, inputs, options, stream_fd, model, error) &&
                 are_apart(&outputs, inputs, options, error);
    for (size_t i = 0; i < outputs.count; i++)
        free(outputs.items[i].path);
    free(outputs.items);
    return sound;
}
