/* elements.h: the elements of matrix products (f32, f16, bf16) by their definitions, in float64. */
#ifndef CLEAVE_TESTS_KERNELS_ELEMENTS_H
#define CLEAVE_TESTS_KERNELS_ELEMENTS_H

#include "backend/cpu/kernels/kernels.h"

typedef struct ElementFormat {
    double (*rounded)(double x);    /* the nearest value that an element holds, ties to even */
    double (*value)(uint16_t bits); /* what an element's bits stand for; NULL: floats */
} ElementFormat;

extern const ElementFormat element_formats[PRECISIONS];

/* One of the values at which roundings go wrong: zeros, ties, the ends of f16's and bf16's ranges,
 * subnormals of both, infinities and NaNs. */
float element_special(void);

/* Half the values are special ones, the others of all magnitudes that f16 has. */
float *element_special_floats(size_t count);

/* Fails unless equal, or both NaN. Subnormals may count as zero where the processor's bf16 has
 * none. */
void element_check(const char *what, size_t at, double got, double expected);

/* The elements of `values` for the table's gemm, as A has them or (vectors) as B has them; to be
 * freed with memory_free_aligned(). `values` become what the elements hold. */
void *elements_of(const ProductKernels *products, const ElementFormat *format, float *values,
                  size_t count, bool vectors);

/* Room for elements that a kernel writes, and CHANNEL_BLOCK that it may not; to be freed with
 * memory_free_aligned(). */
uint16_t *element_room(size_t count);

/* Fails unless the room `got` holds what the table's products narrow `wide` to, and is untouched
 * behind it. */
void check_elements(const char *what, const ProductKernels *products, const uint16_t *got,
                    const float *wide, size_t count);

#endif
