/* steps.h: giving the GPU a step of the plan. The one place that fills in kernels' arguments. */
#ifndef CLEAVE_BACKEND_CUDA_STEPS_H
#define CLEAVE_BACKEND_CUDA_STEPS_H

#include "backend/cuda/executable.h"

/* Puts a step's kernels into the stream `compute`, for a flight and the first `batch` chunks of it.
 * The context must be current. */
CudaStatus cuda_step_launch(const CudaExecutable *executable, int step, const CudaFlight *flight,
                            int batch);

/* Loads the kernels that the plan uses. `name` becomes that of the kernel that failed. */
CudaStatus cuda_steps_load(CudaExecutable *executable, const char **name);

/* ---- Single kernels ---- */

typedef struct Grid {
    int x;
    int y;
    int z;
} Grid;

/* Puts a loaded kernel into the stream `compute`, with its arguments and bytes of shared memory. */
CudaStatus cuda_kernel_launch(const CudaExecutable *executable, KernelNumber kernel, Grid grid,
                              size_t shared, void *arguments);

/* Loads a kernel that will be launched with so many bytes of shared memory at most. */
CudaStatus cuda_kernel_load(CudaExecutable *executable, KernelNumber kernel, size_t shared);

/* As the method of an executable (peak.c). */
double cuda_peak_flops(Executable *head, cleave_precision precision);

#endif
