/* pickle_arena.h: memory that is freed all at once, up to a limit. */
#ifndef CLEAVE_MODEL_PICKLE_ARENA_H
#define CLEAVE_MODEL_PICKLE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct PickleArena PickleArena;

PickleArena *pickle_arena_create(void); /* NULL on failure */
void pickle_arena_destroy(PickleArena *arena);

/* Zeroed memory, aligned for any type; NULL if memory ran out or the limit is reached. */
void *pickle_arena_allocate(PickleArena *arena, size_t bytes);

/* Whether an allocation failed because of the limit rather than a lack of memory. */
bool pickle_arena_is_full(const PickleArena *arena);

#endif
