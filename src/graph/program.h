/* program.h: a graph as a program, the list of steps that a backend executes one after the other.
 *
 * Without fusion every node is a step of its own. With fusion a step also normalises, activates,
 * concatenates and multiplies its inputs while it loads them, and adds to its output while it
 * stores it. Both compute the same. */
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
    int node;   /* the node whose op runs; a NORM, ACT, ADD, MUL or CONCAT is a plain copy here: all
                   of its work is in load and store */
    int output; /* the node whose value is written: node, or the sum that is part of the store */
    Source sources[2];
    int source_count; /* 0 for the input */
    int norm;         /* NORM node that is applied on load, over the concatenated sources; or -1 */
    ActAttributes act;
    int add; /* node that is added on store; or -1 */
} Step;

typedef struct Program {
    Step *steps;
    int count;
    bool *needs_statistics; /* per node: some step normalises this node's value by its own
                               statistics */
} Program;

/* Whether a step reads a node's value, in whatever way. */
bool step_reads(const Step *step, int node);

/* Whether a step normalises by the statistics of the values at hand, and not by running ones. */
bool step_has_own_statistics(const Graph *graph, const Step *step);

/* The product that adds a sum's other input while it stores its own, where steps are fused: the
 * later of the inputs that are products and that nothing else reads. -1: there is none. */
int graph_host_of_sum(const Graph *graph, int sum);

/* last_use[node] becomes the last step that reads the value of a node, or else the one that writes
 * it. Nodes that no step writes or reads stay as they are. */
void program_last_uses(const Program *program, int *last_use);

/* Whether a step, the `position`th, may write its output over the value that it adds: no later step
 * reads that, and this step reads it only where it writes. */
bool step_can_write_over_add(const Step *step, int position, const int *last_use);

cleave_status program_create(Program *program, const Graph *graph, bool fuse, cleave_error *error);
void program_free(Program *program);

/* Writes into flops[program->count] what each step computes for one item of the batch, as
 * graph_node_flops() counts: its own op and all that it does on load and store. What several steps
 * compute counts for the first of them, and a node that graph_rematerialise() repeated counts once,
 * so the sum over the steps is that of the original graph. */
cleave_status program_flops(const Program *program, const Graph *graph, double *flops,
                            cleave_error *error);

#endif
