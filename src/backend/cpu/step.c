/* step.c: allocating a step with its operand, and freeing it. */
#include "backend/cpu/step.h"

#include <stdlib.h>

#include "backend/cpu/placement.h"

cleave_status step_allocate(CpuStep **created, size_t size, const CpuExecutable *executable,
                            const Step *step, const Graph *weights, cleave_error *error) {
    CpuStep *base = calloc(1, size);
    *created = base;
    if (!base)
        return error_memory(error, "a step of the network", size);
    base->destroy = step_free;
    base->node = &executable->graph.nodes[step->node];
    base->products = &executable->kernels->products[step_precision(executable, step)];
    if (base->node->op != OP_ISTFT)
        base->output = &executable->tensors[step->output];
    if (step->add >= 0)
        base->add = &executable->tensors[step->add];
    if (base->add && !value_channels_equal(&base->add->channels, &base->output->channels))
        return error_set(error, CLEAVE_ERROR_INTERNAL, "%s: a sum of unlike values",
                         base->node->name);
    cleave_status status = operand_create(&base->operand, executable, step, weights, error);
    base->weight_bytes = base->operand.bytes;
    return status;
}

void step_free(CpuStep *step) {
    operand_destroy(&step->operand);
    free(step);
}

void step_run(const CpuStep *step, const CpuRun *run) {
    operand_prepare(&step->operand, run->executable->pool, run->batch);
    step->run(step, run);
}
