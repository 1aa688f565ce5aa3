/* arena.h: where each buffer lies in one arena, given when each is in use. */
#ifndef CLEAVE_GRAPH_ARENA_H
#define CLEAVE_GRAPH_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/* A buffer in use from step `first` to step `last`, both inclusive. */
typedef struct Lifetime {
    size_t bytes;
    int first;
    int last;
    size_t offset; /* filled by memory_plan */
} Lifetime;

/* Gives every buffer an offset, a multiple of `alignment`, such that no two that are in use at the
 * same step overlap: the largest first, each at the lowest place that is free (greedy by size, as
 * in Pisarchyk & Lee, "Efficient memory management for deep neural net inference", 2020). Returns
 * the arena's size in bytes; false in *ok if memory ran out or the sizes overflow. */
size_t memory_plan(Lifetime *lifetimes, size_t count, size_t alignment, bool *ok);

#endif
