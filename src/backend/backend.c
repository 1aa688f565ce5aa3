/* backend.c: the list of backends, and the choice among them. */
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

/* A device kind that cleave knows; backend is NULL where this build does not have it. The order is
 * the one in which "auto" prefers them. */
typedef struct DeviceKind {
    cleave_device_kind device_kind;
    const char *kind;
    const char *name;
    const Backend *backend;
} DeviceKind;

static const DeviceKind kinds[] = {
    {CLEAVE_DEVICE_MPS, "mps", "Apple GPU", NULL},
    {CLEAVE_DEVICE_CUDA, "cuda", "NVIDIA GPU", NULL},
    {CLEAVE_DEVICE_CPU, "cpu", "CPU", &backend_cpu},
};

#define KIND_COUNT ((int)(sizeof(kinds) / sizeof(kinds[0])))

const char *cleave_device_kind_name(cleave_device_kind kind) {
    for (int i = 0; i < KIND_COUNT; i++)
        if (kinds[i].device_kind == kind)
            return kinds[i].kind;
    return "unknown";
}

const char *cleave_capability_name(cleave_capability_kind kind) {
    static const char *const names[CLEAVE_CAPABILITIES] = {"f16", "bf16", "stft", "compile",
                                                           "unified memory"};
    return kind >= 0 && kind < CLEAVE_CAPABILITIES ? names[kind] : "unknown";
}

static void describe(const DeviceKind *kind, cleave_device_info *info) {
    *info = (cleave_device_info){0};
    info->kind = kind->device_kind;
    snprintf(info->id, sizeof(info->id), "%s", kind->kind);
    snprintf(info->name, sizeof(info->name), "%s", kind->name);
    if (kind->backend)
        kind->backend->describe(info);
    else
        snprintf(info->reason, sizeof(info->reason), "this version has no %s backend", kind->kind);
}

int cleave_devices(cleave_device_info *devices, int capacity) {
    for (int i = 0; i < KIND_COUNT && i < capacity; i++)
        describe(&kinds[i], &devices[i]);
    return KIND_COUNT;
}

/* "cuda:1" is of kind "cuda". */
static bool is_kind(const char *device, const char *kind) {
    size_t length = strlen(kind);
    return strncmp(device, kind, length) == 0 && (device[length] == '\0' || device[length] == ':');
}

static const Backend *best_present(void) {
    for (int i = 0; i < KIND_COUNT; i++) {
        cleave_device_info info;
        describe(&kinds[i], &info);
        if (info.available)
            return kinds[i].backend;
    }
    return NULL;
}

static const DeviceKind *find_kind(const char *device) {
    for (int i = 0; i < KIND_COUNT; i++)
        if (is_kind(device, kinds[i].kind))
            return &kinds[i];
    return NULL;
}

cleave_status backend_choose(const Backend **backend, const char *device, bool strict,
                             const cleave_logger *log, cleave_error *error) {
    *backend = best_present();
    if (!*backend)
        return error_set(error, CLEAVE_ERROR_DEVICE, "no device: not even the CPU can be used");
    if (!device || strcmp(device, "auto") == 0)
        return CLEAVE_OK;
    const DeviceKind *kind = find_kind(device);
    if (!kind)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "unknown device \"%s\"; try auto, cpu, mps or cuda", device);
    cleave_device_info info;
    describe(kind, &info);
    if (info.available) {
        *backend = kind->backend;
        return CLEAVE_OK;
    }
    if (strict)
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "device %s is not available: %s; try -d auto, or leave out the strict "
                         "device choice",
                         device, info.reason);
    log_write(log, CLEAVE_LOG_WARNING, "device %s is not available (%s): using %s instead", device,
              info.reason, (*backend)->kind);
    return CLEAVE_OK;
}

cleave_status cleave_choose_device(const char *device, int strict, cleave_device_choice *choice,
                                   cleave_error *error) {
    const Backend *backend = NULL;
    error_clear(error);
    if (!choice)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "choosing a device needs room for the choice");
    *choice = (cleave_device_choice){0};
    cleave_status status = backend_choose(&backend, device, strict != 0, NULL, error);
    if (status != CLEAVE_OK)
        return status;
    snprintf(choice->id, sizeof(choice->id), "%s", backend->kind);
    snprintf(choice->reason, sizeof(choice->reason), "%s", "the only device present");
    return CLEAVE_OK;
}

const char *precision_name(cleave_precision precision) {
    switch (precision) {
    case CLEAVE_PRECISION_AUTO:
        return "auto";
    case CLEAVE_PRECISION_F32:
        return "f32";
    case CLEAVE_PRECISION_F16:
        return "f16";
    case CLEAVE_PRECISION_BF16:
        return "bf16";
    }
    return "unknown";
}

cleave_status backend_precision(const Backend *backend, cleave_precision precision,
                                cleave_precision *chosen, cleave_error *error) {
    if (precision < CLEAVE_PRECISION_AUTO || precision > CLEAVE_PRECISION_BF16)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "unknown precision %d", (int)precision);
    *chosen = precision == CLEAVE_PRECISION_AUTO ? CLEAVE_PRECISION_F32 : precision;
    if (backend->supports(*chosen))
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_DEVICE, "precision %s does not run on %s; try f32 or auto",
                     precision_name(precision), backend->kind);
}

cleave_status backend_plan(const Backend *backend, const Graph *graph,
                           const CompileOptions *options, ExecutableMemory *memory,
                           cleave_error *error) {
    *memory = (ExecutableMemory){0};
    return backend->plan(graph, options, memory, error);
}

cleave_status backend_layers(const Backend *backend, NetworkPlan *plan, const Graph *graph,
                             const CompileOptions *options, cleave_error *error) {
    *plan = (NetworkPlan){0};
    cleave_status status = backend->layers(plan, graph, options, error);
    if (status != CLEAVE_OK)
        network_plan_free(plan);
    return status;
}

cleave_status backend_measure(const Backend *backend, NetworkPlan *plan,
                              const CompileOptions *options, const PlanProgress *progress,
                              cleave_error *error) {
    return backend->measure(plan, options, progress, error);
}

int64_t executable_memory_total(const ExecutableMemory *memory) {
    return memory->weights + memory->activations + memory->scratch;
}

cleave_status backend_compile(const Backend *backend, Executable **executable, const Graph *graph,
                              const CompileOptions *options, cleave_error *error) {
    *executable = NULL;
    return backend->compile(executable, graph, options, error);
}

cleave_status executable_run(Executable *executable, const float *input, float *output, int batch,
                             const atomic_bool *cancel, cleave_error *error) {
    return executable->methods->run(executable, input, output, batch, cancel, error);
}

cleave_status executable_synchronize(Executable *executable, cleave_error *error) {
    if (!executable->methods->synchronize)
        return CLEAVE_OK;
    return executable->methods->synchronize(executable, error);
}

int64_t executable_peak_memory(const Executable *executable) {
    if (!executable->methods->peak_memory)
        return executable_memory_total(&executable->memory);
    return executable->methods->peak_memory(executable);
}

int executable_degraded(const Executable *executable, cleave_degraded_op *ops, int capacity) {
    if (!executable->methods->degraded)
        return 0;
    return executable->methods->degraded(executable, ops, capacity);
}

void executable_destroy(Executable *executable) {
    if (executable)
        executable->methods->destroy(executable);
}

bool cancel_is_set(const atomic_bool *cancel) {
    return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}
