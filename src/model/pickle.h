/* pickle.h: reads a Python pickle as data. Nothing that it names is looked up, imported or called:
 * the few constructors that tensors need are known by name, and every other object becomes an
 * opaque value. A pickle that calls os.system, eval and the like does no harm here, but is refused
 * to protect other programs. Time and memory are bounded by the input's size and by fixed limits.
 * No C function recurses with the nesting of the values. */
#ifndef CLEAVE_MODEL_PICKLE_H
#define CLEAVE_MODEL_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "graph/tensor.h"

typedef struct PickleValue PickleValue;

/* Bytes inside the input, not NUL-terminated. */
typedef struct PickleText {
    const char *data;
    size_t size;
} PickleText;

typedef struct PickleItems {
    PickleValue **values;
    size_t count;
    size_t capacity;
} PickleItems;

/* What a persistent id of torch.save says. Nothing here is checked against the file. */
typedef struct PickleStorage {
    PickleText key;
    DType dtype;
    size_t element_size; /* bytes; 0: unknown type */
    int64_t elements;    /* of the whole storage */
    int64_t view_offset; /* old streams: the part of it that is seen; else 0 and `elements` */
    int64_t view_elements;
} PickleStorage;

/* A tensor as its constructor's arguments describe it. Unchecked: sizes may be negative or reach
 * beyond the storage. */
typedef struct PickleTensor {
    const PickleStorage *storage;
    DType dtype;
    size_t element_size; /* 0: not known */
    int64_t offset;      /* in elements */
    int dim_count;
    int64_t dims[TENSOR_MAX_DIMS];
    int64_t strides[TENSOR_MAX_DIMS];
} PickleTensor;

typedef enum PickleKind {
    PICKLE_NONE,
    PICKLE_BOOL,    /* as.integer */
    PICKLE_INTEGER, /* as.integer */
    PICKLE_NUMBER,  /* as.text: a float, or an integer beyond 64 bits; raw */
    PICKLE_TEXT,    /* as.text: str; escapes of protocol 0 are not decoded */
    PICKLE_BYTES,   /* as.text */
    PICKLE_TUPLE,   /* as.items */
    PICKLE_LIST,    /* as.items */
    PICKLE_DICT,    /* as.items: keys and values in turn; a repeated key stands there twice */
    PICKLE_GLOBAL,  /* as.global: MODULE.NAME, not looked up */
    PICKLE_STORAGE,
    PICKLE_TENSOR,
    PICKLE_OPAQUE /* as.opaque: an object of any other type; items as in a dict */
} PickleKind;

struct PickleValue {
    PickleKind kind;
    union {
        int64_t integer;
        PickleText text;
        PickleItems items;
        struct {
            PickleText module;
            PickleText name;
        } global;
        struct {
            PickleItems items;
            const PickleValue *type; /* a PICKLE_GLOBAL or NULL */
        } opaque;
        const PickleStorage *storage;
        const PickleTensor *tensor;
    } as;
};

typedef struct Pickle {
    const PickleValue *root;
    PickleStorage *storages; /* one per persistent id, in order; keys may repeat */
    size_t storage_count;
    size_t size; /* bytes of the input that belong to this pickle */
    struct PickleArena *arena;
} Pickle;

/* Reads one pickle from the start of `data`, which must outlive it. `source` names it in errors. On
 * failure nothing is left to free. */
cleave_status pickle_read(Pickle *pickle, const unsigned char *data, size_t size,
                          const char *source, cleave_error *error);
void pickle_free(Pickle *pickle);

bool pickle_text_is(PickleText text, const char *expected);

/* The value of a text key in a dict or an opaque object; the last one if the key is repeated. NULL
 * if the key is missing or `dict` is neither. */
const PickleValue *pickle_find(const PickleValue *dict, const char *key);

/* The keys and values of a dict or an opaque object; NULL for everything else. */
const PickleItems *pickle_pairs(const PickleValue *value);

#endif
