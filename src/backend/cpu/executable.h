/* executable.h: a compiled graph on the CPU: its tensors, its steps, and what they share. Inside
 * backend/cpu only. */
#ifndef CLEAVE_CPU_EXECUTABLE_H
#define CLEAVE_CPU_EXECUTABLE_H

#include "backend/backend.h"
#include "backend/cpu/conv_plan.h"
#include "backend/cpu/tensor_layout.h"
#include "base/thread_pool.h"
#include "graph/fuse.h"

typedef struct CpuExecutable CpuExecutable;
typedef struct CpuStep CpuStep;

/* One run of the executable. */
typedef struct CpuRun {
    const CpuExecutable *executable;
    const float *input; /* (batch, channels, samples) */
    float *output;      /* (batch, stems · channels, samples) */
    int batch;
} CpuRun;

#define OPERAND_SOURCES_MAX 2

/* What a step reads: act(norm(concat(sources))), loaded row by row. */
typedef struct Operand {
    struct {
        const CpuTensor *tensor;
        const CpuTensor *factor; /* multiplied in; or NULL */
    } sources[OPERAND_SOURCES_MAX];
    int source_count;
    ChannelLayout channels; /* of the concatenation */
    int blocks;
    int height;
    int width;
    ActAttributes act;
    bool plain; /* neither norm, nor act, nor factor: rows can be read where they lie */
    /* The normalisation as y = x · scale + shift, (samples, blocks, CHANNEL_BLOCK) each. Computed
     * from the rows' statistics before the step; for constants, once, with one sample for all. */
    NormAttributes norm; /* kind NORM_NONE: scale is 1 and shift 0 */
    float *gain;         /* (channels), as are these three */
    float *bias;
    float *running_mean; /* NORM_BATCH only */
    float *running_variance;
    float *scale;
    float *shift;
    size_t sample_stride;    /* floats between samples of scale and shift; 0 for constants */
    struct Moments *moments; /* (samples, blocks, CHANNEL_BLOCK); NULL for constants */
    size_t bytes;            /* of all these arrays */
} Operand;

/* What is common to all kinds of steps; the rest is each kind's own. */
struct CpuStep {
    void (*run)(const CpuStep *step, const CpuRun *run);
    void (*destroy)(CpuStep *step);
    const Node *node; /* the op */
    Operand operand;
    const ProductKernels *products; /* of the step's precision */
    const CpuTensor *add;           /* added on store; or NULL */
    CpuTensor *output;              /* NULL where the step writes the run's output */
    size_t scratch_bytes;           /* that each thread needs while the step runs */
    size_t shared_bytes;            /* that all threads share while the step runs */
    size_t weight_bytes;            /* that the step keeps for itself: weights and tables */
};

/* How an executable tells a profile what it does (profiling.c). */
typedef struct CpuProfiling {
    Profile *profile; /* NULL: nobody wants to know */
    int *ops;         /* per step: the profile's index of it */
    int *rows;        /* per thread, likewise */
    int op;           /* that the threads are at; -1: none that is recorded */
} CpuProfiling;

struct CpuExecutable {
    Executable head;
    const Kernels *kernels;
    cleave_precision precision; /* that was asked for; some steps stay f32 */
    bool plan_only; /* sizes alone: nothing large is allocated, no weight read, no thread started */
    int threads;
    ThreadPool *pool; /* NULL if plan_only */
    Graph graph;      /* a copy of the nodes, without weights */
    Program program;
    ConvPlan *plans;    /* per program step */
    CpuTensor *tensors; /* per node */
    CpuStep **steps;
    int step_count;
    int max_batch;
    unsigned char *arena;
    size_t arena_bytes;
    float *statistics;
    size_t statistics_bytes;
    unsigned char *scratch; /* scratch_bytes per thread */
    size_t scratch_bytes;
    unsigned char *shared; /* shared_bytes, for one step at a time */
    size_t shared_bytes;
    CpuProfiling profiling;
};

/* Whether operands of the step's products are narrower than the f32 that everything else is. */
static inline bool is_narrow(const CpuStep *step) {
    return step->products->narrow != NULL;
}

static inline void *thread_scratch(const CpuExecutable *executable, int thread) {
    return executable->scratch + (size_t)thread * executable->scratch_bytes;
}

/* How a convolution of the executable's program is computed. */
static inline const ConvPlan *step_plan(const CpuExecutable *executable, const Step *step) {
    return &executable->plans[step - executable->program.steps];
}

/* ---- Executables (compile.c) ---- */

typedef enum CpuPurpose {
    CPU_FOR_RUNS,
    CPU_FOR_SIZES /* plan_only */
} CpuPurpose;

/* On failure *created is NULL. Destroyed by executable_destroy(). */
cleave_status cpu_executable_create(CpuExecutable **created, const Graph *graph,
                                    const CompileOptions *options, CpuPurpose purpose,
                                    cleave_error *error);

/* The class of a step's layer. The tensors that it reads must have been laid out. */
LayerClass step_layer_class(const CpuExecutable *executable, const Step *step);

/* ---- Plans (layers.c) ---- */

/* See Backend in backend.h. */
cleave_status cpu_layers(NetworkPlan *plan, const Graph *graph, const CompileOptions *options,
                         cleave_error *error);

/* ---- Profiles (profiling.c, peak.c) ---- */

/* What each step is and does: ops[executable->step_count] is the caller's. */
cleave_status cpu_describe_steps(const CpuExecutable *executable, ProfileOp *ops,
                                 cleave_error *error);

/* Tells the profile what there will be to tell of. */
cleave_status cpu_profiling_begin(CpuExecutable *executable, Profile *profile, cleave_error *error);
void cpu_profiling_end(CpuExecutable *executable);

/* Runs a step of an executable that has a profile. */
void cpu_run_profiled(CpuExecutable *executable, int step, const CpuRun *run);

/* Operations per second of the gemm on all threads at once, where nothing is in its way: everything
 * lies in the first cache. 0 where the precision has no kernels, or memory ran out. */
double cpu_peak(const CpuExecutable *executable, cleave_precision precision);

/* See Backend in backend.h (cpu.c). */
int cpu_count(char *reason, size_t size);
void cpu_describe(int index, cleave_device_info *info);
void cpu_describe_capabilities(int index, cleave_capability *capabilities);
void cpu_read_memory(int index, cleave_device_info *info);

/* ---- Operands (operand.c) ---- */

cleave_status operand_create(Operand *operand, const CpuExecutable *executable, const Step *step,
                             const Graph *weights, cleave_error *error);
void operand_destroy(Operand *operand);

/* Computes scale and shift for every sample of the batch, where they depend on the data. */
void operand_prepare(const Operand *operand, const CpuRun *run);

/* A run of positions of one row of one channel block. */
typedef struct RowPart {
    int sample;
    int block;
    int row;
    int first; /* position */
    int count;
} RowPart;

/* Loads to[part.count · CHANNEL_BLOCK]. */
void operand_load(const Operand *operand, const Kernels *kernels, RowPart part, float *to);

/* Loads a whole row: to[width · CHANNEL_BLOCK]. */
void operand_load_row(const Operand *operand, const Kernels *kernels, int sample, int block,
                      int row, float *to);

/* Where a row of a plain operand lies. */
const float *operand_plain_row(const Operand *operand, int sample, int block, int row);

/* ---- Kinds of steps ---- */

/* Each creates a step for program step `step`; `weights` is the graph with its weights. Each begins
 * with step_allocate(), fills in all sizes, and stops there where the executable is plan_only. What
 * it returns is the caller's to destroy, also after a failure. */
cleave_status conv_step_create(CpuStep **created, const CpuExecutable *executable, const Step *step,
                               const Graph *weights, cleave_error *error);
cleave_status winograd_step_create(CpuStep **created, const CpuExecutable *executable,
                                   const Step *step, const Graph *weights, cleave_error *error);
cleave_status linear_step_create(CpuStep **created, const CpuExecutable *executable,
                                 const Step *step, const Graph *weights, cleave_error *error);
cleave_status map_step_create(CpuStep **created, const CpuExecutable *executable, const Step *step,
                              const Graph *weights, cleave_error *error);
cleave_status stft_step_create(CpuStep **created, const CpuExecutable *executable, const Step *step,
                               const Graph *weights, cleave_error *error);
cleave_status istft_step_create(CpuStep **created, const CpuExecutable *executable,
                                const Step *step, const Graph *weights, cleave_error *error);

/* Allocates a step of `size` bytes that begins with a CpuStep, fills in what all kinds share and
 * creates its operand. */
cleave_status step_allocate(CpuStep **created, size_t size, const CpuExecutable *executable,
                            const Step *step, const Graph *weights, cleave_error *error);

/* The error for a weight of which `not_finite` values, as tensor_read_f32() counts them, are no
 * numbers to compute with; CLEAVE_OK for 0. */
cleave_status step_check_weight(const Tensor *weight, size_t not_finite, cleave_error *error);

/* Frees what step_allocate made. */
void step_free(CpuStep *step);

#endif
