/* mask.c: masks from tokens, by an MLP for each stem and band, and their product with the
 * spectrogram. */
#include "backend/cpu/step_kinds.h"

cleave_status mask_step_create(CpuStep **created, const CpuExecutable *executable, const Step *step,
                               const Graph *weights, cleave_error *error) {
    (void)created;
    (void)executable;
    return error_set(error, CLEAVE_ERROR_INTERNAL, "%s: the CPU does not compute %s yet",
                     weights->nodes[step->node].name, graph_op_name(weights->nodes[step->node].op));
}
