/* release.h: which release of NVIDIA's driver is installed. People know drivers by that number, and
 * not by the version of CUDA that the driver knows. */
#ifndef CLEAVE_BACKEND_CUDA_RELEASE_H
#define CLEAVE_BACKEND_CUDA_RELEASE_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/cuda/driver.h"

/* "NVIDIA 550.54.14", or "NVIDIA (CUDA 12.4)" where nothing tells the release. */
void release_text(const CudaDriver *driver, char *text, size_t size);

/* The release in what the driver's kernel module says of itself in /proc; false if there is none.
 */
bool release_of_module(const char *module, char *release, size_t size);

/* The first release with a version of CUDA: 525, for 12000; 0: not known. */
int release_with(int cuda_version);

#endif
