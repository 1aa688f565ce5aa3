/* compiled.h: the whole network as one compiled MPSGraph, or as a few pieces. Inside backend/mps
 * only. */
#ifndef CLEAVE_MPS_COMPILED_H
#define CLEAVE_MPS_COMPILED_H

#include "backend/mps/executable.h"

/* Compiles the network for a batch, unless it is already. Errors: CLEAVE_ERROR_DEVICE. */
cleave_status compiled_create(MpsExecutable *executable, int batch, cleave_error *error);
void compiled_free(CompiledNetwork *network);

/* As submit() and collect() of ExecutableMethods. */
cleave_status compiled_submit(MpsExecutable *executable, const float *input, float *output,
                              int batch, const atomic_bool *cancel, cleave_error *error);
cleave_status compiled_collect(MpsExecutable *executable, cleave_error *error);

/* Waits for all that was submitted, whose results are lost. */
void compiled_drain(MpsExecutable *executable);

#endif
