/* graph.c: questions about a graph and its nodes. What they need to know of an op is in ops.c,
 * which also appends nodes. */
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

#include "graph/ops.h"

cleave_status graph_copy_shapes(Graph *copy, const Graph *graph, cleave_error *error) {
    size_t bytes = (size_t)graph->count * sizeof(*graph->nodes);
    *copy = (Graph){.nodes = malloc(bytes)};
    if (!copy->nodes)
        return error_memory(error, "the network's ops", bytes);
    copy->count = graph->count;
    copy->capacity = graph->count;
    memcpy(copy->nodes, graph->nodes, bytes);
    for (int i = 0; i < copy->count; i++)
        memset(copy->nodes[i].weights, 0, sizeof(copy->nodes[i].weights));
    return CLEAVE_OK;
}

void graph_free(Graph *graph) {
    free(graph->nodes);
    *graph = (Graph){0};
}

const char *graph_op_name(OpKind op) {
    return op_info(op)->name;
}

static Shape input_shape(const Graph *graph, const Node *node) {
    return node->input_count ? graph->nodes[node->inputs[0]].shape : (Shape){0};
}

double graph_node_flops(const Graph *graph, int index) {
    const Node *node = &graph->nodes[index];
    return op_info(node->op)->flops(node, input_shape(graph, node));
}

double graph_flops(const Graph *graph) {
    double flops = 0;
    for (int i = 0; i < graph->count; i++)
        flops += graph_node_flops(graph, i);
    return flops;
}

int graph_weight_count(const Node *node) {
    const OpInfo *info = op_info(node->op);
    return info->weights ? info->weights(node) : 0;
}

int graph_weight_shape(const Graph *graph, int index, int64_t dims[4]) {
    const Node *node = &graph->nodes[index];
    return op_info(node->op)->weight_shape(node, input_shape(graph, node), dims);
}

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
