/* own_stems.c: compares the places of inputs with those where stems go. A place is a folder, by
 * device and inode so that its spelling does not matter, and a file's name without its extension,
 * since an earlier run may have written another format. */
#include "cli/separate/own_stems.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/platform.h"
#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/text.h"
#include "cli/separate/outputs.h"

/* Where a stem goes, or where a file is. */
typedef struct Place {
    dev_t device; /* of its folder */
    ino_t inode;
    char *name; /* without the extension */
    int input;  /* index */
} Place;

typedef struct Places {
    Place *items;
    size_t count;
    size_t capacity;
} Places;

/* What is known of an input. */
typedef enum Kind {
    KIND_UNKNOWN, /* depends on inputs that are not known yet */
    KIND_SONG,
    KIND_STEM
} Kind;

static int compare_places(const void *left, const void *right) {
    const Place *a = left;
    const Place *b = right;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    if (a->inode != b->inode)
        return a->inode < b->inode ? -1 : 1;
    return platform_compare_paths(a->name, b->name);
}

/* False if the folder does not exist. */
static bool find_place(Place *place, const char *path, int input) {
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? copy_text(".")
                   : slash == path ? copy_text("/")
                                   : copy_bytes(path, (size_t)(slash - path));
    struct stat status;
    bool found = stat(folder, &status) == 0;
    free(folder);
    if (found)
        *place = (Place){status.st_dev, status.st_ino, text_stem(path), input};
    return found;
}

/* Settings that do not fit the model are an error later, in outputs_are_sound(). */
static void add_outputs(Places *places, const Input *input, int index,
                        const cleave_file_settings *settings, const cleave_model *model) {
    cleave_outputs list;
    if (cleave_outputs_list(model, input->path, settings, &list, NULL) != CLEAVE_OK)
        return;
    for (int i = 0; i < list.count; i++) {
        places->items =
            make_room(places->items, places->count, &places->capacity, sizeof *places->items);
        if (find_place(&places->items[places->count], list.paths[i], index))
            places->count++;
    }
    cleave_outputs_free(&list);
}

/* Where the stems of all inputs go: the stems that are asked for, and all others of the model,
 * which an earlier run may have written. */
static void list_places(Places *places, const Inputs *inputs, const SeparateOptions *options,
                        const cleave_model *model) {
    for (int i = 0; i < inputs->count; i++) {
        const Input *input = &inputs->items[i];
        cleave_file_settings settings = outputs_settings(input, options, -1);
        if (input->failure != NULL)
            continue;
        add_outputs(places, input, i, &settings, model);
        settings.stems = NULL;
        settings.stem_count = 0;
        settings.residual = NULL;
        add_outputs(places, input, i, &settings, model);
    }
    if (places->count > 1)
        qsort(places->items, places->count, sizeof *places->items, compare_places);
}

/* The first of the listed places that equal `place`; *end is behind the last of them. */
static const Place *matching_places(const Places *places, const Place *place, const Place **end) {
    const Place *all = places->items + places->count;
    const Place *first =
        bsearch(place, places->items, places->count, sizeof *first, compare_places);
    while (first != NULL && first > places->items && compare_places(first - 1, place) == 0)
        first--;
    *end = first;
    while (first != NULL && *end < all && compare_places(*end, place) == 0)
        (*end)++;
    return first;
}

/* A file is a stem if it lies where a song, or a stem, writes one of its stems; otherwise it is a
 * song. Two files that lie where the other one writes stay unknown: outputs_are_sound() refuses
 * them. */
static Kind kind_of(const Places *places, const Inputs *inputs, const Kind *kinds, int index) {
    Place place;
    const Place *end;
    const Input *input = &inputs->items[index];
    Kind kind = KIND_SONG;
    if (!input->from_folder || input->failure != NULL || !find_place(&place, input->path, index))
        return KIND_SONG;
    for (const Place *at = matching_places(places, &place, &end); at < end && kind != KIND_STEM;
         at++)
        if (at->input != index)
            kind = kinds[at->input] == KIND_UNKNOWN ? KIND_UNKNOWN : KIND_STEM;
    free(place.name);
    return kind;
}

/* Repeated until nothing new is found, since stems may have stems. */
static void find_kinds(Kind *kinds, const Places *places, const Inputs *inputs) {
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < inputs->count; i++) {
            if (kinds[i] != KIND_UNKNOWN)
                continue;
            kinds[i] = kind_of(places, inputs, kinds, i);
            more = more || kinds[i] != KIND_UNKNOWN;
        }
    }
}

static int take_out_stems(Inputs *inputs, const Kind *kinds) {
    int kept = 0;
    int count = inputs->count;
    for (int i = 0; i < count; i++) {
        if (kinds[i] == KIND_STEM)
            input_free(&inputs->items[i]);
        else
            inputs->items[kept++] = inputs->items[i];
    }
    inputs->count = kept;
    return count - kept;
}

int own_stems_leave_out(Inputs *inputs, const SeparateOptions *options, const cleave_model *model) {
    if (!inputs->have_folders || options->to_standard_output)
        return 0;
    Places places = {NULL, 0, 0};
    Kind *kinds = allocate((size_t)inputs->count, sizeof *kinds);
    list_places(&places, inputs, options, model);
    if (places.count > 0)
        find_kinds(kinds, &places, inputs);
    int left_out = take_out_stems(inputs, kinds);
    for (size_t i = 0; i < places.count; i++)
        free(places.items[i].name);
    free(places.items);
    free(kinds);
    return left_out;
}
