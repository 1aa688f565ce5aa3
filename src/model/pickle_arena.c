/* pickle_arena.c: large blocks that are cut into allocations. */
#include "model/pickle_arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The values of a real checkpoint take a few megabytes; with an optimizer's state, tens. */
#define ARENA_LIMIT ((size_t)256 << 20)
#define BLOCK_SIZE  ((size_t)64 << 10)

typedef struct Block {
    struct Block *previous;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char data[];
} Block;

struct PickleArena {
    Block *last;
    size_t total;
    bool full;
};

PickleArena *pickle_arena_create(void) {
    return calloc(1, sizeof(PickleArena));
}

void pickle_arena_destroy(PickleArena *arena) {
    if (!arena)
        return;
    while (arena->last) {
        Block *previous = arena->last->previous;
        free(arena->last);
        arena->last = previous;
    }
    free(arena);
}

void *pickle_arena_allocate(PickleArena *arena, size_t bytes) {
    if (bytes > ARENA_LIMIT - BLOCK_SIZE) {
        arena->full = true;
        return NULL;
    }
    size_t rounded = size_round_up(bytes ? bytes : 1, alignof(max_align_t));
    if (!arena->last || arena->last->size - arena->last->used < rounded) {
        size_t size = size_max(rounded, BLOCK_SIZE);
        arena->full = size > ARENA_LIMIT - arena->total;
        if (arena->full)
            return NULL;
        Block *block = malloc(sizeof(Block) + size);
        if (!block)
            return NULL;
        *block = (Block){.previous = arena->last, .size = size};
        arena->last = block;
        arena->total += size;
    }
    void *memory = arena->last->data + arena->last->used;
    arena->last->used += rounded;
    return memset(memory, 0, bytes);
}

bool pickle_arena_is_full(const PickleArena *arena) {
    return arena->full;
}
