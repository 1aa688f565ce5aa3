/* kernels.h: small kernels in place of the product's, and images in which they are. */
#ifndef CUDASIM_TEST_KERNELS_H
#define CUDASIM_TEST_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define KERNEL_THREADS 64

/* add: to[i] += value, for `count` floats. scale: to[i] *= value. wide needs compute capability
 * 8.0. faulty breaks a rule of kernels. */
typedef struct AddArguments {
    uint64_t to;
    int32_t count;
    float value;
} AddArguments;

/* move: to[i] = from[i]. */
typedef struct MoveArguments {
    uint64_t to;
    uint64_t from;
    int64_t count;
} MoveArguments;

/* How add was launched last. */
typedef struct LastLaunch {
    unsigned grid[3];
    unsigned threads;
    size_t shared_bytes;
    int capability;
} LastLaunch;

extern LastLaunch last_launch;

/* For sm_80 and later. */
extern const char kernels_ptx[];

#endif
