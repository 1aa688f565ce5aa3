/* program.c: making a program of a graph, and counting its work. Fusion goes backwards from the
 * output: a node whose value must be stored gets a step, and the step says which values it needs in
 * turn. */
#include "graph/program.h"

#include <stdlib.h>
#include <string.h>

/* ---- Questions about steps ---- */

bool step_reads(const Step *step, int node) {
    for (int i = 0; i < step->source_count; i++)
        if (step->sources[i].node == node || step->sources[i].mul == node)
            return true;
    return step->add == node;
}

bool step_has_own_statistics(const Graph *graph, const Step *step) {
    return step->norm >= 0 && graph->nodes[step->norm].as.norm.kind != NORM_BATCH;
}

void program_last_uses(const Program *program, int *last_use) {
    for (int position = 0; position < program->count; position++) {
        const Step *step = &program->steps[position];
        for (int i = 0; i < step->source_count; i++) {
            last_use[step->sources[i].node] = position;
            if (step->sources[i].mul >= 0)
                last_use[step->sources[i].mul] = position;
        }
        if (step->add >= 0)
            last_use[step->add] = position;
        last_use[step->output] = position;
    }
}

bool step_can_write_over_add(const Step *step, int position, const int *last_use) {
    if (step->add < 0 || last_use[step->add] != position)
        return false;
    for (int i = 0; i < step->source_count; i++)
        if (step->sources[i].node == step->add || step->sources[i].mul == step->add)
            return false;
    return true;
}

/* How many inputs of nodes are this one. */
static int graph_count_uses(const Graph *graph, int node) {
    int uses = 0;
    for (int i = node + 1; i < graph->count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            uses += graph->nodes[i].inputs[k] == node;
    return uses;
}

int graph_host_of_sum(const Graph *graph, int sum) {
    int host = -1;
    for (int i = 0; i < 2; i++) {
        int input = graph->nodes[sum].inputs[i];
        if (input > host && graph_is_product(&graph->nodes[input]) &&
            graph_count_uses(graph, input) == 1)
            host = input;
    }
    return host;
}

/* ---- Fusing ---- */

typedef struct Fuser {
    const Graph *graph;
    bool fuse;
    bool *needed; /* per node: its value is stored */
    Step *steps;  /* per node: the step that writes it */
} Fuser;

static const Node *fuser_node(const Fuser *f, int index) {
    return &f->graph->nodes[index];
}

static bool fuser_is(const Fuser *f, int index, OpKind op) {
    return fuser_node(f, index)->op == op;
}

/* Only products can do more than their own op on load and store. */
static bool fuser_is_product(const Fuser *f, int index) {
    return graph_is_product(fuser_node(f, index));
}

static void step_add_source(Step *step, int node, int mul) {
    step->sources[step->source_count++] = (Source){node, mul};
}

/* Two values can be multiplied on load if nothing else is done to them on the way. */
static void step_absorb_part(const Fuser *f, Step *step, int node) {
    if (fuser_is(f, node, OP_MUL) && step->norm < 0 && step->act.kind == ACT_NONE)
        step_add_source(step, fuser_node(f, node)->inputs[0], fuser_node(f, node)->inputs[1]);
    else
        step_add_source(step, node, -1);
}

/* The sources of a step that reads `node`: goes upwards through act, norm, concat and mul. */
static void step_absorb_chain(const Fuser *f, Step *step, int node) {
    if (fuser_is(f, node, OP_ACT)) {
        step->act = fuser_node(f, node)->as.act;
        node = fuser_node(f, node)->inputs[0];
    }
    if (fuser_is(f, node, OP_NORM)) {
        step->norm = node;
        node = fuser_node(f, node)->inputs[0];
    }
    if (fuser_is(f, node, OP_CONCAT)) {
        step_absorb_part(f, step, fuser_node(f, node)->inputs[0]);
        step_absorb_part(f, step, fuser_node(f, node)->inputs[1]);
    } else {
        step_absorb_part(f, step, node);
    }
}

/* A step for an elementwise node on its own. */
static void step_fill_plain(const Fuser *f, Step *step) {
    const Node *node = fuser_node(f, step->node);
    if (node->op == OP_NORM)
        step->norm = step->node;
    if (node->op == OP_ACT)
        step->act = node->as.act;
    if (node->op == OP_ADD)
        step->add = node->inputs[1];
    if (node->input_count > 0)
        step_add_source(step, node->inputs[0], node->op == OP_MUL ? node->inputs[1] : -1);
    if (node->input_count > 1 && node->op != OP_ADD && node->op != OP_MUL)
        step_add_source(step, node->inputs[1], -1);
}

static void fuser_make_step(Fuser *f, int index) {
    Step *step = &f->steps[index];
    *step = (Step){.node = index, .output = index, .norm = -1, .add = -1};
    if (f->fuse && fuser_is(f, index, OP_ADD)) {
        int host = graph_host_of_sum(f->graph, index);
        if (host >= 0) {
            const int *inputs = fuser_node(f, index)->inputs;
            step->node = host;
            step->add = inputs[0] == host ? inputs[1] : inputs[0];
        }
    }
    if (f->fuse && fuser_is_product(f, step->node))
        step_absorb_chain(f, step, fuser_node(f, step->node)->inputs[0]);
    else
        step_fill_plain(f, step);
}

static void fuser_mark_needed(Fuser *f, const Step *step) {
    for (int i = 0; i < step->source_count; i++) {
        f->needed[step->sources[i].node] = true;
        if (step->sources[i].mul >= 0)
            f->needed[step->sources[i].mul] = true;
    }
    if (step->add >= 0)
        f->needed[step->add] = true;
}

static void fuser_fill(Fuser *f, Program *program) {
    int count = f->graph->count;
    f->needed[count - 1] = true;
    for (int i = count - 1; i >= 0; i--) {
        if (!f->needed[i] && f->fuse)
            continue;
        f->needed[i] = true;
        fuser_make_step(f, i);
        fuser_mark_needed(f, &f->steps[i]);
    }
    for (int i = 0; i < count; i++) {
        if (!f->needed[i])
            continue;
        const Step *step = &f->steps[i];
        program->steps[program->count++] = *step;
        for (int k = 0; k < step->source_count; k++)
            if (step_has_own_statistics(f->graph, step))
                program->needs_statistics[step->sources[k].node] = true;
    }
}

cleave_status program_create(Program *program, const Graph *graph, bool fuse, cleave_error *error) {
    size_t count = (size_t)graph->count;
    Fuser f = {.graph = graph, .fuse = fuse};
    cleave_status status = CLEAVE_OK;
    *program = (Program){0};
    f.needed = calloc(count, sizeof(*f.needed));
    f.steps = calloc(count, sizeof(*f.steps));
    program->steps = calloc(count, sizeof(*program->steps));
    program->needs_statistics = calloc(count, sizeof(*program->needs_statistics));
    if (f.needed && f.steps && program->steps && program->needs_statistics) {
        fuser_fill(&f, program);
    } else {
        program_free(program);
        status = error_memory(error, "the network's program", count * sizeof(Step));
    }
    free(f.needed);
    free(f.steps);
    return status;
}

void program_free(Program *program) {
    free(program->steps);
    free(program->needs_statistics);
    *program = (Program){0};
}

/* ---- Counting the work ---- */

/* No two convolutions of a network have the same name, so an earlier one of this name is the
 * original. */
static bool node_is_repeat(const Graph *graph, int index) {
    const Node *node = &graph->nodes[index];
    for (int i = 0; i < index && node->op == OP_CONV; i++)
        if (graph->nodes[i].op == OP_CONV && strcmp(graph->nodes[i].name, node->name) == 0)
            return true;
    return false;
}

static double node_own_flops(const Graph *graph, int node) {
    return node_is_repeat(graph, node) ? 0 : graph_node_flops(graph, node);
}

/* The work of a node that no step writes and of all such nodes before it. Each counts once, for the
 * first step that asks. */
static double claim_flops(const Graph *graph, int index, bool *counted) {
    const Node *node = &graph->nodes[index];
    if (counted[index])
        return 0;
    counted[index] = true;
    double flops = node_own_flops(graph, index);
    for (int i = 0; i < node->input_count; i++)
        flops += claim_flops(graph, node->inputs[i], counted);
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
        flops[i] = node_own_flops(graph, output);
        for (int k = 0; k < node->input_count; k++)
            flops[i] += claim_flops(graph, node->inputs[k], counted);
    }
    free(counted);
    return CLEAVE_OK;
}
