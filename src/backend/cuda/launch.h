/* launch.h: loading and launching single kernels. */
#ifndef CLEAVE_BACKEND_CUDA_LAUNCH_H
#define CLEAVE_BACKEND_CUDA_LAUNCH_H

#include "backend/cuda/executable.h"

typedef struct Grid {
    int x;
    int y;
    int z;
} Grid;

/* That of a type and so many columns, or features of a head: 128, 64 or 32. `first` is the kind's
 * first kernel, that of f32 and 128. */
KernelNumber cuda_kernel_of(KernelNumber first, int type, int size);

const char *cuda_kernel_name(KernelNumber kernel);

/* Puts a loaded kernel into the stream `compute`, with its arguments and bytes of shared memory. */
CudaStatus cuda_kernel_launch(const CudaExecutable *executable, KernelNumber kernel, Grid grid,
                              size_t shared, void *arguments);

/* Loads a kernel that will be launched with so many bytes of shared memory at most. */
CudaStatus cuda_kernel_load(CudaExecutable *executable, KernelNumber kernel, size_t shared);

/* A value as kernels see it. */
ValueView cuda_view_of(const CudaExecutable *executable, int node);

#endif
