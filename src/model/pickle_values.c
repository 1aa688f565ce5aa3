/* pickle_values.c: making the values of a pickle, and finding them. Which values a pickle has is
 * decided in pickle.c and pickle_objects.c. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/pickle_machine.h"

#define MAX_STACK ((size_t)1 << 22)

/* ---- Making values ---- */

bool pickle_fail_memory(PickleMachine *m) {
    if (pickle_arena_is_full(m->arena))
        return pickle_fail(m, "it holds more objects than any checkpoint has");
    m->out_of_memory = true;
    return pickle_fail(m, "out of memory");
}

PickleValue *pickle_new(PickleMachine *m, PickleKind kind) {
    PickleValue *value = pickle_arena_allocate(m->arena, sizeof(*value));
    if (value)
        value->kind = kind;
    else
        pickle_fail_memory(m);
    return value;
}

bool pickle_append(PickleMachine *m, PickleItems *items, PickleValue *value) {
    if (items->count == items->capacity) {
        size_t capacity = items->capacity ? 2 * items->capacity : 4;
        PickleValue **values = pickle_arena_allocate(m->arena, capacity * sizeof(PickleValue *));
        if (!values)
            return pickle_fail_memory(m);
        if (items->count > 0)
            memcpy(values, items->values, items->count * sizeof(PickleValue *));
        items->values = values;
        items->capacity = capacity;
    }
    items->values[items->count++] = value;
    return true;
}

void *pickle_grow(PickleMachine *m, void *array, size_t *capacity, size_t count, size_t size) {
    if (count < *capacity)
        return array;
    if (count >= MAX_STACK) {
        pickle_fail(m, "it holds more objects than any checkpoint has");
        return NULL;
    }
    size_t larger = size_max(64, size_max(2 * *capacity, count + 1));
    void *grown = realloc(array, larger * size);
    if (!grown) {
        m->out_of_memory = true;
        pickle_fail(m, "out of memory");
        return NULL;
    }
    memset((char *)grown + *capacity * size, 0, (larger - *capacity) * size);
    *capacity = larger;
    return grown;
}

/* ---- Reading values ---- */

bool pickle_text_is(PickleText text, const char *expected) {
    return text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0;
}

PickleItems *pickle_pairs_of(PickleValue *value) {
    if (value->kind == PICKLE_DICT)
        return &value->as.items;
    return value->kind == PICKLE_OPAQUE ? &value->as.opaque.items : NULL;
}

const PickleItems *pickle_pairs(const PickleValue *value) {
    return value ? pickle_pairs_of((PickleValue *)value) : NULL;
}

const PickleValue *pickle_find(const PickleValue *dict, const char *key) {
    const PickleItems *items = pickle_pairs(dict);
    for (size_t i = items ? items->count : 0; i >= 2; i -= 2) {
        const PickleValue *name = items->values[i - 2];
        if (name->kind == PICKLE_TEXT && pickle_text_is(name->as.text, key))
            return items->values[i - 1];
    }
    return NULL;
}
