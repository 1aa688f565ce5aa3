/* tokens.c: questions about tokens, and what the ops of tokens have beside their node. */
#include "graph/tokens.h"

#include <stdlib.h>
#include <string.h>

bool graph_is_tokens(const Graph *graph, int index) {
    const Node *node = &graph->nodes[index];
    switch (node->op) {
    case OP_STFT:
        return node->as.stft.tokens;
    case OP_BAND_SPLIT:
    case OP_ATTENTION:
    case OP_FEED_FORWARD:
    case OP_RMS_NORM:
    case OP_MASK:
        return true;
    case OP_ADD:
    case OP_MUL:
        return graph_is_tokens(graph, node->inputs[0]);
    default:
        return false;
    }
}

/* ---- Bands ---- */

bool graph_set_bands(Graph *graph, const Band *bands, int count) {
    Band *copy = malloc((size_t)count * sizeof(*copy));
    if (!copy)
        return false;
    memcpy(copy, bands, (size_t)count * sizeof(*copy));
    free(graph->bands);
    graph->bands = copy;
    graph->band_count = count;
    return true;
}

int graph_bins(const Graph *graph) {
    const Band *last = &graph->bands[graph->band_count - 1];
    return last->first + last->bins;
}

int graph_bands_of_bin(const Graph *graph, int bin, int *first) {
    int count = 0;
    for (int i = graph->band_count - 1; i >= 0; i--)
        if (band_holds(&graph->bands[i], bin)) {
            *first = i;
            count++;
        }
    return count;
}

int graph_bin_features(const Graph *graph, const Node *node) {
    int spectrogram = node->inputs[node->op == OP_MASK ? 1 : 0];
    return graph->nodes[spectrogram].shape.width / graph_bins(graph);
}

int graph_band_features(const Graph *graph, const Node *node, int band) {
    return graph->bands[band].bins * graph_bin_features(graph, node);
}

int graph_all_band_features(const Graph *graph, const Node *node) {
    int features = 0;
    for (int band = 0; band < graph->band_count; band++)
        features += graph_band_features(graph, node, band);
    return features;
}

/* ---- Weights ---- */

int mask_weight(const Graph *graph, const Node *mask, int stem, int band, int layer) {
    return 2 * ((stem * graph->band_count + band) * (mask->as.mask.hidden_layers + 1) + layer);
}
