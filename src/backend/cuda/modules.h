/* modules.h: the compiled kernels that are part of the backend, and the choice of those for a GPU.
 */
#ifndef CLEAVE_BACKEND_CUDA_MODULES_H
#define CLEAVE_BACKEND_CUDA_MODULES_H

#include <stdbool.h>
#include <stddef.h>

/* The kernels for one architecture, packed by zlib. */
typedef struct CudaImage {
    int capability; /* 89: runs on compute capability 8.9 and, of the same major number, later */
    bool ptx;       /* text that the driver compiles: for any capability from this one on */
    size_t packed_bytes;
    size_t bytes;
    const unsigned char *packed;
} CudaImage;

/* Made by the build, ascending by capability; PTX last. */
extern const CudaImage cuda_images[];
extern const int cuda_image_count;

/* The best image for a GPU: machine code of the same major number and the nearest minor one not
 * above its own, or else PTX. NULL: there is none. */
const CudaImage *cuda_image_for(int capability);

/* The same of PTX alone. */
const CudaImage *cuda_image_ptx_for(int capability);

/* The image unpacked, and a zero behind it, to be freed; NULL if memory ran out or it is damaged.
 */
void *cuda_image_unpack(const CudaImage *image);

/* The oldest CUDA of a driver that loads an image, as cuDriverGetVersion() gives it: 12000. An
 * image that is damaged, or whose format is not known, is not refused here. */
int cuda_image_driver(const CudaImage *image);

/* "sm_75, sm_80, …, compute_80 (PTX)" into text; returns text. */
const char *cuda_image_list(char *text, size_t size);

#endif
