/* tokens.h: what the ops of tokens (graph.h) have beside their node: bands, and many weights. */
#ifndef CLEAVE_GRAPH_TOKENS_H
#define CLEAVE_GRAPH_TOKENS_H

#include "graph/graph.h"

/* Whether a node's value is tokens, not an image or a waveform. */
bool graph_is_tokens(const Graph *graph, int node);

/* Copies the bands into the graph; false if memory ran out. */
bool graph_set_bands(Graph *graph, const Band *bands, int count);

/* The slot in OP_MASK's weights of one linear of the MLP for a stem and a band; its bias is the
 * next slot. layer: 0 … hidden_layers. */
int mask_weight(const Graph *graph, const Node *mask, int stem, int band, int layer);

/* How many features of the spectrogram a band of OP_BAND_SPLIT or OP_MASK has, c_k; and of all
 * bands together, C. The first is at bands[band].first · features of a bin. */
int graph_bin_features(const Graph *graph, const Node *node);
int graph_band_features(const Graph *graph, const Node *node, int band);
int graph_all_band_features(const Graph *graph, const Node *node);

/* What FREQUENCIES[j] is where a checkpoint has none: 10000^(-2j / dim_head), in float32. */
float rope_frequency(int j, int dim_head);

#endif
