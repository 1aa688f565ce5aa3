/* cpu.c: the backend for processors: what backend.h asks for. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/device.h"
#include "backend/cpu/layers.h"
#include "backend/cpu/step.h"

static cleave_status cpu_memory(const Graph *graph, const CompileOptions *options,
                                ExecutableMemory *memory, cleave_error *error) {
    CpuExecutable *executable = NULL;
    cleave_status status = cpu_executable_create(&executable, graph, options, CPU_FOR_SIZES, error);
    if (status != CLEAVE_OK)
        return status;
    *memory = executable->head.memory;
    executable_destroy(&executable->head);
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

static void warn_of_precision(const CpuExecutable *executable, const cleave_logger *log) {
    if (!executable->kernels->products[executable->precision].native)
        log_write(log, CLEAVE_LOG_WARNING,
                  "no native %s arithmetic (%s kernels): %s saves memory, not time",
                  precision_name(executable->precision), executable->kernels->name,
                  precision_name(executable->precision));
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

static cleave_status cpu_compile(Executable **created, const Graph *graph,
                                 const CompileOptions *options, cleave_error *error) {
    CpuExecutable *executable = NULL;
    cleave_status status = cpu_executable_create(&executable, graph, options, CPU_FOR_RUNS, error);
    if (status != CLEAVE_OK)
        return status;
    warn_of_kernels(executable->kernels, options->log);
    warn_of_precision(executable, options->log);
    log_write(options->log, CLEAVE_LOG_INFO,
              "cpu: %s kernels, %d threads, %d steps, %.0f MB of activations at batch %d",
              executable->head.kernels, executable->threads, executable->step_count,
              (double)executable->arena_bytes / 1e6, options->batch);
    log_steps(executable, options->log);
    *created = &executable->head;
    return CLEAVE_OK;
}

static bool cpu_supports(int index, cleave_precision precision) {
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
    .supports = cpu_supports,
    .memory = cpu_memory,
    .compile = cpu_compile,
    .layers = cpu_layers,
};
