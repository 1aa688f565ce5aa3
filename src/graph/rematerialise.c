/* rematerialise.c: which nodes are repeated, and putting copies of them into the graph. */
#include "graph/rematerialise.h"

#include <stdbool.h>
#include <stdlib.h>

/* The most that a repeated node may cost, as a share of the whole graph. */
#define COST_SHARE 0.002

/* Nodes that must lie between the last but one use and the last; nearer, little memory is saved. */
#define DISTANCE 12

static bool node_reads(const Node *node, int input) {
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] == input)
            return true;
    return false;
}

/* The last node before `end` that reads `input`; -1 if there is none. */
static int last_user(const Graph *graph, int input, int end) {
    for (int i = end - 1; i > input; i--)
        if (node_reads(&graph->nodes[i], input))
            return i;
    return -1;
}

/* The user in front of which `node` should be repeated; -1 for none. */
static int late_user(const Graph *graph, int node, double limit) {
    const Node *conv = &graph->nodes[node];
    if (conv->op != OP_CONV || graph_node_flops(graph, node) > limit)
        return -1;
    int last = last_user(graph, node, graph->count);
    int before = last < 0 ? -1 : last_user(graph, node, last);
    if (before < 0 || last - before < DISTANCE)
        return -1;
    return last_user(graph, conv->inputs[0], graph->count) >= last ? last : -1;
}

static void node_redirect(Node *node, int from, int to) {
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] == from)
            node->inputs[i] = to;
}

/* Inserts a copy of `node` at index `at`; the node there, which moves up, reads the copy. */
static void graph_repeat(Graph *graph, int node, int at) {
    for (int i = graph->count; i > at; i--) {
        Node *moved = &graph->nodes[i];
        *moved = graph->nodes[i - 1];
        for (int k = 0; k < moved->input_count; k++)
            moved->inputs[k] += moved->inputs[k] >= at;
    }
    graph->nodes[at] = graph->nodes[node];
    graph->count++;
    node_redirect(&graph->nodes[at + 1], node, at);
}

cleave_status graph_rematerialise(Graph *result, const Graph *graph, cleave_error *error) {
    size_t capacity = 2 * (size_t)graph->count; /* each node is repeated once at most */
    double limit = COST_SHARE * graph_flops(graph);
    cleave_status status = graph_copy(result, graph, (int)capacity, error);
    if (status != CLEAVE_OK)
        return status;
    for (int i = 0; i < graph->count; i++) {
        int user = late_user(result, i, limit);
        if (user >= 0 && result->count < result->capacity)
            graph_repeat(result, i, user);
    }
    return CLEAVE_OK;
}
