/* rms_norm.c: the norm of each token by itself. */
#include <math.h>

#include "backend/cpu/step_kinds.h"
#include "backend/cpu/token_gemm.h"

/* Rows of a task. */
#define RMS_NORM_ROWS 64

typedef struct RmsNormStep {
    CpuStep base;
    float *gain;
} RmsNormStep;

static void rms_norm_task(void *context, size_t task, int thread) {
    (void)thread;
    const CpuRun *run = ((void *const *)context)[0];
    const RmsNormStep *norm = ((void *const *)context)[1];
    const CpuTensor *output = norm->base.output;
    size_t floats = tensor_row_floats(output);
    size_t first = task * RMS_NORM_ROWS;
    size_t rows = (size_t)run->batch * tensor_item_rows(output);
    RmsNormArguments arguments = {.from =
                                      norm->base.operand.sources[0].tensor->data + first * floats,
                                  .to = output->data + first * floats,
                                  .gain = norm->gain,
                                  .from_stride = floats,
                                  .to_block = CHANNEL_BLOCK,
                                  .to_stride = floats,
                                  .blocks = tensor_row_positions(output),
                                  .rows = size_min(rows - first, RMS_NORM_ROWS)};
    run->executable->kernels->products[CLEAVE_PRECISION_F32].rms_norm(&arguments);
}

static void rms_norm_run(const CpuStep *step, const CpuRun *run) {
    const void *context[2] = {run, step};
    size_t rows = (size_t)run->batch * tensor_item_rows(step->output);
    thread_pool_run(run->executable->pool, size_divide_up(rows, RMS_NORM_ROWS), rms_norm_task,
                    context);
}

static void rms_norm_destroy(CpuStep *step) {
    memory_free_aligned(((RmsNormStep *)step)->gain);
    step_free(step);
}

cleave_status rms_norm_step_create(CpuStep **created, const CpuExecutable *executable,
                                   const Step *step, const Graph *weights, cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(RmsNormStep), executable, step, weights, error);
    if (status != CLEAVE_OK)
        return status;
    RmsNormStep *norm = (RmsNormStep *)*created;
    size_t width = (size_t)norm->base.output->width;
    norm->base.run = rms_norm_run;
    norm->base.destroy = rms_norm_destroy;
    return token_vector_create(&norm->gain, &norm->base, executable,
                               graph_weight(weights, &weights->nodes[step->node], 0), width,
                               sqrtf((float)width), error);
}
