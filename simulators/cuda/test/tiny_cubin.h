/* tiny_cubin.h: makes images as NVIDIA's compilers do, with one kernel and no code. */
#ifndef CUDASIM_TINY_CUBIN_H
#define CUDASIM_TINY_CUBIN_H

#include <stddef.h>
#include <stdint.h>

typedef struct TinyCubin {
    int abi; /* 7: as of CUDA 12; 8: as of CUDA 13 */
    int capability;
    int exact; /* 1: sm_90a, say; in the form of CUDA 12 only */
    const char *name;
    int argument_bytes;
    int threads;
    int registers;
} TinyCubin;

#define TINY_CUBIN_MAX 4096

/* Returns its size. `image` is aligned to 8 bytes. */
size_t tiny_cubin(const TinyCubin *what, unsigned char image[TINY_CUBIN_MAX]);

#endif
