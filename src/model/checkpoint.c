/* checkpoint.c: opening a checkpoint, and finding its tensors by name. Each container has a reader
 * in a file of its own; checkpoint_sniff.c recognises them. */
#include "model/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "model/checkpoint_private.h"
#include "model/refuse.h"

/* ---- The index ---- */

typedef struct Entry {
    const char *name;
    size_t index;
} Entry;

static int compare_entries(const void *a, const void *b) {
    const Entry *left = a;
    const Entry *right = b;
    int order = strcmp(left->name, right->name);
    if (order != 0)
        return order;
    return left->index < right->index ? -1 : left->index > right->index;
}

/* Entries of all tensors, by name, then in file order. NULL on failure. */
static Entry *checkpoint_sort_entries(const Checkpoint *checkpoint, bool stripped) {
    Entry *entries = malloc(size_max(checkpoint->count, 1) * sizeof(*entries));
    if (!entries)
        return NULL;
    for (size_t i = 0; i < checkpoint->count; i++) {
        const char *name = checkpoint->tensors[i].name;
        entries[i] = (Entry){stripped ? checkpoint_strip_prefixes(name) : name, i};
    }
    qsort(entries, checkpoint->count, sizeof(*entries), compare_entries);
    return entries;
}

/* Keeps only the last of several tensors with the same name, as a Python dict does. */
static bool checkpoint_drop_repeated(Checkpoint *checkpoint) {
    Entry *entries = checkpoint_sort_entries(checkpoint, false);
    if (!entries)
        return false;
    size_t kept = 0;
    for (size_t i = 0; i + 1 < checkpoint->count; i++)
        if (strcmp(entries[i].name, entries[i + 1].name) == 0)
            checkpoint->tensors[entries[i].index].dim_count = -1;
    free(entries);
    for (size_t i = 0; i < checkpoint->count; i++) {
        if (checkpoint->tensors[i].dim_count < 0)
            free(checkpoint->tensors[i].name);
        else
            checkpoint->tensors[kept++] = checkpoint->tensors[i];
    }
    checkpoint->count = kept;
    return true;
}

static cleave_status checkpoint_refuse_collision(const Checkpoint *checkpoint, const Entry *first,
                                                 const Entry *second, cleave_error *error) {
    return model_refuse(error, checkpoint->source, "save a checkpoint with one of them",
                        "both '" UTF8_CUT(100) "' and '" UTF8_CUT(
                            100) "' are there, and either could be the network's weight",
                        checkpoint->tensors[first->index].name,
                        checkpoint->tensors[second->index].name);
}

/* Strips the names of their prefixes and sorts the index by what is left. */
static cleave_status checkpoint_build_index(Checkpoint *checkpoint, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (!checkpoint_drop_repeated(checkpoint))
        return error_memory(error, "the list of tensors", checkpoint->count * sizeof(Entry));
    Entry *entries = checkpoint_sort_entries(checkpoint, true);
    checkpoint->by_name = malloc(size_max(checkpoint->count, 1) * sizeof(*checkpoint->by_name));
    if (!entries || !checkpoint->by_name) {
        free(entries);
        return error_memory(error, "the list of tensors", checkpoint->count * sizeof(Entry));
    }
    for (size_t i = 0; i < checkpoint->count && status == CLEAVE_OK; i++) {
        checkpoint->by_name[i] = entries[i].index;
        if (i > 0 && strcmp(entries[i - 1].name, entries[i].name) == 0)
            status = checkpoint_refuse_collision(checkpoint, &entries[i - 1], &entries[i], error);
    }
    free(entries);
    for (size_t i = 0; i < checkpoint->count; i++) {
        char *name = checkpoint->tensors[i].name;
        const char *stripped = checkpoint_strip_prefixes(name);
        memmove(name, stripped, strlen(stripped) + 1);
    }
    return status;
}

/* ---- Opening ---- */

static cleave_status checkpoint_load(Checkpoint *checkpoint, cleave_error *error) {
    switch (checkpoint_form(checkpoint->data, checkpoint->size)) {
    case FORM_ZIP:
        checkpoint->container = "torch zip";
        return checkpoint_load_zip(checkpoint, error);
    case FORM_STREAM:
        checkpoint->container = "torch stream";
        return checkpoint_load_stream(checkpoint, error);
    case FORM_SAFETENSORS:
        checkpoint->container = "safetensors";
        return checkpoint_load_safetensors(checkpoint, error);
    case FORM_FOREIGN:
        break;
    }
    return checkpoint_refuse_foreign(checkpoint, error);
}

/* Loads the tensors from data and size, which are set. Takes the checkpoint over: on failure it is
 * freed. */
static cleave_status checkpoint_finish(Checkpoint **result, Checkpoint *checkpoint,
                                       const cleave_logger *log, cleave_error *error) {
    cleave_status status = checkpoint_load(checkpoint, error);
    if (status == CLEAVE_OK)
        status = checkpoint_build_index(checkpoint, error);
    if (status != CLEAVE_OK) {
        checkpoint_close(checkpoint);
        return status;
    }
    log_write(log, CLEAVE_LOG_DEBUG, PATH_FORMAT ": %s with %zu tensors, %zu entries decompressed",
              checkpoint->source, checkpoint->container, checkpoint->count,
              checkpoint->buffer_count);
    checkpoint->source = NULL;
    *result = checkpoint;
    return CLEAVE_OK;
}

cleave_status checkpoint_open_memory(Checkpoint **result, const void *data, size_t size,
                                     const char *source, const cleave_logger *log,
                                     cleave_error *error) {
    *result = NULL;
    Checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    if (!checkpoint)
        return error_memory(error, "a checkpoint", sizeof(*checkpoint));
    checkpoint->data = data;
    checkpoint->size = size;
    checkpoint->source = source;
    return checkpoint_finish(result, checkpoint, log, error);
}

cleave_status checkpoint_open(Checkpoint **result, const char *path, const cleave_logger *log,
                              cleave_error *error) {
    *result = NULL;
    Checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
    if (!checkpoint)
        return error_memory(error, "a checkpoint", sizeof(*checkpoint));
    cleave_status status = mapped_file_open(&checkpoint->file, path, CLEAVE_ERROR_MODEL, error);
    if (status != CLEAVE_OK) {
        free(checkpoint);
        return status;
    }
    checkpoint->data = checkpoint->file.data;
    checkpoint->size = checkpoint->file.size;
    checkpoint->source = path;
    return checkpoint_finish(result, checkpoint, log, error);
}

void checkpoint_close(Checkpoint *checkpoint) {
    if (!checkpoint)
        return;
    for (size_t i = 0; i < checkpoint->count; i++)
        free(checkpoint->tensors[i].name);
    for (size_t i = 0; i < checkpoint->buffer_count; i++)
        free(checkpoint->buffers[i]);
    free(checkpoint->tensors);
    free(checkpoint->by_name);
    free(checkpoint->config);
    free(checkpoint->buffers);
    mapped_file_close(&checkpoint->file);
    free(checkpoint);
}

/* ---- Access ---- */

const char *checkpoint_container(const Checkpoint *checkpoint) {
    return checkpoint->container;
}

const Tensor *checkpoint_find(const Checkpoint *checkpoint, const char *name) {
    size_t low = 0;
    size_t high = checkpoint->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const Tensor *tensor = &checkpoint->tensors[checkpoint->by_name[middle]];
        int order = strcmp(name, tensor->name);
        if (order == 0)
            return tensor;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const Tensor *checkpoint_tensors(const Checkpoint *checkpoint, size_t *count) {
    *count = checkpoint->count;
    return checkpoint->tensors;
}

int checkpoint_count_numbered(const Checkpoint *checkpoint, const char *prefix) {
    size_t count;
    const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
    size_t length = strlen(prefix);
    int numbered = 0;
    for (size_t i = 0; i < count; i++) {
        int number = 0;
        const char *p = tensors[i].name + length;
        if (strncmp(tensors[i].name, prefix, length) != 0)
            continue;
        for (; *p >= '0' && *p <= '9' && number < 100000; p++)
            number = number * 10 + (*p - '0');
        if (*p == '.' && number + 1 > numbered)
            numbered = number + 1;
    }
    return numbered;
}

const char *checkpoint_embedded_config(const Checkpoint *checkpoint) {
    return checkpoint->config;
}

int64_t checkpoint_held_bytes(const Checkpoint *checkpoint) {
    return (int64_t)checkpoint->buffer_bytes;
}

const MappedFile *checkpoint_file(const Checkpoint *checkpoint) {
    return &checkpoint->file;
}

void checkpoint_release_pages(const Checkpoint *checkpoint) {
    mapped_file_release_pages(&checkpoint->file);
}
