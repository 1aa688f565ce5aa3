/* mps.m: the backend for Apple GPUs: what backend.h asks for. */
#include <stdlib.h>
#include <string.h>

#include "backend/mps/compiled.h"
#include "backend/mps/eager.h"
#include "backend/mps/sizes.h"
#include "cleave/extra.h"

/* ---- Running ---- */

static void note_memory(MpsExecutable *executable) {
    int64_t bytes = (int64_t)[executable->device->device currentAllocatedSize];
    if (bytes > executable->peak_bytes)
        executable->peak_bytes = bytes;
}

/* One upload and one download a batch, here and below. */
static cleave_status run_eager(Executable *head, const float *input, float *output, int batch,
                               const atomic_bool *cancel, cleave_error *error) {
    MpsExecutable *executable = (MpsExecutable *)head;
    const MpsFlight *flight = &executable->flights[0];
    memcpy([flight->input contents], input, mps_value_bytes(executable, 0, batch));
    cleave_status status = eager_run(executable, batch, cancel, error);
    note_memory(executable);
    if (status == CLEAVE_OK)
        memcpy(output, [flight->output contents],
               mps_value_bytes(executable, executable->network.count - 1, batch));
    return status;
}

static cleave_status submit_compiled(Executable *head, const float *input, float *output, int batch,
                                     const atomic_bool *cancel, cleave_error *error) {
    if (cancel_is_set(cancel))
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    return compiled_submit((MpsExecutable *)head, input, output, batch, cancel, error);
}

static cleave_status collect_compiled(Executable *head, cleave_error *error) {
    cleave_status status = compiled_collect((MpsExecutable *)head, error);
    note_memory((MpsExecutable *)head);
    return status;
}

static int64_t mps_peak_memory(const Executable *head) {
    return ((const MpsExecutable *)head)->peak_bytes;
}

static int mps_fallback(const Executable *head, cleave_fallback_op *ops, int capacity) {
    const MpsExecutable *executable = (const MpsExecutable *)head;
    int count = 0;
    for (int node = 0; executable->fallback && node < executable->network.count; node++) {
        const Node *n = &executable->network.nodes[node];
        if (n->op == OP_INPUT || eager_on_gpu(executable, n))
            continue;
        if (count < capacity) {
            cleave_fallback_op *op = &ops[count];
            *op = (cleave_fallback_op){.runs = executable->fallback[node]};
            snprintf(op->name, sizeof(op->name), "%.63s", n->name);
            snprintf(op->op, sizeof(op->op), "%s", graph_op_name(n->op));
            snprintf(op->device, sizeof(op->device), "cpu");
            snprintf(op->reason, sizeof(op->reason),
                     "MPSGraph of macOS %d.%d has no Fourier transforms",
                     executable->device->macos[0], executable->device->macos[1]);
        }
        count++;
    }
    return count;
}

static void mps_destroy(Executable *head) {
    MpsExecutable *executable = (MpsExecutable *)head;
    @autoreleasepool {
        compiled_drain(executable);
        for (int i = 0; executable->compiled && i < executable->max_batch; i++)
            compiled_free(&executable->compiled[i]);
        for (int i = 0; executable->left && i < executable->network.count; i++)
            [executable->left[i] release];
        eager_free(executable);
        parameters_free(&executable->parameters);
        mps_profiling_end(&executable->profiling);
        for (int i = 0; i < MPS_DEPTH; i++) {
            [executable->flights[i].input release];
            [executable->flights[i].output release];
        }
        [executable->queue release];
    }
    free(executable->compiled);
    free(executable->left);
    graph_free(&executable->network);
    free(executable);
}

static const ExecutableMethods compiled_methods = {.submit = submit_compiled,
                                                   .collect = collect_compiled,
                                                   .destroy = mps_destroy,
                                                   .peak_memory = mps_peak_memory,
                                                   .fallback = mps_fallback};

static const ExecutableMethods eager_methods = {.submit = run_eager,
                                                .destroy = mps_destroy,
                                                .peak_memory = mps_peak_memory,
                                                .fallback = mps_fallback};

/* ---- Compiling ---- */

static cleave_status create_flights(MpsExecutable *executable, int depth, cleave_error *error) {
    id<MTLDevice> device = executable->device->device;
    size_t in = mps_value_bytes(executable, 0, executable->max_batch);
    size_t out = mps_value_bytes(executable, executable->network.count - 1, executable->max_batch);
    executable->queue = [device newCommandQueue];
    bool made = executable->queue != nil;
    for (int i = 0; i < depth && made; i++) {
        MpsFlight *flight = &executable->flights[i];
        flight->input = [device newBufferWithLength:in options:MTLResourceStorageModeShared];
        flight->output = [device newBufferWithLength:out options:MTLResourceStorageModeShared];
        made = flight->input && flight->output;
    }
    return made ? CLEAVE_OK : error_memory(error, "chunks on their way to the GPU", in + out);
}

static int mps_depth(const CompileOptions *options) {
    return options->fuse ? MPS_DEPTH : 1;
}

static int64_t left_bytes(const Graph *network, const CompileOptions *options) {
    Pieces pieces;
    if (!options->fuse ||
        !pieces_cut(&pieces, network, options->batch, mps_device()->submission_flops))
        return 0;
    int64_t bytes = pieces_bytes(&pieces, network, options->batch);
    pieces_free(&pieces);
    return bytes;
}

static ExecutableMemory memory_of(const Graph *network, const CompileOptions *options) {
    size_t floats = mps_value_floats(network, 0, options->batch) +
                    mps_value_floats(network, network->count - 1, options->batch);
    return (ExecutableMemory){.weights = parameters_bytes(network, options->precision),
                              .activations = live_bytes(network, options->batch),
                              .scratch = (int64_t)(floats * sizeof(float)) * mps_depth(options) +
                                         left_bytes(network, options)};
}

/* MPS would end the process, or compute wrongly. */
static cleave_status check_sizes(const Graph *network, int batch, cleave_error *error) {
    int node = 0;
    if (!products_fit(network, &node))
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "%s is larger than what every version of MPS computes rightly",
                         network->nodes[node].name);
    if (sizes_fit(network, batch, &node))
        return CLEAVE_OK;
    return error_set(
        error, CLEAVE_ERROR_MEMORY,
        "%s has arrays of %lld elements at batch %d, and MPS takes up to 2^31 elements "
        "and 2^32 bytes",
        network->nodes[node].name, (long long)node_largest_array(network, node, batch), batch);
}

static cleave_status mps_build(MpsExecutable *executable, const Graph *graph,
                               const CompileOptions *options, cleave_error *error) {
    cleave_status status = graph_copy_shapes(&executable->network, graph, error);
    if (status == CLEAVE_OK)
        status = create_flights(executable, mps_depth(options), error);
    if (status == CLEAVE_OK)
        status =
            parameters_create(&executable->parameters, executable->device, graph, options, error);
    if (status == CLEAVE_OK)
        status =
            mps_profiling_begin(&executable->profiling, options->profile, graph, options, error);
    if (status != CLEAVE_OK)
        return status;
    if (!options->fuse)
        return eager_create(executable, error);
    executable->compiled = calloc((size_t)options->batch, sizeof(*executable->compiled));
    executable->left = calloc((size_t)graph->count, sizeof(*executable->left));
    if (!executable->compiled || !executable->left)
        return error_memory(error, "the compiled network", sizeof(*executable->compiled));
    return compiled_create(executable, options->batch, error);
}

static cleave_status refuse_to_compile(const MpsDevice *device, const CompileOptions *options,
                                       cleave_error *error) {
    options->failure->cause = CAUSE_UNSUPPORTED;
    return error_set(error, CLEAVE_ERROR_DEVICE,
                     "macOS %d.%d cannot compile the whole network, which takes macOS 14",
                     device->macos[0], device->macos[1]);
}

static cleave_status mps_compile(Executable **created, const Graph *graph,
                                 const CompileOptions *options, cleave_error *error) {
    const MpsDevice *device = mps_device();
    *created = NULL;
    if (!device->device)
        return error_set(error, CLEAVE_ERROR_DEVICE, "%s", device->reason);
    if (options->fuse && !(device->compiles && device->transforms))
        return refuse_to_compile(device, options, error);
    cleave_status status = check_sizes(graph, options->batch, error);
    if (status != CLEAVE_OK)
        return status;
    MpsExecutable *executable = calloc(1, sizeof(*executable));
    if (!executable)
        return error_memory(error, "the compiled network", sizeof(*executable));
    executable->head = (Executable){.methods = options->fuse ? &compiled_methods : &eager_methods,
                                    .depth = mps_depth(options),
                                    .kernels = "",
                                    .memory = memory_of(graph, options)};
    executable->device = device;
    if (options->log)
        executable->log = *options->log;
    executable->precision = options->precision;
    executable->max_batch = options->batch;
    executable->flops_limit = device->submission_flops;
    @autoreleasepool {
        status = mps_build(executable, graph, options, error);
    }
    if (status != CLEAVE_OK) {
        mps_destroy(&executable->head);
        return status;
    }
    note_memory(executable);
    *created = &executable->head;
    return CLEAVE_OK;
}

static cleave_status mps_memory(const Graph *graph, const CompileOptions *options,
                                ExecutableMemory *memory, cleave_error *error) {
    cleave_status status = check_sizes(graph, options->batch, error);
    if (status == CLEAVE_OK)
        *memory = memory_of(graph, options);
    return status;
}

static bool mps_supports(int index, cleave_precision precision) {
    (void)index;
    return precision == CLEAVE_PRECISION_F32 || precision == CLEAVE_PRECISION_F16;
}

static double mps_run_flops(int index) {
    (void)index;
    return mps_device()->submission_flops;
}

static int mps_count(char *reason, size_t size) {
    const MpsDevice *device = mps_device();
    snprintf(reason, size, "%s", device->reason);
    return device->device ? 1 : 0;
}

const Backend backend_mps = {
    .abi = BACKEND_ABI,
    .version = CLEAVE_VERSION,
    .kind = CLEAVE_DEVICE_MPS,
    .alignment = sizeof(float),
    .depth = MPS_DEPTH,
    .count = mps_count,
    .describe = mps_describe,
    .describe_capabilities = mps_describe_capabilities,
    .read_memory = mps_read_memory,
    .supports = mps_supports,
    .memory = mps_memory,
    .compile = mps_compile,
    .run_flops = mps_run_flops,
};
