/* nvml.h: NVIDIA's management library, which comes with the driver and tells of GPUs without a
 * context on them. It may be missing, and does not know every GPU. */
#ifndef CLEAVE_BACKEND_CUDA_NVML_H
#define CLEAVE_BACKEND_CUDA_NVML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/cuda/driver.h"

/* The driver's release: "550.54.14"; false, and `release` untouched, if that is not known. */
bool nvml_release(char *release, size_t size);

/* The free memory of a GPU, or of the part of one that MIG makes, in bytes; false, and *bytes
 * untouched, if that is not known. */
bool nvml_free_memory(const CudaUuid *uuid, int64_t *bytes);

#endif
