/* arena.h: where each buffer lies in one block of memory, given when each is in use. */
#ifndef CLEAVE_GRAPH_ARENA_H
#define CLEAVE_GRAPH_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* A buffer that is in use from step `first` to step `last`, both inclusive. */
typedef struct Lifetime {
    size_t bytes;
    int first;
    int last;
    size_t offset; /* set by arena_place() */
} Lifetime;

/* Gives every buffer an offset, a multiple of `alignment`, so that no two that are in use at the
 * same step overlap. The largest buffer comes first, and each goes to the lowest place that is free
 * (greedy by size, as in Pisarchyk & Lee, "Efficient memory management for deep neural net
 * inference", 2020). Returns the size of the arena in bytes. *ok becomes false if memory ran out or
 * the sizes overflow. */
size_t arena_place(Lifetime *lifetimes, size_t count, size_t alignment, bool *ok);

#endif
