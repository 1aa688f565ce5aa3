/* dense_gemm.c: allocating, filling and multiplying matrices without gaps. */
#include "backend/cpu/kernels/dense_gemm.h"

void dense_gemm_set_operands(DenseGemm *gemm, const ProductKernels *products, const float *a,
                             const float *b, void *a_room, void *b_room) {
    gemm->a = a;
    gemm->b = b;
    if (!products->narrow)
        return;
    products->narrow(a_room, a, gemm->k_blocks * gemm->rows);
    products->narrow_vectors(b_room, b, GEMM_COLUMNS * gemm->k_blocks * CHANNEL_BLOCK);
    gemm->a = a_room;
    gemm->b = b_room;
}

void dense_gemm_run(const DenseGemm *gemm, const ProductKernels *products, int calls) {
    const void *pointers[DENSE_GEMM_BLOCKS_MAX];
    size_t a_bytes = gemm->rows * CHANNEL_BLOCK * products->element;
    size_t b_bytes = gemm->k_blocks * CHANNEL_BLOCK * CHANNEL_BLOCK * products->element;
    GemmArguments arguments = {.a = pointers,
                               .k_blocks = gemm->k_blocks,
                               .a_stride = CHANNEL_BLOCK,
                               .c_stride = CHANNEL_BLOCK,
                               .rows = gemm->rows,
                               .columns = GEMM_COLUMNS};
    for (size_t i = 0; i < gemm->k_blocks; i++)
        pointers[i] = (const unsigned char *)gemm->a + i * a_bytes;
    for (size_t j = 0; j < GEMM_COLUMNS; j++) {
        arguments.b[j] = (const unsigned char *)gemm->b + j * b_bytes;
        arguments.c[j] = gemm->c + j * gemm->rows * CHANNEL_BLOCK;
    }
    for (int i = 0; i < calls; i++)
        products->gemm(&arguments);
}

double dense_gemm_flops(const DenseGemm *gemm) {
    return 2.0 * (double)(gemm->rows * GEMM_COLUMNS * CHANNEL_BLOCK) *
           (double)(gemm->k_blocks * CHANNEL_BLOCK);
}
