/* program.h: turns a graph into a program: the list of steps that a backend executes one after the
 * other. With fusion, normalisation, activation, concatenation and products become part of the load
 * of the step that reads them, and sums part of the store of the step that writes them; without,
 * every node is a step of its own. Both compute the same. */
#ifndef CLEAVE_GRAPH_PROGRAM_H
#define CLEAVE_GRAPH_PROGRAM_H

#include <stdbool.h>

#include "graph/graph.h"

/* One value that a step reads: nodes[node], times nodes[mul] where mul >= 0. */
typedef struct Source {
    int node;
    int mul;
} Source;

/* output = op(act(norm(concat(sources)))) + add. */
typedef struct Step {
    int node;   /* the node whose op runs; a NORM, ACT, ADD, MUL or CONCAT here means that the op
                   itself is a plain copy and all of the work is in load and store */
    int output; /* the node whose value is written: node, or the sum folded into it */
    Source sources[2];
    int source_count; /* 0 for the input */
    int norm;         /* NORM node applied on load, over the concatenated sources; or -1 */
    ActAttributes act;
    int add; /* node added on store; or -1 */
} Step;

typedef struct Program {
    Step *steps;
    int count;
    bool *needs_statistics; /* per node: some step normalises this node's value by its own
                               statistics */
} Program;

cleave_status program_create(Program *program, const Graph *graph, bool fuse, cleave_error *error);
void program_free(Program *program);

/* What each step computes of the graph for one chunk, as graph_node_flops() counts: its op, and
 * what is folded into it. What several steps compute counts for the first of them, and a node that
 * graph_rematerialise() repeated counts once, so that the steps' sum is the original graph's.
 * flops[program->count] is the caller's. */
cleave_status program_flops(const Program *program, const Graph *graph, double *flops,
                            cleave_error *error);

#endif
