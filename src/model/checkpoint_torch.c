/* checkpoint_torch.c: from the root of a torch.save pickle to checked tensors: which dict is the
 * state dict, and whether each tensor lies inside its storage. The containers' readers say where
 * the bytes of a storage are (checkpoint_zip.c, checkpoint_stream.c). */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "model/checkpoint_private.h"
#include "model/family_names.h"
#include "model/refuse.h"

/* ---- The state dict ---- */

#define MAX_DICTS 256

/* Dicts to look at, nearest to the root first; among equals the usual names first. */
typedef struct DictQueue {
    const PickleValue *dicts[MAX_DICTS];
    int count;
} DictQueue;

static void queue_add(DictQueue *queue, const PickleValue *value) {
    if (!pickle_pairs(value) || queue->count == MAX_DICTS)
        return;
    for (int i = 0; i < queue->count; i++)
        if (queue->dicts[i] == value)
            return;
    queue->dicts[queue->count++] = value;
}

static void queue_add_children(DictQueue *queue, const PickleValue *dict) {
    static const char *const usual[] = {"state_dict", "state", "model", "model_state_dict", "ema"};
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        queue_add(queue, pickle_find(dict, usual[i]));
    const PickleItems *items = pickle_pairs(dict);
    for (size_t i = 1; i < items->count; i += 2)
        queue_add(queue, items->values[i]);
}

/* Whether a key is the mark of a network that cleave runs (family_names.h). */
static bool is_family_mark(const PickleValue *key) {
    static const char *const marks[] = {FAMILY_MARKS};
    char name[128];
    if (key->kind != PICKLE_TEXT || key->as.text.size >= sizeof(name))
        return false;
    memcpy(name, key->as.text.data, key->as.text.size);
    name[key->as.text.size] = '\0';
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strcmp(checkpoint_strip_prefixes(name), marks[i]) == 0)
            return true;
    return false;
}

static size_t dict_count_tensors(const PickleValue *dict, bool *has_mark) {
    const PickleItems *items = pickle_pairs(dict);
    size_t tensors = 0;
    *has_mark = false;
    for (size_t i = 0; i + 1 < items->count; i += 2) {
        if (items->values[i + 1]->kind != PICKLE_TENSOR)
            continue;
        tensors++;
        *has_mark = *has_mark || is_family_mark(items->values[i]);
    }
    return tensors;
}

/* The first dict that holds a network that cleave runs, or else the one with the most tensors, so
 * that a later error can say what network it is. NULL: no dict holds a tensor. */
static const PickleValue *state_dict_find(const PickleValue *root) {
    DictQueue queue = {.count = 0};
    const PickleValue *best = NULL;
    size_t most = 0;
    queue_add(&queue, root);
    for (int i = 0; i < queue.count; i++) {
        bool has_mark;
        size_t tensors = dict_count_tensors(queue.dicts[i], &has_mark);
        if (has_mark)
            return queue.dicts[i];
        if (tensors > most) {
            most = tensors;
            best = queue.dicts[i];
        }
        queue_add_children(&queue, queue.dicts[i]);
    }
    return best;
}

static cleave_status state_dict_refuse(const Checkpoint *checkpoint, const PickleValue *root,
                                       cleave_error *error) {
    const PickleValue *type = root && root->kind == PICKLE_OPAQUE ? root->as.opaque.type : NULL;
    if (!type)
        return model_refuse(error, checkpoint->source, ADVICE_SAVE,
                            "there is no state dict in it: no dict holds a tensor");
    PickleText module = type->as.global.module;
    PickleText name = type->as.global.name;
    return model_refuse(error, checkpoint->source, ADVICE_SAVE,
                        "there is no state dict in it, but a whole Python object (%.*s.%.*s), "
                        "which only the program that wrote it can load",
                        (int)size_min(module.size, 80), module.data, (int)size_min(name.size, 80),
                        name.data);
}

/* ---- Tensors ---- */

/* Finds the largest element index that dims and strides reach from `offset`. False if they are
 * negative or overflow. *last means nothing if a dim is 0. */
static bool find_last_element(const PickleTensor *tensor, bool *empty, size_t *last) {
    size_t elements = 1;
    size_t end = (size_t)tensor->offset;
    *empty = false;
    if (tensor->offset < 0)
        return false;
    for (int i = 0; i < tensor->dim_count; i++) {
        if (tensor->dims[i] < 0 || tensor->strides[i] < 0)
            return false;
        *empty = *empty || tensor->dims[i] == 0;
    }
    for (int i = 0; i < tensor->dim_count && !*empty; i++) {
        size_t span;
        if (!size_multiply(elements, (size_t)tensor->dims[i], &elements) ||
            !size_multiply((size_t)tensor->dims[i] - 1, (size_t)tensor->strides[i], &span) ||
            !size_add(end, span, &end))
            return false;
    }
    *last = end;
    return elements <= SIZE_MAX / 16;
}

/* Finds the bytes of its storage that a tensor may use: [*begin, *begin + *size). False if the
 * numbers contradict each other or go beyond the `stored` bytes. */
static bool find_view(const PickleStorage *storage, size_t stored, size_t *begin, size_t *size) {
    size_t declared;
    if (storage->elements < 0 || storage->view_offset < 0 || storage->view_elements < 0 ||
        storage->view_offset > storage->elements ||
        storage->view_elements > storage->elements - storage->view_offset ||
        !size_multiply((size_t)storage->elements, storage->element_size, &declared) ||
        declared > stored)
        return false;
    *begin = (size_t)storage->view_offset * storage->element_size;
    *size = (size_t)storage->view_elements * storage->element_size;
    return true;
}

/* Points `tensor` at the described elements. False if they do not lie in the storage. */
static bool tensor_place(Tensor *tensor, const PickleTensor *described, const unsigned char *data,
                         size_t stored) {
    bool empty;
    size_t last = 0;
    size_t begin;
    size_t size;
    size_t needed = 0;
    if (!find_last_element(described, &empty, &last))
        return false;
    if (described->element_size == 0 || described->storage->element_size == 0) {
        tensor->dtype = DTYPE_OTHER; /* never read */
        return true;
    }
    if (!find_view(described->storage, stored, &begin, &size))
        return false;
    if (empty)
        return true;
    if (!size_add(last, 1, &needed) || !size_multiply(needed, described->element_size, &needed) ||
        needed > size)
        return false;
    tensor->data = data + begin + (size_t)described->offset * described->element_size;
    return true;
}

static cleave_status state_dict_add(Checkpoint *checkpoint, PickleText name,
                                    const PickleTensor *described, const StorageFinder *finder,
                                    cleave_error *error) {
    const unsigned char *data = NULL;
    size_t stored = 0;
    int shown = (int)size_min(name.size, 100);
    cleave_status status = finder->find(finder->context, described->storage, &data, &stored, error);
    if (status != CLEAVE_OK)
        return status;
    Tensor tensor = {.dtype = described->dtype, .dim_count = described->dim_count};
    memcpy(tensor.dims, described->dims, sizeof(tensor.dims));
    memcpy(tensor.strides, described->strides, sizeof(tensor.strides));
    if (!tensor_place(&tensor, described, data, stored)) {
        char shape[200];
        tensor_shape_text(described->dims, described->dim_count, shape, sizeof(shape));
        return model_refuse(
            error, checkpoint->source, ADVICE_DOWNLOAD,
            "%.*s: the shape %s at element %" PRId64 " does not lie in its storage of %" PRId64
            " elements (%zu bytes in the file): the file is damaged or incomplete",
            shown, name.data, shape, described->offset, described->storage->elements, stored);
    }
    return checkpoint_add(checkpoint, &tensor, name.data, name.size, error);
}

cleave_status checkpoint_add_state_dict(Checkpoint *checkpoint, const PickleValue *root,
                                        const StorageFinder *finder, cleave_error *error) {
    const PickleValue *dict = state_dict_find(root);
    if (!dict)
        return state_dict_refuse(checkpoint, root, error);
    const PickleItems *items = pickle_pairs(dict);
    for (size_t i = 0; i + 1 < items->count; i += 2) {
        const PickleValue *key = items->values[i];
        const PickleValue *value = items->values[i + 1];
        if (key->kind != PICKLE_TEXT || value->kind != PICKLE_TENSOR)
            continue;
        cleave_status status =
            state_dict_add(checkpoint, key->as.text, value->as.tensor, finder, error);
        if (status != CLEAVE_OK)
            return status;
    }
    return CLEAVE_OK;
}
