/* program_flops.c: what each step of a program computes; see program.h. */
#include <stdlib.h>
#include <string.h>

#include "graph/program.h"

/* Convolutions bear names of their own, so that one of the same name is a copy. */
static bool is_repeat(const Graph *graph, int index) {
    const Node *node = &graph->nodes[index];
    for (int i = 0; i < index && node->op == OP_CONV; i++)
        if (graph->nodes[i].op == OP_CONV && strcmp(graph->nodes[i].name, node->name) == 0)
            return true;
    return false;
}

static double own_flops(const Graph *graph, int node) {
    return is_repeat(graph, node) ? 0 : graph_node_flops(graph, node);
}

/* Of a node that no step writes, and of those before it; each counts for the first who asks. */
static double claim(const Graph *graph, int index, bool *counted) {
    const Node *node = &graph->nodes[index];
    if (counted[index])
        return 0;
    counted[index] = true;
    double flops = own_flops(graph, index);
    for (int i = 0; i < node->input_count; i++)
        flops += claim(graph, node->inputs[i], counted);
    return flops;
}

cleave_status program_flops(const Program *program, const Graph *graph, double *flops,
                            cleave_error *error) {
    bool *counted = calloc((size_t)graph->count, sizeof(*counted));
    if (!counted)
        return error_memory(error, "the network's work", (size_t)graph->count);
    for (int i = 0; i < program->count; i++)
        counted[program->steps[i].output] = true;
    for (int i = 0; i < program->count; i++) {
        int output = program->steps[i].output;
        const Node *node = &graph->nodes[output];
        flops[i] = own_flops(graph, output);
        for (int k = 0; k < node->input_count; k++)
            flops[i] += claim(graph, node->inputs[k], counted);
    }
    free(counted);
    return CLEAVE_OK;
}
