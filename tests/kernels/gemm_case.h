/* gemm_case.h: one matrix product of random operands, for the tests of gemm and for its timing. */
#ifndef CLEAVE_TESTS_KERNELS_GEMM_CASE_H
#define CLEAVE_TESTS_KERNELS_GEMM_CASE_H

#include "backend/cpu/kernels/kernels.h"

#define GEMM_BLOCKS_MAX 36

typedef struct GemmCase {
    GemmArguments arguments;
    const ProductKernels *products;
    size_t offsets[GEMM_BLOCKS_MAX];       /* of each block of A, in elements */
    const void *pointers[GEMM_BLOCKS_MAX]; /* to the same */
    float *a;                              /* what the elements of A stand for */
    float *b;                              /* and those of B */
    void *a_elements;
    void *b_elements;
    size_t b_floats; /* of one column */
    float *add;
    float *bias;     /* CHANNEL_BLOCK for each column */
    float *c;        /* canaries, also between its rows and for one row behind the last */
    size_t c_floats; /* of one column, of c and add */
} GemmCase;

typedef enum GemmValues { GEMM_ORDINARY, GEMM_SPECIAL } GemmValues;

/* Makes the operands of a case. Set before are its offsets and, of its arguments, rows, columns,
 * k_blocks and strides; offsets and strides are multiples of CHANNEL_BLOCK. */
void gemm_case_make(GemmCase *gemm, const Kernels *kernels, cleave_precision precision,
                    GemmValues values, bool adds, bool has_bias);

/* Element `index` of gemm->a_elements or gemm->b_elements. */
const void *gemm_case_element(const GemmCase *gemm, const void *elements, size_t index);

void gemm_case_free(GemmCase *gemm);

#endif
