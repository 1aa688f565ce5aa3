/* layers.c: listing the layers of a program by class, with algorithm and expected time. */
#include "backend/cpu/layers.h"

#include "backend/cpu/placement.h"
#include "graph/tokens.h"

/* Ops of tokens have no fit: their times are as far as FLOPs tell, and only their shares matter,
 * since a network of tokens has no other ops. */
#define TOKEN_FLOPS_PER_SECOND 1e11

static bool is_of_tokens(const Graph *graph, int node) {
    const Node *at = &graph->nodes[node];
    return at->op == OP_ISTFT ? at->as.stft.tokens : graph_is_tokens(graph, node);
}

static double layer_seconds(const CpuExecutable *executable, const Step *step) {
    CpuLayer layer = step_layer(executable, step);
    if (is_of_tokens(&executable->graph, step->node))
        return graph_node_flops(&executable->graph, step->node) / TOKEN_FLOPS_PER_SECOND;
    return 1e-9 * conv_plan_cost(&layer, step_plan(executable, step));
}

static LayerPlan layer_of(const CpuExecutable *executable, const Step *step) {
    const Graph *graph = &executable->graph;
    const Node *node = &graph->nodes[step->node];
    const ConvPlan *plan = step_plan(executable, step);
    LayerPlan described = {.layer = {.op = node->op, .output = node->shape},
                           .count = 1,
                           .flops = graph_node_flops(graph, step->node),
                           .seconds = layer_seconds(executable, step)};
    if (node->input_count > 0) {
        const Node *input = &graph->nodes[node->inputs[0]];
        described.layer.input = input->shape;
        described.layer.act = input->op == OP_ACT ? input->as.act.kind : ACT_NONE;
    }
    if (is_convolution(node)) {
        described.layer.conv = node->as.conv;
        conv_plan_describe(plan, described.how, sizeof(described.how));
    }
    return described;
}

cleave_status cpu_layers(NetworkPlan *plan, const Graph *graph, const CompileOptions *options,
                         cleave_error *error) {
    CpuExecutable *executable = NULL;
    CompileOptions estimated = *options;
    estimated.batch = 1;
    cleave_status status =
        cpu_executable_create(&executable, graph, &estimated, CPU_FOR_SIZES, error);
    if (status != CLEAVE_OK)
        return status;
    for (int i = 0; i < executable->program.count && status == CLEAVE_OK; i++) {
        const Step *step = &executable->program.steps[i];
        if (executable->graph.nodes[step->node].op == OP_INPUT)
            continue;
        LayerPlan layer = layer_of(executable, step);
        if (!network_plan_add(plan, &layer))
            status = error_memory(error, "the plan of the network", sizeof(layer));
    }
    executable_destroy(&executable->head);
    return status;
}
