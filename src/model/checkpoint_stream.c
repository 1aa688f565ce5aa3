/* checkpoint_stream.c: the stream that torch.save wrote before PyTorch 1.6: pickles of a magic
 * number, a version, the writer's machine, the object and the storages' keys, then each storage as
 * an element count of 8 bytes and its data. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/checkpoint_private.h"
#include "model/refuse.h"

/* Where a storage lies in the file. */
typedef struct StoredData {
    PickleText key;
    const unsigned char *data;
    size_t size;
} StoredData;

typedef struct StreamReader {
    const Checkpoint *checkpoint;
    size_t position;
    StoredData *stored; /* sorted by key once all are read */
    size_t stored_count;
} StreamReader;

static int compare_text(PickleText a, PickleText b) {
    int order = memcmp(a.data, b.data, size_min(a.size, b.size));
    if (order != 0 || a.size == b.size)
        return order;
    return a.size < b.size ? -1 : 1;
}

static cleave_status read_pickle(StreamReader *reader, Pickle *pickle, cleave_error *error) {
    const Checkpoint *checkpoint = reader->checkpoint;
    cleave_status status =
        pickle_read(pickle, checkpoint->data + reader->position,
                    checkpoint->size - reader->position, checkpoint->source, error);
    if (status == CLEAVE_OK)
        reader->position += pickle->size;
    return status;
}

/* Checks the first three pickles: a magic number, which checkpoint_sniff.c has seen already, the
 * version, and whether the file is from a little-endian machine. */
static cleave_status read_preamble(StreamReader *reader, cleave_error *error) {
    Pickle magic = {0};
    Pickle version = {0};
    Pickle machine = {0};
    cleave_status status = read_pickle(reader, &magic, error);
    if (status == CLEAVE_OK)
        status = read_pickle(reader, &version, error);
    if (status == CLEAVE_OK &&
        (version.root->kind != PICKLE_INTEGER || version.root->as.integer != 1001))
        status =
            model_refuse(error, reader->checkpoint->source, "save it again with a current PyTorch",
                         "a torch.save stream of an unknown version");
    if (status == CLEAVE_OK)
        status = read_pickle(reader, &machine, error);
    if (status == CLEAVE_OK) {
        const PickleValue *little = pickle_find(machine.root, "little_endian");
        if (little && little->kind == PICKLE_BOOL && !little->as.integer)
            status = model_refuse(error, reader->checkpoint->source,
                                  "load it with PyTorch and save it again on this machine",
                                  "saved on a big-endian machine, which cleave does not read");
    }
    pickle_free(&magic);
    pickle_free(&version);
    pickle_free(&machine);
    return status;
}

static int compare_storages(const void *a, const void *b) {
    const PickleStorage *left = a;
    const PickleStorage *right = b;
    return compare_text(left->key, right->key);
}

/* What the object's pickle says about a storage; NULL if nothing. */
static const PickleStorage *find_described(const Pickle *object, PickleText key) {
    const PickleStorage wanted = {.key = key};
    if (object->storage_count == 0)
        return NULL;
    return bsearch(&wanted, object->storages, object->storage_count, sizeof(*object->storages),
                   compare_storages);
}

static cleave_status read_storage(StreamReader *reader, const Pickle *object, PickleText key,
                                  cleave_error *error) {
    const Checkpoint *checkpoint = reader->checkpoint;
    const unsigned char *data = checkpoint->data + reader->position;
    size_t left = checkpoint->size - reader->position;
    const PickleStorage *described = find_described(object, key);
    uint64_t elements = 0;
    size_t size = 0;
    if (!described || described->element_size == 0)
        return model_refuse(error, checkpoint->source, "save the network's state_dict() alone",
                            "storage '%.*s' is of a type that cleave does not know",
                            (int)size_min(key.size, 40), key.data);
    for (size_t i = 0; i < 8 && left >= 8; i++)
        elements |= (uint64_t)data[i] << (8 * i);
    bool valid = left >= 8 && elements <= SIZE_MAX &&
                 size_multiply((size_t)elements, described->element_size, &size) &&
                 size <= left - 8;
    if (!valid)
        return model_refuse(error, checkpoint->source, ADVICE_DOWNLOAD,
                            "incomplete: storage '%.*s' has %" PRIu64
                            " elements of %zu bytes, but %zu bytes are left of the file",
                            (int)size_min(key.size, 40), key.data, elements,
                            described->element_size, left);
    reader->stored[reader->stored_count++] = (StoredData){key, data + 8, size};
    reader->position += 8 + size;
    return CLEAVE_OK;
}

static int compare_stored(const void *a, const void *b) {
    const StoredData *left = a;
    const StoredData *right = b;
    return compare_text(left->key, right->key);
}

static cleave_status refuse_list(const StreamReader *reader, cleave_error *error) {
    return model_refuse(error, reader->checkpoint->source, ADVICE_DOWNLOAD,
                        "the list of storages is damaged");
}

static cleave_status read_storages(StreamReader *reader, const Pickle *object,
                                   const PickleValue *keys, cleave_error *error) {
    if (keys->kind != PICKLE_LIST)
        return refuse_list(reader, error);
    const PickleItems *items = &keys->as.items;
    reader->stored = malloc(size_max(items->count, 1) * sizeof(*reader->stored));
    if (!reader->stored)
        return error_memory(error, "the list of storages", items->count * sizeof(StoredData));
    if (object->storage_count > 0)
        qsort(object->storages, object->storage_count, sizeof(*object->storages), compare_storages);
    for (size_t i = 0; i < items->count; i++) {
        if (items->values[i]->kind != PICKLE_TEXT)
            return refuse_list(reader, error);
        cleave_status status = read_storage(reader, object, items->values[i]->as.text, error);
        if (status != CLEAVE_OK)
            return status;
    }
    qsort(reader->stored, reader->stored_count, sizeof(*reader->stored), compare_stored);
    return CLEAVE_OK;
}

static cleave_status find_stored(void *context, const PickleStorage *storage,
                                 const unsigned char **data, size_t *size, cleave_error *error) {
    const StreamReader *reader = context;
    const StoredData wanted = {.key = storage->key};
    const StoredData *stored = bsearch(&wanted, reader->stored, reader->stored_count,
                                       sizeof(*reader->stored), compare_stored);
    if (!stored)
        return model_refuse(error, reader->checkpoint->source, ADVICE_DOWNLOAD,
                            "storage '%.*s' is not in the file: damaged",
                            (int)size_min(storage->key.size, 40), storage->key.data);
    *data = stored->data;
    *size = stored->size;
    return CLEAVE_OK;
}

cleave_status checkpoint_load_stream(Checkpoint *checkpoint, cleave_error *error) {
    StreamReader reader = {.checkpoint = checkpoint};
    const StorageFinder finder = {find_stored, &reader};
    Pickle object = {0};
    Pickle keys = {0};
    cleave_status status = read_preamble(&reader, error);
    if (status == CLEAVE_OK)
        status = read_pickle(&reader, &object, error);
    if (status == CLEAVE_OK)
        status = read_pickle(&reader, &keys, error);
    if (status == CLEAVE_OK)
        status = read_storages(&reader, &object, keys.root, error);
    if (status == CLEAVE_OK)
        status = checkpoint_add_state_dict(checkpoint, object.root, &finder, error);
    free(reader.stored);
    pickle_free(&object);
    pickle_free(&keys);
    return status;
}
