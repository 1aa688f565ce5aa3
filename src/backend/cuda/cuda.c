/* cuda.c: the backend for NVIDIA GPUs: what backend.h asks for. */
#include <stdio.h>

#include "backend/backend.h"
#include "backend/cuda/executable.h"
#include "graph/rematerialise.h"

static PlanTarget target_of(int index) {
    const CudaDevice *device = cuda_device(index);
    return (PlanTarget){.capability = device->capability,
                        .multiprocessors = device->multiprocessors,
                        .shared_bytes = device->shared_bytes};
}

static cleave_status make_plan(CudaPlan *plan, Graph *lean, const Graph *graph,
                               const CompileOptions *options, cleave_error *error) {
    cleave_status status = graph_rematerialise(lean, graph, error);
    if (status == CLEAVE_OK)
        status = cuda_plan_create(plan, lean, options, target_of(options->device), error);
    if (status != CLEAVE_OK)
        graph_free(lean);
    return status;
}

static cleave_status cuda_memory(const Graph *graph, const CompileOptions *options,
                                 ExecutableMemory *memory, cleave_error *error) {
    Graph lean;
    CudaPlan plan;
    cleave_status status = make_plan(&plan, &lean, graph, options, error);
    if (status != CLEAVE_OK)
        return status;
    *memory = cuda_plan_memory(&plan, options->fuse);
    cuda_plan_free(&plan);
    graph_free(&lean);
    return CLEAVE_OK;
}

static cleave_status cuda_compile(Executable **created, const Graph *graph,
                                  const CompileOptions *options, cleave_error *error) {
    Graph lean;
    CudaPlan plan;
    CudaExecutable *executable = NULL;
    *created = NULL;
    cleave_status status = make_plan(&plan, &lean, graph, options, error);
    if (status != CLEAVE_OK)
        return status;
    status = cuda_executable_create(&executable, &plan, &lean, options, error);
    graph_free(&lean);
    *created = status == CLEAVE_OK ? &executable->head : NULL;
    return status;
}

/* ---- Layers, for people ---- */

/* Seconds are those of a GPU of one FLOP a second: ratios are all that is asked for. */
static LayerPlan layer_of(const CudaPlan *plan, int step) {
    const Node *node = plan_node(plan, step);
    LayerPlan layer = {.layer = {.op = node->op, .output = node->shape},
                       .count = 1,
                       .flops = graph_node_flops(&plan->graph, plan->program.steps[step].node)};
    layer.seconds = layer.flops;
    if (node->input_count > 0) {
        const Node *input = &plan->graph.nodes[node->inputs[0]];
        layer.layer.input = input->shape;
        layer.layer.act = input->op == OP_ACT ? input->as.act.kind : ACT_NONE;
    }
    if (node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED)
        layer.layer.conv = node->as.conv;
    plan_describe(&plan->steps[step], layer.how, sizeof(layer.how));
    return layer;
}

static cleave_status cuda_layers(NetworkPlan *network, const Graph *graph,
                                 const CompileOptions *options, cleave_error *error) {
    Graph lean;
    CudaPlan plan;
    cleave_status status = make_plan(&plan, &lean, graph, options, error);
    if (status != CLEAVE_OK)
        return status;
    for (int i = 0; i < plan.program.count && status == CLEAVE_OK; i++) {
        LayerPlan layer = layer_of(&plan, i);
        if (plan.steps[i].kind != STEP_KIND_NONE && !network_plan_add(network, &layer))
            status = error_memory(error, "the plan of the network", sizeof(layer));
    }
    cuda_plan_free(&plan);
    graph_free(&lean);
    return status;
}

/* Stored values and operands f16, sums f32: what people run these networks with elsewhere. */
static cleave_precision cuda_automatic(int index) {
    (void)index;
    return CLEAVE_PRECISION_F16;
}

static const Backend backend_cuda = {.abi = BACKEND_ABI,
                                     .version = CLEAVE_VERSION,
                                     .kind = CLEAVE_DEVICE_CUDA,
                                     .alignment = sizeof(float),
                                     .depth = CUDA_FLIGHTS,
                                     .count = cuda_count,
                                     .describe = cuda_describe,
                                     .describe_capabilities = cuda_describe_capabilities,
                                     .read_memory = cuda_read_memory,
                                     .supports = cuda_supports,
                                     .memory = cuda_memory,
                                     .compile = cuda_compile,
                                     .layers = cuda_layers,
                                     .automatic = cuda_automatic};

BackendEntry cleave_backend_entry;

__attribute__((visibility("default"))) const Backend *cleave_backend_entry(void) {
    return &backend_cuda;
}
