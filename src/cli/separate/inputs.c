/* inputs.c: turns arguments and lists into inputs. Folders are walked in folder_walk.c, lists are
 * read in input_list.c. */
#include "cli/separate/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/failure.h"
#include "cli/separate/folder_walk.h"
#include "cli/separate/input_list.h"
#include "cli/show/audio_files.h"

typedef struct Finder {
    Inputs *inputs;
    size_t capacity;
    const char *output;
    bool mirrors; /* the output gets the same folders as the input has */
    const char *const *extensions;
    bool chosen; /* --ext chose the extensions */
} Finder;

/* Takes ownership of what the input holds. */
static void add_input(Finder *finder, Input input) {
    Inputs *inputs = finder->inputs;
    inputs->items =
        make_room(inputs->items, (size_t)inputs->count, &finder->capacity, sizeof *inputs->items);
    inputs->items[inputs->count++] = input;
}

static char *path_below(const char *folder, const char *path) {
    size_t length = strlen(folder);
    bool needs_slash = *path != '\0' && folder[length - 1] != '/';
    return format_text("%s%s%s", folder, needs_slash ? "/" : "", path);
}

/* The folders that `path` names before the file. */
static char *folders_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? copy_bytes(path, (size_t)(slash - path)) : copy_text("");
}

static char *output_for(const Finder *finder, const char *folders) {
    return finder->mirrors && *folders != '\0' ? format_text("%s/%s", finder->output, folders)
                                               : copy_text(finder->output);
}

static cleave_error *failure_of(const char *front, const char *reason, const char *advice) {
    cleave_error *failure = allocate(1, sizeof *failure);
    failure_set(failure, CLEAVE_ERROR_INPUT, front, reason, advice);
    return failure;
}

static cleave_error *nothing_found(const Finder *finder, const char *folder) {
    if (!finder->chosen)
        return failure_of(folder, "no audio files in this folder and below it",
                          "name files, or choose extensions with --ext");
    char *reason = copy_text("no ");
    for (const char *const *extension = finder->extensions; *extension != NULL; extension++)
        append_text(&reason, "%s.%s", extension != finder->extensions ? ", " : "", *extension);
    append_text(&reason, " files in this folder and below it (--ext)");
    cleave_error *failure = failure_of(folder, reason, NULL);
    free(reason);
    return failure;
}

static cleave_error *unreadable(const char *folder, const char *reason) {
    char *front = format_text("cannot read the folder %s", folder);
    cleave_error *failure = failure_of(front, reason, "its files are left out");
    free(front);
    return failure;
}

static void add_folder(Finder *finder, const char *folder) {
    FolderItems found;
    finder->inputs->have_folders = true;
    folder_list(&found, folder, finder->extensions, finder->output);
    for (size_t i = 0; i < found.count; i++) {
        const FolderItem *item = &found.items[i];
        char *path = path_below(folder, item->path);
        char *folders = folders_of(item->path);
        add_input(finder, (Input){path, output_for(finder, folders), folders, true,
                                  item->failure != NULL ? unreadable(path, item->failure) : NULL});
    }
    if (found.count == 0)
        add_input(finder, (Input){copy_text(folder), copy_text(finder->output), copy_text(""),
                                  false, nothing_found(finder, folder)});
    folder_items_free(&found);
}

static void add_operand(Finder *finder, const char *path) {
    bool is_standard = strcmp(path, "-") == 0;
    if (!is_standard && is_folder(path))
        add_folder(finder, path);
    else
        add_input(finder,
                  (Input){copy_text(path), copy_text(finder->output), copy_text(""), false, NULL});
}

bool inputs_find(Inputs *inputs, const SeparateOptions *options) {
    PathList listed = {NULL, 0, 0};
    Finder finder = {.inputs = inputs,
                     .output = options->output.directory,
                     .mirrors = strstr(options->output.name_template, "{folder}") == NULL,
                     .extensions = cleave_input_extensions(),
                     .chosen = options->extensions != NULL};
    *inputs = (Inputs){NULL, 0, false};
    if (finder.chosen)
        finder.extensions = (const char *const *)options->extensions;
    bool good = options->list == NULL || path_list_read(&listed, options->list, options->null);
    for (int i = 0; i < options->line.input_count && good; i++)
        add_operand(&finder, options->line.inputs[i]);
    for (size_t i = 0; i < listed.count && good; i++)
        add_operand(&finder, listed.paths[i]);
    path_list_free(&listed);
    return good;
}

void input_free(Input *input) {
    free(input->path);
    free(input->directory);
    free(input->folder);
    free(input->failure);
}

void inputs_free(Inputs *inputs) {
    for (int i = 0; i < inputs->count; i++)
        input_free(&inputs->items[i]);
    free(inputs->items);
    *inputs = (Inputs){NULL, 0, false};
}
