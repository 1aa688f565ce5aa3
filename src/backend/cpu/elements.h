/* elements.h: floats as the elements that products of a precision multiply. */
#ifndef CLEAVE_CPU_ELEMENTS_H
#define CLEAVE_CPU_ELEMENTS_H

#include <string.h>

#include "backend/cpu/kernels/kernels.h"

/* Writes elements as a gemm's A has them, and as its B has them. Of B, `positions` is a multiple of
 * CHANNEL_BLOCK. */
static inline void elements_copy(const ProductKernels *products, const float *from, void *to,
                                 size_t positions) {
    if (products->narrow)
        products->narrow(to, from, positions);
    else
        memcpy(to, from, positions * CHANNEL_BLOCK * sizeof(float));
}

static inline void elements_copy_vectors(const ProductKernels *products, const float *from,
                                         void *to, size_t positions) {
    if (products->narrow_vectors)
        products->narrow_vectors(to, from, positions);
    else
        memcpy(to, from, positions * CHANNEL_BLOCK * sizeof(float));
}

/* Elements of A: `from` itself in f32, else rounded into `room`. */
static inline const void *elements_of(const ProductKernels *products, const float *from, void *room,
                                      size_t positions) {
    if (!products->narrow)
        return from;
    products->narrow(room, from, positions);
    return room;
}

#endif
