/* steps.h: giving the GPU a step of the plan. The one place that fills in kernels' arguments. */
#ifndef CLEAVE_BACKEND_CUDA_STEPS_H
#define CLEAVE_BACKEND_CUDA_STEPS_H

#include "backend/cuda/launch.h"

/* Puts a step's kernels into the stream `compute`, for a flight and the first `batch` chunks of it.
 * The context must be current. */
CudaStatus cuda_step_launch(const CudaExecutable *executable, int step, const CudaFlight *flight,
                            int batch);

/* Loads the kernels that the plan uses. `name` becomes that of the kernel that failed. */
CudaStatus cuda_steps_load(CudaExecutable *executable, const char **name);

/* As the method of an executable (peak.c). */
double cuda_peak_flops(Executable *head, cleave_precision precision);

#endif
