/* tokens.h: what the ops of tokens (graph.h) have beside their node: bands, and many weights. */
#ifndef CLEAVE_GRAPH_TOKENS_H
#define CLEAVE_GRAPH_TOKENS_H

#include "graph/graph.h"

/* Whether a node's value is tokens, not an image or a waveform. */
bool graph_is_tokens(const Graph *graph, int node);

/* Copies the bands into the graph; false if memory ran out. */
bool graph_set_bands(Graph *graph, const Band *bands, int count);

/* Whether a band has a bin. */
static inline bool band_holds(const Band *band, int bin) {
    return bin >= band->first && bin < band->first + band->bins;
}

/* How many bins the graph's bands cover. */
int graph_bins(const Graph *graph);

/* How many bands hold a bin, at least one; *first becomes the lowest of them. */
int graph_bands_of_bin(const Graph *graph, int bin, int *first);

/* The slot in OP_MASK's weights of one linear of the MLP for a stem and a band; its bias is the
 * next slot. layer: 0 … hidden_layers. */
int mask_weight(const Graph *graph, const Node *mask, int stem, int band, int layer);

/* How many features of the spectrogram a band of OP_BAND_SPLIT or OP_MASK has, c_k; and of all
 * bands together, C. The first is at bands[band].first · features of a bin. */
int graph_bin_features(const Graph *graph, const Node *node);
int graph_band_features(const Graph *graph, const Node *node, int band);
int graph_all_band_features(const Graph *graph, const Node *node);

#endif
