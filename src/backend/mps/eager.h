/* eager.h: the network op by op. Inside backend/mps only. */
#ifndef CLEAVE_MPS_EAGER_H
#define CLEAVE_MPS_EAGER_H

#include "backend/mps/executable.h"

/* Makes the graphs of all ops, and room for their values. */
cleave_status eager_create(MpsExecutable *executable, cleave_error *error);
void eager_free(MpsExecutable *executable);

/* Whether the GPU runs an op; if not, the CPU does. */
bool eager_on_gpu(const MpsExecutable *executable, const Node *node);

/* Runs a batch from the first flight's input to its output. */
cleave_status eager_run(MpsExecutable *executable, int batch, const atomic_bool *cancel,
                        cleave_error *error);

#endif
