/* elementwise.c: steps without arithmetic of their own: what fusion left over, and with fusion off
 * every normalisation, activation, sum, product and concatenation. */
#include "backend/cpu/step_kinds.h"

static void elementwise_row(void *context, size_t task, int thread) {
    (void)thread;
    const CpuRun *run = ((void *const *)context)[0];
    const CpuStep *step = ((void *const *)context)[1];
    const Kernels *kernels = run->executable->kernels;
    int row = (int)(task % (size_t)step->output->height);
    task /= (size_t)step->output->height;
    int block = (int)(task % (size_t)step->output->blocks);
    int item = (int)(task / (size_t)step->output->blocks);
    float *to = tensor_row(step->output, item, block, row);
    /* A sum has nothing else to load, and may be written over either term. */
    if (step->add)
        kernels->add(to, operand_plain_row(&step->operand, item, block, row),
                     tensor_row(step->add, item, block, row), tensor_row_positions(step->output));
    else
        operand_load_row(&step->operand, kernels, item, block, row, to);
    tensor_row_written(step->output, kernels, item, block, row);
}

static void elementwise_run(const CpuStep *step, const CpuRun *run) {
    const void *context[2] = {run, step};
    thread_pool_run(run->executable->pool, (size_t)run->batch * tensor_item_rows(step->output),
                    elementwise_row, context);
}

static void elementwise_destroy(CpuStep *step) {
    step_free(step);
}

cleave_status elementwise_step_create(CpuStep **created, const CpuExecutable *executable,
                                      const Step *step, const Graph *weights, cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(CpuStep), executable, step, weights, error);
    if (status != CLEAVE_OK)
        return status;
    (*created)->run = elementwise_run;
    (*created)->destroy = elementwise_destroy;
    return CLEAVE_OK;
}
