/* outputs.c: lists the outputs of all inputs, and compares them with each other and the inputs. */
#include "cli/separate/outputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/platform.h"
#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/failure.h"
#include "cli/console/text.h"
#include "cli/separate/file_ids.h"

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

cleave_file_settings outputs_settings(const Input *input, const SeparateOptions *options,
                                      int stream_fd) {
    cleave_file_settings settings = options->output;
    settings.directory = input->directory;
    settings.folder = input->folder;
    settings.stream_fd = stream_fd;
    return settings;
}

/* Lists the outputs of all inputs. False if the settings do not fit the model. */
static bool list_all(Outputs *outputs, const Inputs *inputs, const SeparateOptions *options,
                     int stream_fd, const cleave_model *model, cleave_error *error) {
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
            list.paths[k] = NULL; /* now ours */
        }
        cleave_outputs_free(&list);
    }
    return true;
}

/* Of a path in an error, in bytes: two of them leave room for what is wrong. */
#define SHOWN_SIZE 400

/* A path as an error shows it. Free it. */
static char *shown(const char *path) {
    char *printable = text_printable(path);
    char *text = allocate(SHOWN_SIZE, 1);
    text_shorten_into(text, SHOWN_SIZE, printable, SHOWN_SIZE - 1);
    free(printable);
    return text;
}

/* An error about two inputs: "A BETWEEN B". */
static void set_conflict(cleave_error *error, const Inputs *inputs, const int pair[2],
                         const char *between, const char *behind, const char *advice) {
    char *first = shown(inputs->items[pair[0]].path);
    char *second = shown(inputs->items[pair[1]].path);
    char *reason = format_text("%s %s %s%s", first, between, second, behind);
    failure_set(error, CLEAVE_ERROR_ARGUMENT, NULL, reason, advice);
    free(reason);
    free(second);
    free(first);
}

static const char *how_to_part(const Inputs *inputs, const char *template) {
    if (template != NULL && strstr(template, "{track}") == NULL)
        return "add {track} to --name, or run them one by one";
    if (inputs->have_folders)
        return "choose one kind of file with --ext, or run them one by one, with another --output "
               "or --name each";
    return "run them one by one, with another --output or --name each";
}

static bool are_different(const Outputs *outputs, const Inputs *inputs,
                          const SeparateOptions *options, cleave_error *error) {
    for (size_t i = 1; i < outputs->count; i++) {
        const Output *a = &outputs->items[i - 1];
        const Output *b = &outputs->items[i];
        if (a->input == b->input || platform_compare_paths(a->path, b->path) != 0)
            continue;
        set_conflict(error, inputs, (int[]){a->input, b->input}, "and",
                     " would write the same outputs",
                     how_to_part(inputs, options->output.name_template));
        return false;
    }
    return true;
}

/* The inputs as files; the first of several names of one file counts. An output that would replace
 * its own input is refused by the library. */
static void identify_inputs(FileIds *ids, const Inputs *inputs) {
    struct stat status;
    for (int i = 0; i < inputs->count; i++) {
        const Input *input = &inputs->items[i];
        bool is_file = input->failure == NULL && strcmp(input->path, "-") != 0;
        if (is_file && stat(input->path, &status) == 0)
            file_ids_add(ids, &status, i);
    }
}

/* The input of another track that an output would replace; -1: it replaces no such input. */
static int replaced_input(const Output *output, const FileIds *ids) {
    struct stat target;
    int input = stat(output->path, &target) == 0 ? file_ids_find(ids, &target) : -1;
    return input != output->input ? input : -1;
}

static bool spare_inputs(const Outputs *outputs, const Inputs *inputs, cleave_error *error) {
    FileIds ids = {NULL, 0, 0};
    bool good = true;
    identify_inputs(&ids, inputs);
    for (size_t i = 0; i < outputs->count && good; i++) {
        int replaced = replaced_input(&outputs->items[i], &ids);
        good = replaced < 0;
        if (!good)
            set_conflict(error, inputs, (int[]){outputs->items[i].input, replaced},
                         "would overwrite the input", "", "try another --output or --name");
    }
    file_ids_free(&ids);
    return good;
}

static bool are_apart(Outputs *outputs, const Inputs *inputs, const SeparateOptions *options,
                      cleave_error *error) {
    qsort(outputs->items, outputs->count, sizeof *outputs->items, compare_outputs);
    return are_different(outputs, inputs, options, error) && spare_inputs(outputs, inputs, error);
}

bool outputs_are_sound(const Inputs *inputs, const SeparateOptions *options, int stream_fd,
                       const cleave_model *model, cleave_error *error) {
    Outputs outputs = {0};
    bool sound = list_all(&outputs, inputs, options, stream_fd, model, error) &&
                 are_apart(&outputs, inputs, options, error);
    for (size_t i = 0; i < outputs.count; i++)
        free(outputs.items[i].path);
    free(outputs.items);
    return sound;
}
