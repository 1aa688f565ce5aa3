/* fault_backend.c: a backend whose devices fail on demand, and otherwise compute as the CPU does.
 * It calls itself CUDA, and is loaded as CUDA's would be: as a shared object.
 *
 * The environment variable CLEAVE_FAULT, read anew at each call, lists what goes wrong:
 *   abi, version, kind, incomplete, nothing   the object offers no backend that can be used
 *   probe             there are no devices
 *   devices=N         so many devices (else 1); second-dead: cuda:1 is there but broken
 *   compile           compiling a whole graph fails; compile-all: op by op as well
 *   unsupported       with `compile`, as the cause
 *   memory-compile=N  compiling for more than N chunks runs out of memory
 *   memory-run=N      running more than N chunks at once does
 *   run=N, upload=N, download=N, lost=N   the run fails after N good ones
 *   kill=N            the process is killed after N runs
 *   double            every result is twice what the CPU computes
 *   auto=f16          what the precision auto stands for (else f32); bf16: there is bf16
 *   nan=N             in f16 every chunk behind N good ones has a NaN in its first stem;
 * nan-bf16=N, nan-f32=N: in these precisions synchronize       waiting fails fallback=N        N
 * ops run on the CPU no-compile-able, old-driver, simulated   what the device says of itself
 *   free=BYTES        free memory of its own
 * Faults of runs, and `fallback`, may be those of one device: "run:1=N" is cuda:1's. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "cleave/extra.h"

BackendEntry cleave_backend_entry;

/* The number behind "WORD=" in the list, 0 for the word alone, -1 where it is not there. */
static long long fault(const char *word) {
    const char *list = getenv("CLEAVE_FAULT");
    size_t length = strlen(word);
    while (list && *list) {
        if (strncmp(list, word, length) == 0 && strchr("=,", list[length]) /* or the end */)
            return list[length] == '=' ? atoll(list + length + 1) : 0;
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return -1;
}

/* The same for one device, which may have a number of its own. */
static long long device_fault(int index, const char *word) {
    char own[32];
    snprintf(own, sizeof(own), "%s:%d", word, index);
    long long number = fault(own);
    return number >= 0 ? number : fault(word);
}

/* ---- Devices ---- */

static int count(char *reason, size_t size) {
    if (fault("probe") >= 0) {
        snprintf(reason, size, "the made-up driver finds no GPU");
        return 0;
    }
    return fault("devices") > 0 ? (int)fault("devices") : 1;
}

static void set_capability(cleave_capability *capability, bool able, const char *reason) {
    capability->able = able;
    snprintf(capability->reason, sizeof(capability->reason), "%s", able ? "" : reason);
}

/* Each probe leaves a mark in the file that the environment names, if any. */
static void mark_probe(void) {
    const char *path = getenv("CLEAVE_FAULT_PROBES");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fputs("probe\n", file);
        fclose(file);
    }
}

static void describe(int index, cleave_device_info *info) {
    mark_probe();
    snprintf(info->name, sizeof(info->name), "Made-up GPU %d", index);
    snprintf(info->system, sizeof(info->system), "Made-up OS 1.0");
    snprintf(info->driver, sizeof(info->driver), "made-up 500.1");
    snprintf(info->runtime, sizeof(info->runtime), "made-up 12.3");
    if (fault("old-driver") >= 0)
        snprintf(info->warning, sizeof(info->warning),
                 "driver 500.1 is too old for graph compilation; 525 or newer has it");
    info->simulated = fault("simulated") >= 0;
    if (index == 1 && fault("second-dead") >= 0)
        snprintf(info->reason, sizeof(info->reason), "it is in use exclusively");
    else
        info->available = 1;
}

static void describe_capabilities(int index, cleave_capability *capabilities) {
    (void)index;
    set_capability(&capabilities[CLEAVE_CAPABILITY_F16], true, "");
    set_capability(&capabilities[CLEAVE_CAPABILITY_BF16], fault("bf16") >= 0,
                   "compute capability 7.5 has none");
    set_capability(&capabilities[CLEAVE_CAPABILITY_STFT], true, "");
    set_capability(&capabilities[CLEAVE_CAPABILITY_COMPILE], fault("no-compile-able") < 0,
                   "driver 500.1 is too old");
    set_capability(&capabilities[CLEAVE_CAPABILITY_UNIFIED_MEMORY], false, "its memory is its own");
}

static void read_memory(int index, cleave_device_info *info) {
    (void)index;
    info->memory_total = (int64_t)8 << 30;
    info->memory_available = fault("free") >= 0 ? fault("free") : (int64_t)6 << 30;
}

static bool supports(int index, cleave_precision precision) {
    bool lacks = precision == CLEAVE_PRECISION_BF16 && fault("bf16") < 0;
    return !lacks && backend_cpu.supports(index, precision);
}

static cleave_precision automatic(int index) {
    (void)index;
    return fault("auto") >= 0 ? CLEAVE_PRECISION_F16 : CLEAVE_PRECISION_F32;
}

/* ---- Executables ---- */

typedef struct FaultyExecutable {
    Executable head;
    Executable *inner;
    size_t outputs; /* floats that one chunk gives */
    cleave_precision precision;
    long long runs;
    long long chunks;
    int index; /* of the device */
} FaultyExecutable;

static cleave_status fail(cleave_error *error, const char *what) {
    return error_set(error, CLEAVE_ERROR_DEVICE, "made-up error 719: %s", what);
}

/* Makes the first sample of the first stem a NaN. */
static void spoil(const FaultyExecutable *executable, float *chunk) {
    static const char *const words[] = {[CLEAVE_PRECISION_F32] = "nan-f32",
                                        [CLEAVE_PRECISION_F16] = "nan",
                                        [CLEAVE_PRECISION_BF16] = "nan-bf16"};
    long long good = device_fault(executable->index, words[executable->precision]);
    if (good >= 0 && executable->chunks >= good)
        chunk[0] = (float)NAN;
}

static cleave_status compute(FaultyExecutable *executable, const float *input, float *output,
                             int batch, const atomic_bool *cancel, cleave_error *error) {
    executable->runs++;
    cleave_status status =
        executable->inner->methods->submit(executable->inner, input, output, batch, cancel, error);
    if (device_fault(executable->index, "double") >= 0)
        for (size_t i = 0; i < (size_t)batch * executable->outputs; i++)
            output[i] *= 2;
    for (int chunk = 0; chunk < batch; chunk++, executable->chunks++)
        spoil(executable, output + (size_t)chunk * executable->outputs);
    return status;
}

static cleave_status run(Executable *head, const float *input, float *output, int batch,
                         const atomic_bool *cancel, cleave_error *error) {
    FaultyExecutable *executable = (FaultyExecutable *)head;
    long long most = device_fault(executable->index, "memory-run");
    long long killed = device_fault(executable->index, "kill");
    if (killed >= 0 && executable->runs >= killed)
        kill(getpid(), SIGKILL);
    if (most >= 0 && batch > most)
        return error_set(error, CLEAVE_ERROR_MEMORY, "made-up error 2: no memory for %d chunks",
                         batch);
    static const struct {
        const char *word;
        DeviceFailure failure;
    } faults[] = {{"run", {STEP_RUN, CAUSE_FAILED}},
                  {"upload", {STEP_UPLOAD, CAUSE_FAILED}},
                  {"download", {STEP_DOWNLOAD, CAUSE_FAILED}},
                  {"lost", {STEP_RUN, CAUSE_LOST}}};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        long long after = device_fault(executable->index, faults[i].word);
        if (after >= 0 && executable->runs >= after) {
            head->failure = faults[i].failure;
            return fail(error, faults[i].word);
        }
    }
    return compute(executable, input, output, batch, cancel, error);
}

static void destroy(Executable *head) {
    FaultyExecutable *executable = (FaultyExecutable *)head;
    executable_destroy(executable->inner);
    free(executable);
}

static cleave_status synchronize(Executable *head, cleave_error *error) {
    (void)head;
    return fault("synchronize") >= 0 ? fail(error, "synchronize") : CLEAVE_OK;
}

static int64_t peak_memory(const Executable *head) {
    return executable_memory_total(&head->memory) + 1000;
}

static int fallback(const Executable *head, cleave_fallback_op *ops, int capacity) {
    const FaultyExecutable *executable = (const FaultyExecutable *)head;
    long long told = device_fault(executable->index, "fallback");
    int number = told > 0 ? (int)told : 0;
    for (int i = 0; i < number && i < capacity; i++) {
        ops[i] = (cleave_fallback_op){.op = "stft", .device = "cpu", .runs = executable->runs};
        snprintf(ops[i].name, sizeof(ops[i].name), "made-up op %d", i);
        snprintf(ops[i].reason, sizeof(ops[i].reason), "the made-up driver has no such op");
    }
    return number;
}

static const ExecutableMethods methods = {.submit = run,
                                          .destroy = destroy,
                                          .synchronize = synchronize,
                                          .peak_memory = peak_memory,
                                          .fallback = fallback};

static cleave_status check_compile(const CompileOptions *options, cleave_error *error) {
    if (fault("unsupported") >= 0)
        options->failure->cause = CAUSE_UNSUPPORTED;
    if (fault("compile-all") >= 0 || (fault("compile") >= 0 && options->fuse))
        return fail(error, "compile");
    if (fault("memory-compile") >= 0 && options->batch > fault("memory-compile"))
        return error_set(error, CLEAVE_ERROR_MEMORY, "made-up error 2: no memory for %d chunks",
                         options->batch);
    return CLEAVE_OK;
}

static cleave_status compile(Executable **created, const Graph *graph,
                             const CompileOptions *options, cleave_error *error) {
    cleave_status status = check_compile(options, error);
    if (status != CLEAVE_OK)
        return status;
    FaultyExecutable *executable = calloc(1, sizeof(*executable));
    if (!executable)
        return error_memory(error, "a made-up executable", sizeof(*executable));
    status = backend_cpu.compile(&executable->inner, graph, options, error);
    if (status != CLEAVE_OK) {
        free(executable);
        return status;
    }
    Shape stems = graph->nodes[graph->count - 1].shape;
    executable->outputs = (size_t)stems.channels * (size_t)stems.height * (size_t)stems.width;
    executable->index = options->device;
    executable->precision = options->precision;
    executable->head.methods = &methods;
    executable->head.kernels = "";
    executable->head.plan_digest = executable->inner->plan_digest;
    executable->head.memory = executable->inner->memory;
    *created = &executable->head;
    return CLEAVE_OK;
}

/* ---- The backend ---- */

__attribute__((visibility("default"))) const Backend *cleave_backend_entry(void) {
    static Backend backend;
    backend = backend_cpu;
    backend.abi = fault("abi") >= 0 ? BACKEND_ABI + 1 : BACKEND_ABI;
    backend.version = fault("version") >= 0 ? "0.0.0" : CLEAVE_VERSION;
    backend.kind = fault("kind") >= 0 ? CLEAVE_DEVICE_MPS : CLEAVE_DEVICE_CUDA;
    backend.count = count;
    backend.describe = describe;
    backend.describe_capabilities = describe_capabilities;
    backend.read_memory = read_memory;
    backend.supports = supports;
    backend.automatic = automatic;
    backend.compile = fault("incomplete") >= 0 ? NULL : compile;
    return fault("nothing") >= 0 ? NULL : &backend;
}
