/* checkpoint_add.c: what the readers of containers build on: adding tensors to a checkpoint, and
 * errors about its file. */
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint_private.h"
#include "model/refuse.h"

#define MAX_TENSORS     ((size_t)200000)
#define MAX_NAME_LENGTH ((size_t)1024)

static cleave_status checkpoint_make_room(Checkpoint *checkpoint, cleave_error *error) {
    if (checkpoint->count < checkpoint->capacity)
        return CLEAVE_OK;
    if (checkpoint->count >= MAX_TENSORS)
        return model_refuse(error, checkpoint->source, NULL,
                            "more than %zu tensors, which no network for separation has",
                            MAX_TENSORS);
    size_t capacity = checkpoint->capacity ? 2 * checkpoint->capacity : 512;
    Tensor *tensors = realloc(checkpoint->tensors, capacity * sizeof(*tensors));
    if (!tensors)
        return error_memory(error, "the list of tensors", capacity * sizeof(*tensors));
    checkpoint->tensors = tensors;
    checkpoint->capacity = capacity;
    return CLEAVE_OK;
}

cleave_status checkpoint_add(Checkpoint *checkpoint, const Tensor *tensor, const char *name,
                             size_t name_size, cleave_error *error) {
    if (name_size > MAX_NAME_LENGTH || memchr(name, '\0', name_size))
        return model_refuse(error, checkpoint->source, NULL,
                            "a tensor's name is %zu bytes long or holds a NUL: the file is damaged",
                            name_size);
    cleave_status status = checkpoint_make_room(checkpoint, error);
    if (status != CLEAVE_OK)
        return status;
    char *copy = malloc(name_size + 1);
    if (!copy)
        return error_memory(error, "a tensor's name", name_size + 1);
    memcpy(copy, name, name_size);
    copy[name_size] = '\0';
    checkpoint->tensors[checkpoint->count] = *tensor;
    checkpoint->tensors[checkpoint->count++].name = copy;
    return CLEAVE_OK;
}

const char *checkpoint_strip_prefixes(const char *name) {
    /* Left by DataParallel and AveragedModel, by Lightning, and by torch.compile. */
    static const char *const prefixes[] = {"module.", "model.", "_orig_mod."};
    const size_t count = sizeof(prefixes) / sizeof(prefixes[0]);
    for (size_t i = 0; i < count;) {
        size_t length = strlen(prefixes[i]);
        bool found = strncmp(name, prefixes[i], length) == 0 && name[length] != '\0';
        name += found ? length : 0;
        i = found ? 0 : i + 1;
    }
    return name;
}
