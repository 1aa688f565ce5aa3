/* rope.h: by how much the heads of an OP_ATTENTION are turned (graph.h says how). */
#ifndef CLEAVE_GRAPH_ROPE_H
#define CLEAVE_GRAPH_ROPE_H

#include <stddef.h>

#include "graph/graph.h"

/* What FREQUENCIES[j] is where a checkpoint has none: 10000^(-2j / dim_head), in float32. */
float rope_frequency(int j, int dim_head);

/* Writes the dim_head / 2 frequencies of an OP_ATTENTION: the checkpoint's, or where it has none
 * rope_frequency(). Returns how many are NaN or infinite. */
size_t rope_frequencies(const Graph *graph, const Node *attention, float *frequencies);

#endif
