/* steps_tokens.h: giving the GPU a step of tokens. */
#ifndef CLEAVE_BACKEND_CUDA_STEPS_TOKENS_H
#define CLEAVE_BACKEND_CUDA_STEPS_TOKENS_H

#include "backend/cuda/launch.h"

/* Puts the kernels of a step of tokens into the stream `compute`, for the first `batch` chunks. */
CudaStatus cuda_tokens_launch(const CudaExecutable *executable, int step, int batch);

/* Loads them. `kernel` becomes the one that failed. */
CudaStatus cuda_tokens_load(CudaExecutable *executable, int step, KernelNumber *kernel);

#endif
