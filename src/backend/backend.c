/* backend.c: calls on any backend and its executables: checks of their arguments, answers for
 * methods that a backend lacks, and errors that name the device. */
#include "backend/backend.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
/* Not NULL if part of the region is poisoned. */
#define CHECK_REGION(start, floats) \
    __asan_region_is_poisoned((void *)(uintptr_t)(start), (floats) * sizeof(float))
#endif

static cleave_precision automatic_precision(const Backend *backend, int device) {
    return backend->automatic ? backend->automatic(device) : CLEAVE_PRECISION_F32;
}

cleave_status backend_precision(const Backend *backend, int device, cleave_precision precision,
                                cleave_precision *chosen, cleave_error *error) {
    if (precision < CLEAVE_PRECISION_AUTO || precision > CLEAVE_PRECISION_BF16)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "unknown precision %d", (int)precision);
    *chosen = precision == CLEAVE_PRECISION_AUTO ? automatic_precision(backend, device) : precision;
    if (backend->supports(device, *chosen))
        return CLEAVE_OK;
    char id[32];
    cleave_capability able[CLEAVE_CAPABILITIES] = {{0}};
    const char *reason =
        able[precision == CLEAVE_PRECISION_BF16 ? CLEAVE_CAPABILITY_BF16 : CLEAVE_CAPABILITY_F16]
            .reason;
    backend->describe_capabilities(device, able);
    device_id(backend->kind, device, id, sizeof(id));
    error_set(error, CLEAVE_ERROR_DEVICE, "precision %s does not run on %s%s%s",
              precision_name(precision), id, reason[0] ? ": " : "", reason);
    return error_advise(error, CLEAVE_ERROR_DEVICE, "try f32 or auto");
}

cleave_precision backend_wider_precision(const Backend *backend, int device,
                                         cleave_precision precision) {
    bool has_bf16 =
        precision == CLEAVE_PRECISION_F16 && backend->supports(device, CLEAVE_PRECISION_BF16);
    return has_bf16 ? CLEAVE_PRECISION_BF16 : CLEAVE_PRECISION_F32;
}

cleave_status backend_memory(const Backend *backend, const Graph *graph,
                             const CompileOptions *options, ExecutableMemory *memory,
                             cleave_error *error) {
    *memory = (ExecutableMemory){0};
    return backend->memory(graph, options, memory, error);
}

cleave_status backend_layers(const Backend *backend, NetworkPlan *plan, const Graph *graph,
                             const CompileOptions *options, cleave_error *error) {
    *plan = (NetworkPlan){0};
    if (!backend->layers)
        return CLEAVE_OK;
    cleave_status status = backend->layers(plan, graph, options, error);
    if (status != CLEAVE_OK)
        network_plan_free(plan);
    return status;
}

int64_t executable_memory_total(const ExecutableMemory *memory) {
    return memory->weights + memory->activations + memory->scratch;
}

/* ---- Errors ---- */

/* Not the caller's fault, a defect of the model, or a cancellation. */
static bool is_device_failure(cleave_status status) {
    return status == CLEAVE_ERROR_MEMORY || status == CLEAVE_ERROR_DEVICE;
}

static cleave_status backend_explain(const Backend *backend, int device, DeviceFailure failure,
                                     cleave_status status, cleave_error *error) {
    char id[32];
    if (!is_device_failure(status))
        return status;
    if (status == CLEAVE_ERROR_MEMORY && failure.cause != CAUSE_TIME)
        failure.cause = CAUSE_MEMORY;
    device_id(backend->kind, device, id, sizeof(id));
    return failure_explain(error, status, backend->kind, id, failure);
}

static cleave_status explain_run(Executable *executable, cleave_status status,
                                 cleave_error *error) {
    DeviceFailure failure = executable->failure;
    executable->failure = (DeviceFailure){STEP_RUN, CAUSE_FAILED};
    return backend_explain(executable->backend, executable->device, failure, status, error);
}

/* ---- Executables ---- */

static size_t shape_floats(Shape shape) {
    return (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width;
}

/* A network begins with its input and ends with its output. */
static SignalLayout layout_of(const Backend *backend, const Graph *graph, int batch) {
    return (SignalLayout){batch, shape_floats(graph->nodes[0].shape),
                          shape_floats(graph->nodes[graph->count - 1].shape), backend->alignment};
}

cleave_status backend_compile(const Backend *backend, Executable **executable, const Graph *graph,
                              const CompileOptions *options, cleave_error *error) {
    DeviceFailure failure = {STEP_COMPILE, CAUSE_FAILED};
    CompileOptions own = *options;
    own.failure = &failure;
    *executable = NULL;
    cleave_status status = backend->compile(executable, graph, &own, error);
    if (status == CLEAVE_OK) {
        (*executable)->backend = backend;
        (*executable)->device = options->device;
        (*executable)->layout = layout_of(backend, graph, options->batch);
        return CLEAVE_OK;
    }
    failure.step = STEP_COMPILE;
    return backend_explain(backend, options->device, failure, status, error);
}

static bool is_aligned(const float *samples, size_t alignment) {
    return (uintptr_t)samples % alignment == 0;
}

cleave_status layout_check(const SignalLayout *layout, const float *input, const float *output,
                           int batch, cleave_error *error) {
    const char *fault = NULL;
    if (batch < 1 || batch > layout->batch_max)
        fault = "its batch is not one that it was compiled for";
    else if (!input || !output)
        fault = "it has no input or no output";
    else if (!is_aligned(input, layout->alignment) || !is_aligned(output, layout->alignment))
        fault = "its input or output is not aligned as the backend declares";
    else if (input < output + layout->output_floats * (size_t)batch &&
             output < input + layout->input_floats * (size_t)batch)
        fault = "its input and output overlap";
#ifdef CHECK_REGION
    else if (CHECK_REGION(input, layout->input_floats * (size_t)batch) ||
             CHECK_REGION(output, layout->output_floats * (size_t)batch))
        fault = "its input or output ends before the batch does";
#endif
    if (!fault)
        return CLEAVE_OK;
    error_set(error, CLEAVE_ERROR_INTERNAL, "a run of %d chunks breaks the layout: %s", batch,
              fault);
    return error_advise(error, CLEAVE_ERROR_INTERNAL, "please report it");
}

static int depth_of(int depth) {
    return depth < 1 ? 1 : depth < EXECUTABLE_DEPTH_MAX ? depth : EXECUTABLE_DEPTH_MAX;
}

int executable_depth(const Executable *executable) {
    return depth_of(executable->depth);
}

int backend_depth(const Backend *backend) {
    return depth_of(backend->depth);
}

cleave_status executable_submit(Executable *executable, const float *input, float *output,
                                int batch, const atomic_bool *cancel, cleave_error *error) {
#ifndef NDEBUG
    cleave_status checked = layout_check(&executable->layout, input, output, batch, error);
    if (checked != CLEAVE_OK)
        return checked;
#endif
    cleave_status status =
        executable->methods->submit(executable, input, output, batch, cancel, error);
    return status == CLEAVE_OK ? CLEAVE_OK : explain_run(executable, status, error);
}

cleave_status executable_collect(Executable *executable, cleave_error *error) {
    if (!executable->methods->collect)
        return CLEAVE_OK;
    cleave_status status = executable->methods->collect(executable, error);
    return status == CLEAVE_OK ? CLEAVE_OK : explain_run(executable, status, error);
}

cleave_status executable_run(Executable *executable, const float *input, float *output, int batch,
                             const atomic_bool *cancel, cleave_error *error) {
    cleave_status status = executable_submit(executable, input, output, batch, cancel, error);
    return status == CLEAVE_OK ? executable_collect(executable, error) : status;
}

double executable_peak_flops(Executable *executable, cleave_precision precision) {
    return executable->methods->peak_flops ? executable->methods->peak_flops(executable, precision)
                                           : 0;
}

cleave_status executable_synchronize(Executable *executable, cleave_error *error) {
    if (!executable->methods->synchronize)
        return CLEAVE_OK;
    cleave_status status = executable->methods->synchronize(executable, error);
    if (status == CLEAVE_OK)
        return CLEAVE_OK;
    executable->failure.step = STEP_SYNCHRONIZE;
    return explain_run(executable, status, error);
}

int64_t executable_peak_memory(const Executable *executable) {
    if (!executable->methods->peak_memory)
        return executable_memory_total(&executable->memory);
    return executable->methods->peak_memory(executable);
}

int executable_fallback(const Executable *executable, cleave_fallback_op *ops, int capacity) {
    if (!executable->methods->fallback)
        return 0;
    return executable->methods->fallback(executable, ops, capacity);
}

void executable_destroy(Executable *executable) {
    if (executable)
        executable->methods->destroy(executable);
}

bool cancel_is_set(const atomic_bool *cancel) {
    return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}
