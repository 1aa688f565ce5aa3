/* token_model.h: the ops of tokens in float64 and in the plainest way: what backends are compared
 * with. Tokens are (bands, frames, features); weights are those of graph.h. */
#ifndef CLEAVE_TESTS_BACKEND_TOKEN_MODEL_H
#define CLEAVE_TESTS_BACKEND_TOKEN_MODEL_H

#include "graph/graph.h"

/* Computes a node of attention, feed-forward or RMS norm for one item: `tokens` becomes its output.
 * The weights are contiguous and f32. */
void token_model_run(const Graph *graph, int node, double *tokens);

#endif
