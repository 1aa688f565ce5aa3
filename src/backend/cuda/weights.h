/* weights.h: everything that a network keeps on the GPU between runs: the weights as the kernels
 * read them, the norms' parameters, and the transforms' tables. */
#ifndef CLEAVE_BACKEND_CUDA_WEIGHTS_H
#define CLEAVE_BACKEND_CUDA_WEIGHTS_H

#include "backend/cuda/executable.h"

/* Fills executable->weights, and zeroes executable->norms. `graph` has the weights. The context
 * must be current. */
cleave_status cuda_weights_upload(CudaExecutable *executable, const Graph *graph,
                                  const CompileOptions *options, cleave_error *error);

#endif
