/* band_split.c: each band: a norm and a product with weights of its own. */
#include "backend/cpu/step_kinds.h"

cleave_status band_split_step_create(CpuStep **created, const CpuExecutable *executable,
                                     const Step *step, const Graph *weights, cleave_error *error) {
    (void)created;
    (void)executable;
    return error_set(error, CLEAVE_ERROR_INTERNAL, "%s: the CPU does not compute %s yet",
                     weights->nodes[step->node].name, graph_op_name(weights->nodes[step->node].op));
}
