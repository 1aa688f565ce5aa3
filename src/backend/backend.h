/* backend.h: what a device must offer: to be probed, to compile a graph, to run it. Nothing above
 * this header knows which device runs. */
#ifndef CLEAVE_BACKEND_BACKEND_H
#define CLEAVE_BACKEND_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>

#include "backend/failure.h"
#include "backend/layer_plan.h"
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
    Profile *profile; /* told of every op that runs; NULL: nobody. Needed until it is destroyed */
    /* Called now and then while weights are being read, which need not stay in memory once they
     * are: a mapped checkpoint's pages can be let go, and come back where they are used in place.
     * NULL: nobody wants to know. */
    void (*weights_read)(void *context);
    void *weights_context;
    /* A file that weights lie in and that stays mapped, unchanged, until the executable is
     * destroyed: they may be used where they lie. NULL: there is none. */
    const MappedFile *weights_file;
    /* Where a backend tells why compile() failed, if it knows more than its status does: the cause
     * alone counts. Never NULL in a call of Backend's compile(). */
    DeviceFailure *failure;
} CompileOptions;

/* What an executable takes, in bytes. */
typedef struct ExecutableMemory {
    int64_t weights;     /* as the device holds them, with tables computed once */
    int64_t activations; /* the arena, and the statistics of its values */
    int64_t scratch;     /* what steps work in, of all threads */
} ExecutableMemory;

typedef struct Executable Executable;
typedef struct Backend Backend;

/* What a run reads and writes: (batch, channels, samples) → (batch, stems · channels, samples), f32
 * and contiguous, so that these say it all. */
typedef struct SignalLayout {
    int batch_max;
    size_t input_floats;  /* of one chunk */
    size_t output_floats; /* likewise */
    size_t alignment;     /* of both, in bytes, as the backend declares it */
} SignalLayout;

/* The most batches that a device works on at once. */
#define EXECUTABLE_DEPTH_MAX 2

typedef struct ExecutableMethods {
    /* Gives the device a batch. It may return before that is computed: `collect` waits for the
     * oldest batch given. */
    cleave_status (*submit)(Executable *executable, const float *input, float *output, int batch,
                            const atomic_bool *cancel, cleave_error *error);
    void (*destroy)(Executable *executable);
    /* All of the next may be NULL. */
    /* Until it returns, input and output stay. NULL: submit() has waited. */
    cleave_status (*collect)(Executable *executable, cleave_error *error);
    /* Waits for what the device was given; NULL: that is collected. */
    cleave_status (*synchronize)(Executable *executable, cleave_error *error);
    /* The most bytes taken on the device so far; NULL: the sum of `memory`. */
    int64_t (*peak_memory)(const Executable *executable);
    /* As cleave_separator_fallbacks(); NULL: no op runs elsewhere. */
    int (*fallback)(const Executable *executable, cleave_fallback_op *ops, int capacity);
    /* The products of a precision per second at best, a multiply and an add counted as two, as
     * measured within some ten milliseconds; 0 where that is not known. NULL: never is. */
    double (*peak_flops)(Executable *executable, cleave_precision precision);
} ExecutableMethods;

/* The head of every backend's own executable. */
struct Executable {
    const ExecutableMethods *methods;
    int depth; /* batches that it takes before the first of them is collected; 0 as 1 */
    const Backend *backend; /* that compiled it; set by backend_compile(), as are the next two */
    int device;             /* index among the backend's devices */
    SignalLayout layout;
    DeviceFailure failure; /* set by a run that fails, where more is known than its status says */
    const char *kernels;   /* "avx512"; "" where there is nothing to tell */
    uint64_t
        plan_digest; /* of how its layers are computed: where it is the same, so are the bits */
    ExecutableMemory memory;
};

/* Changes with anything that a backend in a shared object of its own shares with the library: this
 * header and all that it includes. */
#define BACKEND_ABI 5

struct Backend {
    int abi;             /* BACKEND_ABI; first in every version, as is the next */
    const char *version; /* CLEAVE_VERSION of the sources that it was built from */
    cleave_device_kind kind;
    size_t alignment; /* in bytes, that runs ask of their input and output */
    int depth;        /* the most that its executables have; 0 as 1 */
    /* How many devices there are. 0, and why in `reason`, where none can be used. */
    int (*count)(char *reason, size_t size);
    /* Completes `info`, of which kind, id and a name are set, but for what changes. A device that
     * cannot be used stays unavailable, with the reason. */
    void (*describe)(int index, cleave_device_info *info);
    /* Fills in CLEAVE_CAPABILITIES zeroed ones, by cleave_capability_kind, of a device that is
     * available. */
    void (*describe_capabilities)(int index, cleave_capability *capabilities);
    /* Fills in the figures of memory. */
    void (*read_memory)(int index, cleave_device_info *info);
    bool (*supports)(int index, cleave_precision precision);
    /* The work in FLOP that a run should have at most where that is nobody's wish: of the batch
     * that is chosen. NULL: any. */
    double (*run_flops)(int index);
    /* What compile() would take, without taking or reading much: of the weights only shapes. */
    cleave_status (*plan)(const Graph *graph, const CompileOptions *options,
                          ExecutableMemory *memory, cleave_error *error);
    /* The classes of a network's layers, planned as compile() would. */
    cleave_status (*layers)(NetworkPlan *plan, const Graph *graph, const CompileOptions *options,
                            cleave_error *error);
    cleave_status (*compile)(Executable **executable, const Graph *graph,
                             const CompileOptions *options, cleave_error *error);
};

extern const Backend backend_cpu;
extern const Backend backend_mps; /* where CLEAVE_MPS is defined */

/* What a shared object libcleave-KIND.so exports under the name BACKEND_ENTRY. NULL: none here. */
typedef const Backend *BackendEntry(void);
#define BACKEND_ENTRY "cleave_backend_entry"

/* "cpu", "mps", "cuda:1" (registry.c). */
void device_id(cleave_device_kind kind, int index, char *id, size_t size);

/* The precision that `precision` stands for on a backend (AUTO: the backend's best exact one), or
 * an error if it cannot. */
cleave_status backend_precision(const Backend *backend, int device, cleave_precision precision,
                                cleave_precision *chosen, cleave_error *error);

const char *precision_name(cleave_precision precision); /* "f32", … */

/* What backend_compile() with the same arguments would take. Costs milliseconds. */
cleave_status backend_plan(const Backend *backend, const Graph *graph,
                           const CompileOptions *options, ExecutableMemory *memory,
                           cleave_error *error);

/* *plan becomes the network's layers as the backend estimates that they are best computed, to be
 * freed; empty after a failure. Costs milliseconds. */
cleave_status backend_layers(const Backend *backend, NetworkPlan *plan, const Graph *graph,
                             const CompileOptions *options, cleave_error *error);

/* Sum of the three. */
int64_t executable_memory_total(const ExecutableMemory *memory);

/* Compiles a graph; the executable copies what it needs of the weights, but for those that it reads
 * in options->weights_file. Errors of the device tell of it and of what to try (failure.h), here
 * and in the calls below. */
cleave_status backend_compile(const Backend *backend, Executable **executable, const Graph *graph,
                              const CompileOptions *options, cleave_error *error);

/* Whether a run's arguments keep to the layout: CLEAVE_ERROR_INTERNAL, and what is wrong, if not. A
 * debug build checks each run. */
cleave_status layout_check(const SignalLayout *layout, const float *input, const float *output,
                           int batch, cleave_error *error);

/* Gives the device a batch: input (batch, channels, samples) → output (batch, stems · channels,
 * samples), both f32 and contiguous. They stay as they are until executable_collect() returns,
 * which answers the batches in their order; executable_depth() of them may wait for that. Ends with
 * CLEAVE_ERROR_CANCELLED at the next op once *cancel is true. A batch that is refused need not be
 * collected. */
cleave_status executable_submit(Executable *executable, const float *input, float *output,
                                int batch, const atomic_bool *cancel, cleave_error *error);

/* Waits for the oldest batch that was given: its output is there, unless it failed. Where it did,
 * those behind it may fail as well. */
cleave_status executable_collect(Executable *executable, cleave_error *error);

/* Both at once, while no other batch is on its way. */
cleave_status executable_run(Executable *executable, const float *input, float *output, int batch,
                             const atomic_bool *cancel, cleave_error *error);

/* Batches that may be given before the first of them is collected: 1 to EXECUTABLE_DEPTH_MAX. */
int executable_depth(const Executable *executable);

/* The most that the executables of a backend have. */
int backend_depth(const Backend *backend);

/* See ExecutableMethods. */
double executable_peak_flops(Executable *executable, cleave_precision precision);

/* Waits until the device has done what it was given. */
cleave_status executable_synchronize(Executable *executable, cleave_error *error);

/* The most bytes that the executable has taken on its device. */
int64_t executable_peak_memory(const Executable *executable);

/* Writes up to `capacity` ops that run elsewhere and returns how many there are. */
int executable_fallback(const Executable *executable, cleave_fallback_op *ops, int capacity);

/* Whether a run should end: what its `cancel` says, which may be NULL. */
bool cancel_is_set(const atomic_bool *cancel);

/* NULL is allowed. */
void executable_destroy(Executable *executable);

#endif
