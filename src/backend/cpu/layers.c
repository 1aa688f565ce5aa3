/* layers.c: the classes of a network's layers, how each is computed, and what it costs by estimate:
 * what people are shown of a plan. */
#include "backend/cpu/executable.h"

static cleave_status add_layer(NetworkPlan *plan, const CpuExecutable *executable, int index,
                               cleave_error *error) {
    const Step *step = &executable->program.steps[index];
    const Node *node = &executable->graph.nodes[step->node];
    LayerPlan layer = {.layer = step_layer_class(executable, step),
                       .conv = *step_plan(executable, step),
                       .flops = graph_node_flops(&executable->graph, step->node)};
    if (node->input_count > 0)
        layer.channels = executable->graph.nodes[node->inputs[0]].shape.channels;
    layer.seconds = 1e-9 * conv_plan_cost(&layer.layer, &layer.conv);
    if (network_plan_add(plan, &layer))
        return CLEAVE_OK;
    return error_memory(error, "the plan of the network", sizeof(layer));
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
    for (int i = 0; i < executable->program.count && status == CLEAVE_OK; i++)
        if (executable->graph.nodes[executable->program.steps[i].node].op != OP_INPUT)
            status = add_layer(plan, executable, i, error);
    executable_destroy(&executable->head);
    return status;
}
