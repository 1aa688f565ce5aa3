/* profiling.c: describing an executable's steps to a profile, and timing them. */
#include "backend/cpu/profiling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/step.h"
#include "base/clock.h"
#include "base/memory.h"
#include "graph/ops.h"

/* ---- What a step does ---- */

/* The floating-point operations of a step's products as it really computes them. */
static double step_products(const CpuExecutable *executable, const Step *step) {
    const Node *node = &executable->graph.nodes[step->node];
    const Shape *shape = &node->shape;
    bool is_norm = node->op == OP_RMS_NORM;
    if (!graph_is_product(node) && (op_info(node->op)->class != OP_CLASS_LAYER || is_norm))
        return 0;
    double flops = graph_node_flops(&executable->graph, step->node);
    ConvAlgorithm algorithm = step_plan(executable, step)->algorithm;
    if (algorithm == CONV_DIRECT)
        return flops;
    WinogradSize size = conv_winograd_size(algorithm);
    double tiles = (double)winograd_tiles(size, shape->height) * winograd_tiles(size, shape->width);
    return flops * (double)winograd_elements(size) * tiles / (9.0 * shape->height * shape->width);
}

static double tensor_bytes(const CpuTensor *tensor) {
    bool stored = tensor && tensor->stored;
    return stored ? (double)(tensor_item_rows(tensor) * tensor_row_floats(tensor)) * sizeof(float)
                  : 0;
}

static double shape_bytes(Shape shape) {
    return (double)shape.channels * shape.height * shape.width * sizeof(float);
}

/* Of one chunk. The waveforms of the run lie outside the arena. */
static double step_bytes(const CpuExecutable *executable, const CpuStep *step) {
    double bytes = tensor_bytes(step->add) + tensor_bytes(step->output);
    for (int i = 0; i < step->operand.source_count; i++)
        bytes += tensor_bytes(step->operand.sources[i].tensor) +
                 tensor_bytes(step->operand.sources[i].factor);
    if (step->node->op == OP_STFT)
        bytes += shape_bytes(executable->graph.nodes[step->node->inputs[0]].shape);
    if (step->node->op == OP_ISTFT)
        bytes += shape_bytes(step->node->shape);
    return bytes;
}

static ProfileOp describe_step(const CpuExecutable *executable, const Step *program_step,
                               const CpuStep *step, double flops) {
    const Node *node = step->node;
    ProfileOp op = {.op = graph_op_name(node->op),
                    .algorithm = "",
                    .output = node->shape,
                    .flops = flops,
                    .products = step_products(executable, program_step),
                    .bytes = step_bytes(executable, step),
                    .weight_bytes = (double)step->weight_bytes,
                    .precision =
                        (cleave_precision)(step->products - executable->kernels->products)};
    snprintf(op.name, sizeof(op.name), "%s", node->name);
    if (node->input_count > 0)
        op.input = executable->graph.nodes[node->inputs[0]].shape;
    if (is_convolution(node)) {
        op.algorithm = conv_algorithm_name(step_plan(executable, program_step)->algorithm);
        memcpy(op.kernel, node->as.conv.kernel, sizeof(op.kernel));
    }
    return op;
}

/* ---- Recording ---- */

/* The calling thread already has an event for the whole step. */
static void observe_thread(void *context, int thread, double begin, double end) {
    const CpuExecutable *executable = context;
    const CpuProfiling *profiling = &executable->profiling;
    if (profiling->op >= 0)
        profile_thread_worked(profiling->profile, profiling->op, profiling->rows[thread], begin,
                              end, thread > 0);
}

static cleave_status add_steps(CpuExecutable *executable, cleave_error *error) {
    const Program *program = &executable->program;
    CpuProfiling *profiling = &executable->profiling;
    double *flops = calloc((size_t)program->count, sizeof(*flops));
    if (!flops)
        return error_memory(error, "the profile", (size_t)program->count * sizeof(*flops));
    cleave_status status = program_flops(program, &executable->graph, flops, error);
    int count = 0;
    for (int i = 0; i < program->count && status == CLEAVE_OK; i++) {
        const Step *step = &program->steps[i];
        if (executable->graph.nodes[step->node].op == OP_INPUT)
            continue;
        ProfileOp op = describe_step(executable, step, executable->steps[count], flops[i]);
        status = profile_add_op(profiling->profile, &op, &profiling->ops[count++], error);
    }
    free(flops);
    return status;
}

cleave_status cpu_profiling_begin(CpuExecutable *executable, Profile *profile,
                                  cleave_error *error) {
    CpuProfiling *profiling = &executable->profiling;
    size_t threads = (size_t)executable->threads;
    *profiling = (CpuProfiling){.profile = profile, .op = -1};
    profiling->ops = calloc((size_t)executable->step_count, sizeof(*profiling->ops));
    profiling->rows = calloc(threads, sizeof(*profiling->rows));
    if (!profiling->ops || !profiling->rows)
        return error_memory(error, "the profile", threads * sizeof(*profiling->rows));
    profiling->rows[0] = ROW_CALLER;
    cleave_status status = add_steps(executable, error);
    for (int i = 1; i < executable->threads && status == CLEAVE_OK; i++)
        status = profile_add_row(profile, "worker", i, &profiling->rows[i], error);
    if (status == CLEAVE_OK)
        thread_pool_observe(executable->pool, observe_thread, executable);
    return status;
}

void cpu_profiling_end(CpuExecutable *executable) {
    free(executable->profiling.ops);
    free(executable->profiling.rows);
    executable->profiling = (CpuProfiling){0};
}

void cpu_run_profiled(CpuExecutable *executable, int step, const CpuRun *run) {
    CpuProfiling *profiling = &executable->profiling;
    Profile *profile = profile_active(profiling->profile);
    if (!profile) {
        step_run(executable->steps[step], run);
        return;
    }
    double begin = clock_seconds();
    profiling->op = profiling->ops[step];
    step_run(executable->steps[step], run);
    profile_op_ran(profile, profiling->op, ROW_CALLER, begin, clock_seconds(), run->batch);
    profiling->op = -1;
}
