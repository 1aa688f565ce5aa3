/* dense_gemm.h: one product of matrices without gaps, outside of any network: to time a gemm, or to
 * check it. */
#ifndef CLEAVE_CPU_DENSE_GEMM_H
#define CLEAVE_CPU_DENSE_GEMM_H

#include "backend/cpu/kernels/kernels.h"

#define DENSE_GEMM_BLOCKS_MAX 48

/* C = A · B for GEMM_COLUMNS column blocks. A and B are of the elements that the products read. */
typedef struct DenseGemm {
    size_t rows;
    size_t k_blocks; /* 1 … DENSE_GEMM_BLOCKS_MAX */
    const void *a;   /* (k_blocks, rows, CHANNEL_BLOCK) */
    const void *b;   /* (GEMM_COLUMNS, k_blocks · CHANNEL_BLOCK, CHANNEL_BLOCK) */
    float *c;        /* (GEMM_COLUMNS, rows, CHANNEL_BLOCK) */
} DenseGemm;

/* Sets a and b from f32: to these arrays themselves, or to narrower elements, written to `a_room`
 * and `b_room`, which are as large. rows and k_blocks must be set. */
void dense_gemm_set_operands(DenseGemm *gemm, const ProductKernels *products, const float *a,
                             const float *b, void *a_room, void *b_room);

/* Computes the product `calls` times. */
void dense_gemm_run(const DenseGemm *gemm, const ProductKernels *products, int calls);

/* Floating-point operations of one product, a multiply and an add counted as two. */
double dense_gemm_flops(const DenseGemm *gemm);

#endif
