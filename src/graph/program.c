/* program.c: see program.h. Works backwards from the output: a node that somebody needs as a stored value
 * gets a step, and the step decides which values it needs in turn. */
#include "graph/program.h"

#include <stdlib.h>

typedef struct Fuser {
    const Graph *graph;
    bool fuse;
    int *uses;    /* per node: how many nodes read it */
    bool *needed; /* per node: its value is stored */
    Step *steps;  /* per node: the step that writes it */
} Fuser;

static const Node *node_at(const Fuser *f, int index) {
    return &f->graph->nodes[index];
}

static bool is(const Fuser *f, int index, OpKind op) {
    return node_at(f, index)->op == op;
}

/* Ops with arithmetic of their own, that loads and stores can be folded into. */
static bool is_product(const Fuser *f, int index) {
    return graph_is_product(node_at(f, index));
}

static void add_source(Step *step, int node, int mul) {
    step->sources[step->source_count++] = (Source){node, mul};
}

/* A product of two values can be taken on load where nothing else happens to it on the way. */
static void absorb_part(const Fuser *f, Step *step, int node) {
    if (is(f, node, OP_MUL) && step->norm < 0 && step->act.kind == ACT_NONE)
        add_source(step, node_at(f, node)->inputs[0], node_at(f, node)->inputs[1]);
    else
        add_source(step, node, -1);
}

/* Sources of a step that reads `node`: follows act, norm, concat and mul upwards. */
static void absorb_chain(const Fuser *f, Step *step, int node) {
    if (is(f, node, OP_ACT)) {
        step->act = node_at(f, node)->as.act;
        node = node_at(f, node)->inputs[0];
    }
    if (is(f, node, OP_NORM)) {
        step->norm = node;
        node = node_at(f, node)->inputs[0];
    }
    if (is(f, node, OP_CONCAT)) {
        absorb_part(f, step, node_at(f, node)->inputs[0]);
        absorb_part(f, step, node_at(f, node)->inputs[1]);
    } else {
        absorb_part(f, step, node);
    }
}

/* The input of a sum that can compute the sum while it stores; or -1. */
static int host_of_sum(const Fuser *f, int sum) {
    const Node *node = node_at(f, sum);
    int host = -1;
    for (int i = 0; i < 2; i++) {
        int input = node->inputs[i];
        if (is_product(f, input) && f->uses[input] == 1 && input > host)
            host = input;
    }
    return host;
}

/* A step for an elementwise node on its own. */
static void plain_step(const Fuser *f, Step *step) {
    const Node *node = node_at(f, step->node);
    if (node->op == OP_NORM)
        step->norm = step->node;
    if (node->op == OP_ACT)
        step->act = node->as.act;
    if (node->op == OP_ADD)
        step->add = node->inputs[1];
    if (node->input_count > 0)
        add_source(step, node->inputs[0], node->op == OP_MUL ? node->inputs[1] : -1);
    if (node->op == OP_CONCAT)
        add_source(step, node->inputs[1], -1);
}

static void make_step(Fuser *f, int index) {
    Step *step = &f->steps[index];
    *step = (Step){.node = index, .output = index, .norm = -1, .add = -1};
    if (f->fuse && is(f, index, OP_ADD)) {
        int host = host_of_sum(f, index);
        if (host >= 0) {
            const int *inputs = node_at(f, index)->inputs;
            step->node = host;
            step->add = inputs[0] == host ? inputs[1] : inputs[0];
        }
    }
    if (f->fuse && is_product(f, step->node))
        absorb_chain(f, step, node_at(f, step->node)->inputs[0]);
    else
        plain_step(f, step);
}

static void mark_needed(Fuser *f, const Step *step) {
    for (int i = 0; i < step->source_count; i++) {
        f->needed[step->sources[i].node] = true;
        if (step->sources[i].mul >= 0)
            f->needed[step->sources[i].mul] = true;
    }
    if (step->add >= 0)
        f->needed[step->add] = true;
}

static void count_uses(Fuser *f) {
    for (int i = 0; i < f->graph->count; i++)
        for (int k = 0; k < node_at(f, i)->input_count; k++)
            f->uses[node_at(f, i)->inputs[k]]++;
}

static bool has_own_statistics(const Fuser *f, int norm) {
    return norm >= 0 && node_at(f, norm)->as.norm.kind != NORM_BATCH;
}

static void fill_program(Fuser *f, Program *program) {
    int count = f->graph->count;
    count_uses(f);
    f->needed[count - 1] = true;
    for (int i = count - 1; i >= 0; i--) {
        if (!f->needed[i] && f->fuse)
            continue;
        f->needed[i] = true;
        make_step(f, i);
        mark_needed(f, &f->steps[i]);
    }
    for (int i = 0; i < count; i++) {
        if (!f->needed[i])
            continue;
        const Step *step = &f->steps[i];
        program->steps[program->count++] = *step;
        for (int k = 0; k < step->source_count; k++)
            if (has_own_statistics(f, step->norm))
                program->needs_statistics[step->sources[k].node] = true;
    }
}

cleave_status program_create(Program *program, const Graph *graph, bool fuse, cleave_error *error) {
    size_t count = (size_t)graph->count;
    Fuser f = {.graph = graph, .fuse = fuse};
    cleave_status status = CLEAVE_OK;
    *program = (Program){0};
    f.uses = calloc(count, sizeof(*f.uses));
    f.needed = calloc(count, sizeof(*f.needed));
    f.steps = calloc(count, sizeof(*f.steps));
    program->steps = calloc(count, sizeof(*program->steps));
    program->needs_statistics = calloc(count, sizeof(*program->needs_statistics));
    if (f.uses && f.needed && f.steps && program->steps && program->needs_statistics) {
        fill_program(&f, program);
    } else {
        program_free(program);
        status = error_memory(error, "the network's program", count * sizeof(Step));
    }
    free(f.uses);
    free(f.needed);
    free(f.steps);
    return status;
}

void program_free(Program *program) {
    free(program->steps);
    free(program->needs_statistics);
    *program = (Program){0};
}
