/* compile.c: from a graph to a CPU executable: lays out the tensors, plans one arena, creates the
 * steps, and runs them in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/executable.h"
#include "base/hash.h"
#include "base/memory.h"
#include "graph/memory_plan.h"
#include "graph/rematerialise.h"

/* ---- Steps in general ---- */

static cleave_precision step_precision(const CpuExecutable *executable, const Step *step) {
    bool outer = graph_is_product(&executable->graph.nodes[step->node]) &&
                 graph_is_outer_product(&executable->graph, step->node);
    return outer ? CLEAVE_PRECISION_F32 : executable->precision;
}

cleave_status step_allocate(CpuStep **created, size_t size, const CpuExecutable *executable,
                            const Step *step, const Graph *weights, cleave_error *error) {
    CpuStep *base = calloc(1, size);
    *created = base;
    if (!base)
        return error_memory(error, "a step of the network", size);
    base->destroy = step_free;
    base->node = &executable->graph.nodes[step->node];
    base->products = &executable->kernels->products[step_precision(executable, step)];
    if (base->node->op != OP_ISTFT)
        base->output = &executable->tensors[step->output];
    if (step->add >= 0)
        base->add = &executable->tensors[step->add];
    if (base->add && !channel_layout_equal(&base->add->channels, &base->output->channels))
        return error_set(error, CLEAVE_ERROR_INTERNAL, "%s: a sum of unlike values",
                         base->node->name);
    cleave_status status = operand_create(&base->operand, executable, step, weights, error);
    base->weight_bytes = base->operand.bytes;
    return status;
}

cleave_status step_check_weight(const Tensor *weight, size_t not_finite, cleave_error *error) {
    if (not_finite == 0)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_MODEL,
                     "weight %.128s: %zu of %zu values are NaN or infinite; the checkpoint is "
                     "damaged, download it again",
                     weight->name, not_finite, tensor_elements(weight));
}

void step_free(CpuStep *step) {
    operand_destroy(&step->operand);
    free(step);
}

static cleave_status create_step(CpuStep **created, const CpuExecutable *executable,
                                 const Step *step, const Graph *weights, cleave_error *error) {
    switch (weights->nodes[step->node].op) {
    case OP_STFT:
        return stft_step_create(created, executable, step, weights, error);
    case OP_ISTFT:
        return istft_step_create(created, executable, step, weights, error);
    case OP_CONV:
    case OP_CONV_TRANSPOSED:
        if (step_plan(executable, step)->algorithm == CONV_WINOGRAD)
            return winograd_step_create(created, executable, step, weights, error);
        return conv_step_create(created, executable, step, weights, error);
    case OP_LINEAR:
        return linear_step_create(created, executable, step, weights, error);
    default:
        return map_step_create(created, executable, step, weights, error);
    }
}

/* ---- Tensors ---- */

LayerClass step_layer_class(const CpuExecutable *executable, const Step *step) {
    const Graph *graph = &executable->graph;
    const Node *node = &graph->nodes[step->node];
    LayerClass layer = {.op = node->op, .output = node->shape};
    if (node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED)
        layer.conv = node->as.conv;
    if (node->input_count > 0) {
        const Node *input = &graph->nodes[node->inputs[0]];
        layer.input_height = input->shape.height;
        layer.input_width = input->shape.width;
        layer.act = input->op == OP_ACT ? input->as.act.kind : ACT_NONE;
    }
    for (int i = 0; i < step->source_count; i++)
        layer.blocks += executable->tensors[step->sources[i].node].blocks;
    return layer;
}

/* What the step's writer completes at once: a row, or a patch of tiles. */
static void set_parts(const CpuExecutable *executable, const Step *step, CpuTensor *tensor) {
    const ConvPlan *plan = step_plan(executable, step);
    tensor->part_height = 1;
    tensor->part_width = tensor->width;
    if (plan->algorithm == CONV_WINOGRAD) {
        tensor->part_height = plan->patch_rows * WINOGRAD_TILE;
        tensor->part_width = plan->patch_columns * WINOGRAD_TILE;
    }
}

static cleave_status lay_out_tensor(CpuExecutable *executable, const Step *step,
                                    cleave_error *error) {
    const Node *node = &executable->graph.nodes[step->node];
    Shape shape = executable->graph.nodes[step->output].shape;
    CpuTensor *tensor = &executable->tensors[step->output];
    bool own_channels = node->op == OP_INPUT || node->op == OP_STFT || node->op == OP_ISTFT ||
                        node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED;
    *tensor = (CpuTensor){.height = shape.height, .width = shape.width};
    tensor->stored = node->op != OP_INPUT && node->op != OP_ISTFT;
    if (own_channels)
        tensor->channels = (ChannelLayout){{shape.channels}, 1};
    for (int i = 0; i < step->source_count && !own_channels; i++)
        if (!channel_layout_append(&tensor->channels,
                                   &executable->tensors[step->sources[i].node].channels))
            return error_set(error, CLEAVE_ERROR_INTERNAL, "%s: too many concatenated values",
                             node->name);
    tensor->blocks = channel_layout_blocks(&tensor->channels);
    LayerClass layer = step_layer_class(executable, step);
    executable->plans[step - executable->program.steps] = conv_plan_choose(&layer);
    set_parts(executable, step, tensor);
    return CLEAVE_OK;
}

/* Bytes of a tensor for the largest batch; false if they overflow. */
static bool tensor_bytes(const CpuExecutable *executable, const CpuTensor *tensor, size_t *bytes) {
    return size_multiply(tensor_sample_rows(tensor), tensor_row_floats(tensor), bytes) &&
           size_multiply(*bytes, sizeof(float), bytes) &&
           size_multiply(*bytes, (size_t)executable->max_batch, bytes);
}

/* Whether a step may write its output over the tensor that it adds: nobody reads that afterwards,
 * and the step reads it nowhere but where it writes. */
static bool can_write_over_add(const Step *step, int position, const int *last_use) {
    if (step->add < 0 || last_use[step->add] != position)
        return false;
    for (int i = 0; i < step->source_count; i++)
        if (step->sources[i].node == step->add || step->sources[i].mul == step->add)
            return false;
    return true;
}

static void find_last_uses(const Program *program, int *last_use) {
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

/* Fills `lifetimes` and, per node, the index of its lifetime (-1: not stored); returns how many, or
 * -1 if sizes overflow. */
static int find_lifetimes(const CpuExecutable *executable, const int *last_use, Lifetime *lifetimes,
                          int *lifetime_of) {
    const Program *program = &executable->program;
    int count = 0;
    for (int position = 0; position < program->count; position++) {
        const Step *step = &program->steps[position];
        const CpuTensor *tensor = &executable->tensors[step->output];
        lifetime_of[step->output] = -1;
        if (!tensor->stored)
            continue;
        if (can_write_over_add(step, position, last_use)) {
            lifetime_of[step->output] = lifetime_of[step->add];
            lifetimes[lifetime_of[step->add]].last = last_use[step->output];
            continue;
        }
        Lifetime *lifetime = &lifetimes[count];
        *lifetime = (Lifetime){.first = position, .last = last_use[step->output]};
        if (!tensor_bytes(executable, tensor, &lifetime->bytes))
            return -1;
        lifetime_of[step->output] = count++;
    }
    return count;
}

static cleave_status allocate_arena(CpuExecutable *executable, const Lifetime *lifetimes,
                                    const int *lifetime_of, cleave_error *error) {
    if (executable->plan_only)
        return CLEAVE_OK;
    executable->arena = memory_allocate_aligned(executable->arena_bytes);
    if (!executable->arena)
        return error_memory(error, "the network's activations", executable->arena_bytes);
    for (int i = 0; i < executable->program.count; i++) {
        int node = executable->program.steps[i].output;
        if (executable->tensors[node].stored)
            executable->tensors[node].data =
                (float *)(void *)(executable->arena + lifetimes[lifetime_of[node]].offset);
    }
    return CLEAVE_OK;
}

static cleave_status plan_arena(CpuExecutable *executable, cleave_error *error) {
    size_t nodes = (size_t)executable->graph.count;
    int *last_use = calloc(nodes, sizeof(*last_use));
    int *lifetime_of = calloc(nodes, sizeof(*lifetime_of));
    Lifetime *lifetimes = calloc(nodes, sizeof(*lifetimes));
    cleave_status status = CLEAVE_OK;
    if (!last_use || !lifetime_of || !lifetimes) {
        status = error_memory(error, "the memory plan", nodes * sizeof(*lifetimes));
    } else {
        find_last_uses(&executable->program, last_use);
        int count = find_lifetimes(executable, last_use, lifetimes, lifetime_of);
        bool ok = count >= 0;
        if (ok)
            executable->arena_bytes = memory_plan(lifetimes, (size_t)count, MEMORY_ALIGNMENT, &ok);
        status = ok ? allocate_arena(executable, lifetimes, lifetime_of, error)
                    : error_set(error, CLEAVE_ERROR_MEMORY,
                                "the network's activations at batch %d do not fit into memory; try "
                                "a smaller batch",
                                executable->max_batch);
    }
    free(last_use);
    free(lifetime_of);
    free(lifetimes);
    return status;
}

/* Floats of one tensor's statistics. */
static size_t statistics_floats(const CpuExecutable *executable, const CpuTensor *tensor) {
    return (size_t)executable->max_batch * tensor_sample_statistics(tensor);
}

static cleave_status allocate_statistics(CpuExecutable *executable, cleave_error *error) {
    size_t floats = 0;
    for (int i = 0; i < executable->graph.count; i++)
        if (executable->program.needs_statistics[i])
            floats += statistics_floats(executable, &executable->tensors[i]);
    executable->statistics_bytes = floats * sizeof(float);
    if (executable->plan_only)
        return CLEAVE_OK;
    executable->statistics = memory_allocate_aligned(executable->statistics_bytes);
    if (!executable->statistics)
        return error_memory(error, "the network's statistics", executable->statistics_bytes);
    float *next = executable->statistics;
    for (int i = 0; i < executable->graph.count; i++) {
        if (!executable->program.needs_statistics[i])
            continue;
        executable->tensors[i].statistics = next;
        next += statistics_floats(executable, &executable->tensors[i]);
    }
    return CLEAVE_OK;
}

static cleave_status lay_out_tensors(CpuExecutable *executable, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    executable->tensors = calloc((size_t)executable->graph.count, sizeof(*executable->tensors));
    executable->plans = calloc((size_t)executable->program.count, sizeof(*executable->plans));
    if (!executable->tensors || !executable->plans)
        return error_memory(error, "the network's tensors", sizeof(*executable->tensors));
    for (int i = 0; i < executable->program.count && status == CLEAVE_OK; i++)
        status = lay_out_tensor(executable, &executable->program.steps[i], error);
    if (status == CLEAVE_OK)
        status = plan_arena(executable, error);
    if (status == CLEAVE_OK)
        status = allocate_statistics(executable, error);
    return status;
}

/* ---- The executable ---- */

static void destroy(Executable *head) {
    CpuExecutable *executable = (CpuExecutable *)head;
    for (int i = 0; i < executable->step_count; i++)
        executable->steps[i]->destroy(executable->steps[i]);
    free(executable->steps);
    thread_pool_destroy(executable->pool);
    memory_free_aligned(executable->arena);
    memory_free_aligned(executable->statistics);
    memory_free_aligned(executable->scratch);
    memory_free_aligned(executable->shared);
    cpu_profiling_end(executable);
    free(executable->tensors);
    free(executable->plans);
    program_free(&executable->program);
    graph_free(&executable->graph);
    free(executable);
}

static cleave_status run(Executable *head, const float *input, float *output, int batch,
                         const atomic_bool *cancel, cleave_error *error) {
    CpuExecutable *executable = (CpuExecutable *)head;
    CpuRun run = {executable, input, output, batch};
    if (batch < 1 || batch > executable->max_batch)
        return error_set(error, CLEAVE_ERROR_INTERNAL, "batch %d of a network compiled for %d",
                         batch, executable->max_batch);
    for (int i = 0; i < executable->step_count; i++) {
        const CpuStep *step = executable->steps[i];
        if (cancel_is_set(cancel))
            return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
        if (executable->profiling.profile) {
            cpu_run_profiled(executable, i, &run);
        } else {
            operand_prepare(&step->operand, &run);
            step->run(step, &run);
        }
    }
    return CLEAVE_OK;
}

static double peak_flops(Executable *head, cleave_precision precision) {
    return cpu_peak((const CpuExecutable *)head, precision);
}

static const ExecutableMethods methods = {
    .submit = run, .destroy = destroy, .peak_flops = peak_flops};

static cleave_status create_steps(CpuExecutable *executable, const Graph *weights,
                                  const CompileOptions *options, cleave_error *error) {
    const Program *program = &executable->program;
    cleave_status status = CLEAVE_OK;
    executable->step_count = 0;
    executable->steps = calloc((size_t)program->count, sizeof(*executable->steps));
    if (!executable->steps)
        return error_memory(error, "the network's steps", sizeof(*executable->steps));
    for (int i = 0; i < program->count && status == CLEAVE_OK; i++) {
        if (weights->nodes[program->steps[i].node].op == OP_INPUT)
            continue;
        CpuStep *step = NULL;
        status = create_step(&step, executable, &program->steps[i], weights, error);
        if (!step)
            continue;
        executable->steps[executable->step_count++] = step;
        executable->head.memory.weights += (int64_t)step->weight_bytes;
        executable->scratch_bytes = size_max(executable->scratch_bytes, step->scratch_bytes);
        executable->shared_bytes = size_max(executable->shared_bytes, step->shared_bytes);
        if (options->weights_read && !executable->plan_only)
            options->weights_read(options->weights_context);
    }
    return status;
}

/* What one step at a time uses: a part for each thread, and a part for all. */
static cleave_status allocate_scratch(CpuExecutable *executable, cleave_error *error) {
    size_t threads = (size_t)executable->threads;
    executable->scratch_bytes = size_round_up(executable->scratch_bytes, MEMORY_ALIGNMENT);
    if (executable->plan_only)
        return CLEAVE_OK;
    executable->scratch = memory_allocate_aligned(executable->scratch_bytes * threads);
    executable->shared = memory_allocate_aligned(executable->shared_bytes);
    if (!executable->scratch || !executable->shared)
        return error_memory(error, "the steps' scratch memory",
                            executable->scratch_bytes * threads + executable->shared_bytes);
    return CLEAVE_OK;
}

static void log_steps(const CpuExecutable *executable, const cleave_logger *log) {
    for (int i = 0; i < executable->step_count; i++) {
        const Node *node = executable->steps[i]->node;
        log_write(log, CLEAVE_LOG_DEBUG, "step %3d: %-15s %4d x %3d x %4d %8.3f GFLOP  %s", i,
                  graph_op_name(node->op), node->shape.channels, node->shape.height,
                  node->shape.width,
                  graph_node_flops(&executable->graph, (int)(node - executable->graph.nodes)) / 1e9,
                  node->name);
    }
}

static cleave_status copy_graph(CpuExecutable *executable, const Graph *graph,
                                cleave_error *error) {
    size_t bytes = (size_t)graph->count * sizeof(Node);
    executable->graph.nodes = malloc(bytes);
    if (!executable->graph.nodes)
        return error_memory(error, "the network's graph", bytes);
    memcpy(executable->graph.nodes, graph->nodes, bytes);
    executable->graph.count = graph->count;
    for (int i = 0; i < graph->count; i++)
        memset(executable->graph.nodes[i].weights, 0, sizeof(graph->nodes[i].weights));
    return CLEAVE_OK;
}

static cleave_status build(CpuExecutable *executable, const Graph *graph,
                           const CompileOptions *options, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (!executable->plan_only)
        status = thread_pool_create(&executable->pool, options->threads, error);
    if (status == CLEAVE_OK)
        status = copy_graph(executable, graph, error);
    if (status == CLEAVE_OK)
        status = program_create(&executable->program, graph, options->fuse, error);
    if (status == CLEAVE_OK)
        status = lay_out_tensors(executable, error);
    if (status == CLEAVE_OK)
        status = create_steps(executable, graph, options, error);
    if (status == CLEAVE_OK)
        status = allocate_scratch(executable, error);
    if (status == CLEAVE_OK && options->profile && !executable->plan_only)
        status = cpu_profiling_begin(executable, options->profile, error);
    executable->head.memory.activations =
        (int64_t)(executable->arena_bytes + executable->statistics_bytes);
    executable->head.memory.scratch =
        (int64_t)(executable->scratch_bytes * (size_t)executable->threads +
                  executable->shared_bytes);
    return status;
}

static uint64_t plan_digest(const CpuExecutable *executable) {
    uint64_t digest = HASH_START;
    for (int i = 0; i < executable->program.count; i++) {
        const ConvPlan *plan = &executable->plans[i];
        digest = hash_add_number(digest, (uint64_t)plan->algorithm);
        digest = hash_add_number(digest, (uint64_t)plan->patch_rows);
        digest = hash_add_number(digest, (uint64_t)plan->patch_columns);
        digest = hash_add_number(digest, plan->weights_first);
    }
    return digest;
}

cleave_status cpu_executable_create(CpuExecutable **created, const Graph *graph,
                                    const CompileOptions *options, CpuPurpose purpose,
                                    cleave_error *error) {
    Graph lean;
    CpuExecutable *executable = calloc(1, sizeof(*executable));
    *created = executable;
    if (!executable)
        return error_memory(error, "the compiled network", sizeof(*executable));
    executable->head.methods = &methods;
    executable->kernels = kernels_select();
    executable->precision = options->precision;
    executable->head.kernels = executable->kernels->name;
    executable->plan_only = purpose == CPU_FOR_SIZES;
    executable->threads = options->threads > 1 ? options->threads : 1;
    executable->max_batch = options->batch;
    cleave_status status = graph_rematerialise(&lean, graph, error);
    if (status == CLEAVE_OK)
        status = build(executable, &lean, options, error);
    graph_free(&lean);
    if (status != CLEAVE_OK) {
        destroy(&executable->head);
        *created = NULL;
        return status;
    }
    executable->head.plan_digest = plan_digest(executable);
    return CLEAVE_OK;
}

static cleave_status cpu_plan(const Graph *graph, const CompileOptions *options,
                              ExecutableMemory *memory, cleave_error *error) {
    CpuExecutable *executable = NULL;
    cleave_status status = cpu_executable_create(&executable, graph, options, CPU_FOR_SIZES, error);
    if (status != CLEAVE_OK)
        return status;
    *memory = executable->head.memory;
    destroy(&executable->head);
    return CLEAVE_OK;
}

static void warn_of_kernels(const Kernels *kernels, const cleave_logger *log) {
    const char *wanted = getenv("CLEAVE_KERNELS");
    if (wanted && wanted[0] && strcmp(wanted, kernels->name) != 0)
        log_write(log, CLEAVE_LOG_WARNING,
                  "CLEAVE_KERNELS asks for '%.64s', which this processor cannot run or cleave does "
                  "not know: it takes %s; 'cleave doctor' lists what there is",
                  wanted, kernels->name);
}

static cleave_status cpu_compile(Executable **created, const Graph *graph,
                                 const CompileOptions *options, cleave_error *error) {
    CpuExecutable *executable = NULL;
    cleave_status status = cpu_executable_create(&executable, graph, options, CPU_FOR_RUNS, error);
    if (status != CLEAVE_OK)
        return status;
    warn_of_kernels(executable->kernels, options->log);
    if (!executable->kernels->products[executable->precision].native)
        log_write(options->log, CLEAVE_LOG_WARNING,
                  "this processor has no products of %s (%s kernels): it takes those of f32, which "
                  "saves memory but no time",
                  precision_name(executable->precision), executable->kernels->name);
    log_write(options->log, CLEAVE_LOG_INFO,
              "cpu: %s kernels, %d threads, %d steps, %.0f MB of activations at batch %d",
              executable->head.kernels, executable->threads, executable->step_count,
              (double)executable->arena_bytes / 1e6, options->batch);
    log_steps(executable, options->log);
    *created = &executable->head;
    return CLEAVE_OK;
}

static bool supports(int index, cleave_precision precision) {
    (void)index;
    return kernels_select()->products[precision].gemm != NULL;
}

const Backend backend_cpu = {
    .abi = BACKEND_ABI,
    .version = CLEAVE_VERSION,
    .kind = CLEAVE_DEVICE_CPU,
    .alignment = sizeof(float),
    .count = cpu_count,
    .describe = cpu_describe,
    .describe_capabilities = cpu_describe_capabilities,
    .read_memory = cpu_read_memory,
    .supports = supports,
    .plan = cpu_plan,
    .layers = cpu_layers,
    .compile = cpu_compile,
};
