/* graph.c: questions about a graph and its nodes. What they need to know of an op is in ops.c,
 * which also appends nodes. */
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

#include "dsp/stft.h"
#include "graph/ops.h"
#include "graph/tokens.h"

/* ---- Copies ---- */

static bool graph_copy_weights(Graph *copy, const Graph *graph) {
    size_t bytes = (size_t)graph->weight_count * sizeof(*graph->weights);
    if (graph->weight_count == 0)
        return true;
    copy->weights = (const Tensor **)malloc(bytes);
    if (!copy->weights)
        return false;
    memcpy((void *)copy->weights, (const void *)graph->weights, bytes);
    copy->weight_count = graph->weight_count;
    return true;
}

cleave_status graph_copy(Graph *copy, const Graph *graph, int capacity, cleave_error *error) {
    size_t bytes = (size_t)capacity * sizeof(*graph->nodes);
    *copy = (Graph){.nodes = malloc(bytes), .count = graph->count, .capacity = capacity};
    bool ok = copy->nodes && graph_copy_weights(copy, graph) &&
              (graph->band_count == 0 || graph_set_bands(copy, graph->bands, graph->band_count));
    if (!ok) {
        graph_free(copy);
        return error_memory(error, "the network's graph", bytes);
    }
    memcpy(copy->nodes, graph->nodes, (size_t)graph->count * sizeof(*graph->nodes));
    return CLEAVE_OK;
}

cleave_status graph_copy_shapes(Graph *copy, const Graph *graph, cleave_error *error) {
    cleave_status status = graph_copy(copy, graph, graph->count, error);
    if (status != CLEAVE_OK)
        return status;
    for (int i = 0; i < copy->weight_count; i++)
        copy->weights[i] = NULL;
    return CLEAVE_OK;
}

void graph_free(Graph *graph) {
    free(graph->nodes);
    free((void *)graph->weights);
    free(graph->bands);
    *graph = (Graph){0};
}

/* ---- Transforms ---- */

int istft_filled(const StftAttributes *stft, int frames, int samples) {
    return stft->tokens ? istft_whole_length(stft->n_fft, stft->hop, frames, samples)
                        : istft_length(stft->n_fft, stft->hop, frames, samples);
}

/* ---- Work ---- */

const char *graph_op_name(OpKind op) {
    return op_info(op)->name;
}

double graph_node_flops(const Graph *graph, int index) {
    const Node *node = &graph->nodes[index];
    return op_info(node->op)->flops(graph, node);
}

double graph_flops(const Graph *graph) {
    double flops = 0;
    for (int i = 0; i < graph->count; i++)
        flops += graph_node_flops(graph, i);
    return flops;
}

/* ---- Weights ---- */

int graph_weight_count(const Graph *graph, const Node *node) {
    const OpInfo *info = op_info(node->op);
    return info->weights ? info->weights(graph, node) : 0;
}

int graph_weight_shape(const Graph *graph, int index, int slot, int64_t dims[4]) {
    const Node *node = &graph->nodes[index];
    return op_info(node->op)->weight_shape(graph, node, slot, dims);
}

const Tensor *graph_weight(const Graph *graph, const Node *node, int slot) {
    bool is_there = slot >= 0 && slot < graph_weight_count(graph, node);
    return is_there ? graph->weights[node->first_weight + slot] : NULL;
}

void graph_set_weight(Graph *graph, int index, int slot, const Tensor *weight) {
    graph->weights[graph->nodes[index].first_weight + slot] = weight;
}

/* ---- Kinds ---- */

bool graph_is_product(const Node *node) {
    return op_info(node->op)->class == OP_CLASS_PRODUCT;
}

/* Whether `from` is `node`, or reaches it through elementwise ops alone. */
static bool node_reaches(const Graph *graph, int from, int node) {
    const Node *at = &graph->nodes[from];
    if (from == node)
        return true;
    if (from < node || op_info(at->op)->class != OP_CLASS_ELEMENTWISE)
        return false;
    for (int i = 0; i < at->input_count; i++)
        if (node_reaches(graph, at->inputs[i], node))
            return true;
    return false;
}

bool graph_is_edge_conv(const Graph *graph, int node) {
    if (!graph_is_product(&graph->nodes[node]))
        return false;
    for (int i = 0; i < graph->count; i++) {
        const Node *transform = &graph->nodes[i];
        if (transform->op == OP_STFT && node_reaches(graph, graph->nodes[node].inputs[0], i))
            return true;
        if (transform->op == OP_ISTFT && node_reaches(graph, transform->inputs[0], node))
            return true;
    }
    return false;
}
