/* executable.c: makes a program of a graph, places its tensors, creates its
 * steps, and runs them in order. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/executable.h"
#include "backend/cpu/peak.h"
#include "backend/cpu/placement.h"
#include "backend/cpu/step_kinds.h"
#include "base/hash.h"
#include "base/memory.h"
#include "graph/rematerialise.h"

/* ---- Running ---- */

static void cpu_destroy(Executable *head) {
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

static cleave_status cpu_run(Executable *head, const float *input, float *output, int batch,
                             const atomic_bool *cancel, cleave_error *error) {
    CpuExecutable *executable = (CpuExecutable *)head;
    CpuRun run = {executable, input, output, batch};
    if (batch < 1 || batch > executable->max_batch)
        return error_set(error, CLEAVE_ERROR_INTERNAL, "batch %d of a network compiled for %d",
                         batch, executable->max_batch);
    for (int i = 0; i < executable->step_count; i++) {
        if (cancel_is_set(cancel))
            return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
        if (executable->profiling.profile)
            cpu_run_profiled(executable, i, &run);
        else
            step_run(executable->steps[i], &run);
    }
    return CLEAVE_OK;
}

static double cpu_peak_flops(Executable *head, cleave_precision precision) {
    return cpu_peak((const CpuExecutable *)head, precision);
}

static const ExecutableMethods cpu_methods = {
    .submit = cpu_run, .destroy = cpu_destroy, .peak_flops = cpu_peak_flops};

/* ---- Creating ---- */

static cleave_status create_step(CpuStep **created, const CpuExecutable *executable,
                                 const Step *step, const Graph *weights, cleave_error *error) {
    switch (weights->nodes[step->node].op) {
    case OP_STFT:
        return stft_step_create(created, executable, step, weights, error);
    case OP_ISTFT:
        return istft_step_create(created, executable, step, weights, error);
    case OP_CONV:
    case OP_CONV_TRANSPOSED:
        if (step_plan(executable, step)->algorithm != CONV_DIRECT)
            return winograd_step_create(created, executable, step, weights, error);
        return conv_step_create(created, executable, step, weights, error);
    case OP_LINEAR:
        return linear_step_create(created, executable, step, weights, error);
    case OP_BAND_SPLIT:
        return band_split_step_create(created, executable, step, weights, error);
    case OP_ATTENTION:
        return attention_step_create(created, executable, step, weights, error);
    case OP_FEED_FORWARD:
        return feed_forward_step_create(created, executable, step, weights, error);
    case OP_RMS_NORM:
        return rms_norm_step_create(created, executable, step, weights, error);
    case OP_MASK:
        return mask_step_create(created, executable, step, weights, error);
    default:
        return elementwise_step_create(created, executable, step, weights, error);
    }
}

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
        if (options->weights_read && !executable->sizes_only)
            options->weights_read(options->weights_context);
    }
    return status;
}

/* Used by one step at a time: a part for each thread, and a part for all. */
static cleave_status allocate_scratch(CpuExecutable *executable, cleave_error *error) {
    size_t threads = (size_t)executable->threads;
    executable->scratch_bytes = size_round_up(executable->scratch_bytes, MEMORY_ALIGNMENT);
    if (executable->sizes_only)
        return CLEAVE_OK;
    executable->scratch = memory_allocate_aligned(executable->scratch_bytes * threads);
    executable->shared = memory_allocate_aligned(executable->shared_bytes);
    if (!executable->scratch || !executable->shared)
        return error_memory(error, "the steps' scratch memory",
                            executable->scratch_bytes * threads + executable->shared_bytes);
    return CLEAVE_OK;
}

static cleave_status cpu_build(CpuExecutable *executable, const Graph *graph,
                               const CompileOptions *options, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (!executable->sizes_only)
        status = thread_pool_create(&executable->pool, options->threads, error);
    if (status == CLEAVE_OK)
        status = graph_copy_shapes(&executable->graph, graph, error);
    if (status == CLEAVE_OK)
        status = program_create(&executable->program, graph, options->fuse, error);
    if (status == CLEAVE_OK)
        status = place_tensors(executable, error);
    executable->options = options;
    if (status == CLEAVE_OK)
        status = create_steps(executable, graph, options, error);
    executable->options = NULL;
    if (status == CLEAVE_OK)
        status = allocate_scratch(executable, error);
    if (status == CLEAVE_OK && options->profile && !executable->sizes_only)
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
    executable->head.methods = &cpu_methods;
    executable->kernels = kernels_select();
    executable->precision = options->precision;
    executable->head.kernels = executable->kernels->name;
    executable->sizes_only = purpose == CPU_FOR_SIZES;
    executable->threads = options->threads > 1 ? options->threads : 1;
    executable->max_batch = options->batch;
    cleave_status status = graph_rematerialise(&lean, graph, error);
    if (status == CLEAVE_OK)
        status = cpu_build(executable, &lean, options, error);
    graph_free(&lean);
    if (status != CLEAVE_OK) {
        cpu_destroy(&executable->head);
        *created = NULL;
        return status;
    }
    executable->head.plan_digest = plan_digest(executable);
    return CLEAVE_OK;
}
