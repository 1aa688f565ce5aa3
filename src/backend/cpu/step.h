/* step.h: one step of a compiled program: what all kinds of steps have in common. */
#ifndef CLEAVE_CPU_STEP_H
#define CLEAVE_CPU_STEP_H

#include "backend/cpu/executable.h"
#include "backend/cpu/operand.h"

/* One run of the executable. */
typedef struct CpuRun {
    const CpuExecutable *executable;
    const float *input; /* (batch, channels, samples) */
    float *output;      /* (batch, stems · channels, samples) */
    int batch;
} CpuRun;

/* The head of every kind's own struct. */
struct CpuStep {
    void (*run)(const CpuStep *step, const CpuRun *run);
    void (*destroy)(CpuStep *step);
    const Node *node; /* the op */
    Operand operand;
    const ProductKernels *products; /* of the step's precision */
    const CpuTensor *add;           /* added on store; or NULL */
    CpuTensor *output;              /* NULL if the step writes the run's output */
    size_t scratch_bytes;           /* that each thread needs while the step runs */
    size_t shared_bytes;            /* that all threads share while the step runs */
    size_t weight_bytes;            /* that the step keeps for itself: weights and tables */
};

/* Whether the operands of the step's products are narrower than f32. */
static inline bool is_narrow(const CpuStep *step) {
    return step->products->narrow != NULL;
}

/* Allocates a step of `size` bytes that begins with a CpuStep, and fills in what all kinds share.
 * *created is to be destroyed also after a failure, if it is not NULL. */
cleave_status step_allocate(CpuStep **created, size_t size, const CpuExecutable *executable,
                            const Step *step, const Graph *weights, cleave_error *error);

/* Frees what step_allocate() made. */
void step_free(CpuStep *step);

/* Runs a step with its operand. */
void step_run(const CpuStep *step, const CpuRun *run);

#endif
