/* pickle_machine.h: the state of a pickle interpreter. Only its own files include it: opcodes
 * (pickle.c), constructors (pickle_objects.c) and values (pickle_values.c). */
#ifndef CLEAVE_MODEL_PICKLE_MACHINE_H
#define CLEAVE_MODEL_PICKLE_MACHINE_H

#include "model/pickle.h"
#include "model/pickle_arena.h"

typedef struct PickleStack {
    PickleValue **values;
    size_t count;
    size_t capacity;
} PickleStack;

typedef struct PickleMachine {
    const unsigned char *data;
    size_t size;
    size_t position; /* of the next byte to read */
    size_t opcodes;  /* read so far */
    bool stopped;

    PickleStack stack;
    size_t *marks; /* heights of the stack */
    size_t mark_count;
    size_t mark_capacity;
    PickleValue **memo; /* NULL where nothing was put */
    size_t memo_capacity;
    size_t memo_count;

    PickleStorage *storages;
    size_t storage_count;
    size_t storage_capacity;

    PickleArena *arena;
    PickleValue *none;
    PickleValue *yes;
    PickleValue *no;
    PickleValue *empty_tuple;

    const char *problem;        /* what is wrong with the input; NULL: nothing so far */
    const PickleValue *command; /* what a Python program would call, where that is the problem */
    bool out_of_memory;
} PickleMachine;

/* Both return false, so that a failing function ends with them. Only the first problem counts. */
static inline bool pickle_fail(PickleMachine *machine, const char *problem) {
    if (!machine->problem)
        machine->problem = problem;
    return false;
}

bool pickle_fail_memory(PickleMachine *machine);

/* These note a failure in the machine, and return NULL or false. */
PickleValue *pickle_new(PickleMachine *machine, PickleKind kind);
bool pickle_append(PickleMachine *machine, PickleItems *items, PickleValue *value);

/* A malloc'ed array with room for item number `count`, of `size` bytes: the same or a larger one,
 * new items zeroed. NULL on failure; the old array is then as it was. */
void *pickle_grow(PickleMachine *machine, void *array, size_t *capacity, size_t count, size_t size);

/* The keys and values of a dict or an opaque object; NULL for everything else. */
PickleItems *pickle_pairs_of(PickleValue *value);

/* What calling `callable` with `arguments` (a tuple) would give. NULL on failure. */
PickleValue *pickle_construct(PickleMachine *machine, PickleValue *callable,
                              PickleValue *arguments);

/* The storage that a persistent id stands for, or an opaque value. NULL on failure. */
PickleValue *pickle_persistent(PickleMachine *machine, const PickleValue *id);

#endif
