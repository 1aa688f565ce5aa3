/* backend.h: what a backend offers, and the calls on it and on the networks that it compiled. Code
 * above this header does not know which device runs. */
#ifndef CLEAVE_BACKEND_BACKEND_H
#define CLEAVE_BACKEND_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>

#include "backend/failure.h"
#include "backend/layer_plan.h"
#include "backend/names.h"
#include "backend/profile.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "cleave/extra.h"
#include "graph/graph.h"

typedef struct CompileOptions {
    int device;                 /* index among the backend's devices */
    int batch;                  /* largest batch that will be run */
    int threads;                /* CPU: threads to use, at least 1 */
    cleave_precision precision; /* of the operands of conv and linear; never AUTO */
    bool fuse;                  /* false: op by op */
    const cleave_logger *log;
    Profile *profile; /* receives the time of every op; may be NULL. Outlives the executable */
    /* Called now and then while weights are read. Weights that were read need not stay in memory:
     * the pages of a mapped checkpoint can be let go, since they come back when they are used in
     * place. May be NULL. */
    void (*weights_read)(void *context);
    void *weights_context;
    /* A file that holds the weights and that stays mapped and unchanged until the executable is
     * destroyed: weights may be used where they lie in it. May be NULL. */
    const MappedFile *weights_file;
    /* Where compile() says why it failed, if it knows more than its status says. Only the cause
     * counts. backend_compile() sets this; backends find it set. */
    DeviceFailure *failure;
} CompileOptions;

/* What an executable takes, in bytes. */
typedef struct ExecutableMemory {
    int64_t weights;     /* as the device holds them, with tables computed once */
    int64_t activations; /* the values between ops, and their statistics */
    int64_t scratch;     /* what ops work in, of all threads */
} ExecutableMemory;

typedef struct Executable Executable;
typedef struct Backend Backend;

/* What a run reads and writes, f32 and contiguous: (batch, channels, samples) → (batch, stems ·
 * channels, samples). */
typedef struct SignalLayout {
    int batch_max;
    size_t input_floats;  /* of one chunk */
    size_t output_floats; /* of one chunk */
    size_t alignment;     /* of both, in bytes, as the backend declares it */
} SignalLayout;

/* The most batches that a device works on at once. */
#define EXECUTABLE_DEPTH_MAX 2

typedef struct ExecutableMethods {
    /* ---- Required ---- */
    /* Gives the device a batch. May return before the batch is computed: collect() waits for the
     * oldest batch given. */
    cleave_status (*submit)(Executable *executable, const float *input, float *output, int batch,
                            const atomic_bool *cancel, cleave_error *error);
    void (*destroy)(Executable *executable);
    /* ---- Optional ---- */
    /* Input and output stay until it returns. NULL: submit() has waited already. */
    cleave_status (*collect)(Executable *executable, cleave_error *error);
    /* Waits until the device is idle. NULL: it is idle when all batches are collected. */
    cleave_status (*synchronize)(Executable *executable, cleave_error *error);
    /* The most bytes taken on the device so far. NULL: the sum of `memory`. */
    int64_t (*peak_memory)(const Executable *executable);
    /* As cleave_separator_fallbacks(). NULL: every op runs on the device. */
    int (*fallback)(const Executable *executable, cleave_fallback_op *ops, int capacity);
    /* Floating-point operations per second of the fastest products of a precision, measured within
     * some ten milliseconds; a multiply and an add count as two. 0, or NULL: not known. */
    double (*peak_flops)(Executable *executable, cleave_precision precision);
} ExecutableMethods;

/* The head of every backend's own executable. compile() fills in the first group, backend_compile()
 * the second. */
struct Executable {
    const ExecutableMethods *methods;
    int depth;             /* batches that it takes before the first is collected; 0 counts as 1 */
    DeviceFailure failure; /* set by a run that fails, if more is known than its status says */
    const char *kernels;   /* "avx512"; "" if the backend has no such choice */
    uint64_t plan_digest;  /* of the algorithms of all layers. Equal digests: equal bits */
    ExecutableMemory memory;

    const Backend *backend;
    int device; /* index among the backend's devices */
    SignalLayout layout;
};

/* Changes with everything that a backend in a shared object shares with the library: this header
 * and all that it includes. */
#define BACKEND_ABI 6

struct Backend {
    int abi;             /* BACKEND_ABI. First in every version, as is the next member */
    const char *version; /* CLEAVE_VERSION of the sources that it was built from */
    cleave_device_kind kind;
    size_t alignment; /* in bytes, of the input and output of a run */
    int depth;        /* the most that its executables have; 0 counts as 1 */
    /* ---- Required ---- */
    /* How many devices there are. If none can be used: 0, with the reason. */
    int (*count)(char *reason, size_t size);
    /* Completes `info`, whose kind, id and name are set, except for the memory figures. A device
     * that cannot be used stays unavailable, with the reason. */
    void (*describe)(int index, cleave_device_info *info);
    /* Fills in CLEAVE_CAPABILITIES zeroed elements, by cleave_capability_kind, for a device that is
     * available. */
    void (*describe_capabilities)(int index, cleave_capability *capabilities);
    /* Fills in the memory figures. */
    void (*read_memory)(int index, cleave_device_info *info);
    bool (*supports)(int index, cleave_precision precision);
    /* What compile() would take, within milliseconds: of the weights only the shapes are read. */
    cleave_status (*memory)(const Graph *graph, const CompileOptions *options,
                            ExecutableMemory *memory, cleave_error *error);
    cleave_status (*compile)(Executable **executable, const Graph *graph,
                             const CompileOptions *options, cleave_error *error);
    /* ---- Optional ---- */
    /* The algorithm of each layer as compile() would choose it, and its estimated time. NULL: the
     * backend does not choose, or does not know. */
    cleave_status (*layers)(NetworkPlan *plan, const Graph *graph, const CompileOptions *options,
                            cleave_error *error);
    /* Work in FLOP that one run should not exceed, for choosing a batch. NULL: no limit. */
    double (*run_flops)(int index);
    /* What AUTO means: a precision that the device supports. If it is narrower than f32, a chunk
     * whose output is no number runs again in a wider one. NULL: f32. */
    cleave_precision (*automatic)(int index);
};

extern const Backend backend_cpu;
extern const Backend backend_mps; /* where CLEAVE_MPS is defined */

/* What a shared object libcleave-KIND.so exports under the name BACKEND_ENTRY. It may return NULL:
 * no backend on this system. */
typedef const Backend *BackendEntry(void);
#define BACKEND_ENTRY "cleave_backend_entry"

/* The precision that `precision` stands for on a device (AUTO: the device's choice), or an error if
 * the device does not support it. */
cleave_status backend_precision(const Backend *backend, int device, cleave_precision precision,
                                cleave_precision *chosen, cleave_error *error);

/* The next precision whose numbers reach further: bf16 behind f16, where the device supports it,
 * else f32. Behind f32 there is none. */
cleave_precision backend_wider_precision(const Backend *backend, int device,
                                         cleave_precision precision);

/* What backend_compile() with the same arguments would take. Costs milliseconds. */
cleave_status backend_memory(const Backend *backend, const Graph *graph,
                             const CompileOptions *options, ExecutableMemory *memory,
                             cleave_error *error);

/* *plan becomes the algorithms of the network's layers, to be freed. It stays empty after a
 * failure, and where the backend does not choose algorithms. Costs milliseconds. */
cleave_status backend_layers(const Backend *backend, NetworkPlan *plan, const Graph *graph,
                             const CompileOptions *options, cleave_error *error);

/* The most batches that a backend's executables take before the first is collected. */
int backend_depth(const Backend *backend);

/* Compiles a graph. The executable keeps a copy of the weights, except of those that it uses in
 * options->weights_file. Errors of the device name it and say what to try (failure.h), here and in
 * the calls below. */
cleave_status backend_compile(const Backend *backend, Executable **executable, const Graph *graph,
                              const CompileOptions *options, cleave_error *error);

/* Sum of the three. */
int64_t executable_memory_total(const ExecutableMemory *memory);

/* CLEAVE_ERROR_INTERNAL if the arguments of a run break the layout. A debug build checks each run.
 */
cleave_status layout_check(const SignalLayout *layout, const float *input, const float *output,
                           int batch, cleave_error *error);

/* Gives the device a batch: input (batch, channels, samples) → output (batch, stems · channels,
 * samples), both f32 and contiguous. Both stay as they are until executable_collect() returns.
 * Batches are collected in the order in which they were given; executable_depth() of them may be on
 * their way. Ends with CLEAVE_ERROR_CANCELLED at the next op once *cancel is true. A batch that is
 * refused is not collected. */
cleave_status executable_submit(Executable *executable, const float *input, float *output,
                                int batch, const atomic_bool *cancel, cleave_error *error);

/* Waits for the oldest batch that was given. Its output is complete, unless this fails: then the
 * batches behind it may fail as well. */
cleave_status executable_collect(Executable *executable, cleave_error *error);

/* Both at once, while no other batch is on its way. */
cleave_status executable_run(Executable *executable, const float *input, float *output, int batch,
                             const atomic_bool *cancel, cleave_error *error);

/* Batches that may be given before the first is collected: 1 to EXECUTABLE_DEPTH_MAX. */
int executable_depth(const Executable *executable);

/* As the method; 0 if that is not known. */
double executable_peak_flops(Executable *executable, cleave_precision precision);

/* Waits until the device has done what it was given. */
cleave_status executable_synchronize(Executable *executable, cleave_error *error);

/* The most bytes that the executable has taken on its device. */
int64_t executable_peak_memory(const Executable *executable);

/* Writes up to `capacity` ops that run elsewhere than on the device; returns how many there are. */
int executable_fallback(const Executable *executable, cleave_fallback_op *ops, int capacity);

/* Whether *cancel is true; `cancel` may be NULL. */
bool cancel_is_set(const atomic_bool *cancel);

/* NULL is allowed. */
void executable_destroy(Executable *executable);

#endif
