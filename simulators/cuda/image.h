/* image.h: what is in a module's image: machine code of NVIDIA (a cubin), or PTX. */
#ifndef CUDASIM_IMAGE_H
#define CUDASIM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"

typedef struct SimImageFunction {
    char *name;
    int argument_bytes; /* -1: the image does not say */
    int registers;      /* 0: likewise, as below */
    int threads;        /* of a block, at most */
} SimImageFunction;

typedef struct SimImage {
    int capability; /* for which it was compiled */
    SimImageFunction *functions;
    size_t count;
} SimImage;

/* Reads an image that a driver of CUDA `driver` (12080: 12.8) is to load for a GPU. Fails as the
 * driver would, and leaves *image empty then. */
CUresult sim_image_read(const void *data, int capability, int driver, SimImage *image);
void sim_image_free(SimImage *image);

/* NULL: there is none of that name. */
const SimImageFunction *sim_image_find(const SimImage *image, const char *name);

/* For those who read images. */
SimImageFunction *sim_image_add(SimImage *image, const char *name, size_t length);
CUresult sim_cubin_read(const unsigned char *data, int capability, int driver, SimImage *image);
CUresult sim_ptx_read(const char *text, int capability, int driver, SimImage *image);

#endif
