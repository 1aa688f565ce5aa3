/* token_gemm.h: products of tokens, and the weights for them. What is multiplied lies in blocks of
 * rows, as the kernels of tokens have it: (blocks of features, rows, CHANNEL_BLOCK). */
#ifndef CLEAVE_CPU_TOKEN_GEMM_H
#define CLEAVE_CPU_TOKEN_GEMM_H

#include "backend/cpu/elements.h"
#include "backend/cpu/step.h"
#include "base/memory.h"

/* Rows that a gemm takes at once while its operands stay in the cache: a multiple of what each
 * table computes at once, but for AVX2's six. */
#define TOKEN_TILE_ROWS 112

/* C = A · B (+ bias) (+ add), over all column blocks. */
typedef struct TokenGemm {
    const void *a; /* elements of the precision, a block of k every a_block bytes */
    size_t a_block;
    const void *b; /* vectors as the gemm wants them, a column block every b_block bytes */
    size_t b_block;
    float *c;         /* a column block every c_block floats, a row every c_stride; and so is add */
    const float *add; /* or NULL; may be c */
    const float *bias; /* (column_blocks, CHANNEL_BLOCK), for every row; or NULL */
    size_t c_block;
    size_t c_stride;
    size_t rows;
    size_t k_blocks;
    size_t column_blocks;
    const void **pointers; /* room for k_blocks */
} TokenGemm;

void token_gemm(const ProductKernels *products, const TokenGemm *gemm);

/* Weights (out, in) as a gemm's B: (column_blocks, k_blocks · CHANNEL_BLOCK, CHANNEL_BLOCK). */
typedef struct TokenWeights {
    size_t k_blocks;
    size_t column_blocks;
    size_t block_bytes; /* of a column block */
    unsigned char *vectors;
} TokenWeights;

/* What to pack. A lane of the result is a row of the tensor (out), a position of k is a column
 * (in). */
typedef struct TokenWeightsSource {
    const Tensor *tensor; /* (outputs, inputs) */
    size_t outputs;
    size_t inputs;
    /* The tensor's row for each lane, and its column for each position of k; -1: zeros. NULL: as
     * they come, padded to whole blocks. */
    const int *rows;
    const int *columns;
    size_t row_count; /* of these lists */
    size_t column_count;
} TokenWeightsSource;

/* Packs a step's weights with all threads, in the precision of the step's products, and counts them
 * in step->weight_bytes. If the executable is sizes_only, it only counts. To be freed also after a
 * failure. */
cleave_status token_weights_create(TokenWeights *weights, CpuStep *step,
                                   const CpuExecutable *executable,
                                   const TokenWeightsSource *source, cleave_error *error);
void token_weights_free(TokenWeights *weights);

/* A vector of `count` weights times `factor`, padded by zeros to whole blocks; counted and checked
 * like the others, allocated by memory_allocate_aligned(). NULL if the executable is sizes_only. */
cleave_status token_vector_create(float **vector, CpuStep *step, const CpuExecutable *executable,
                                  const Tensor *tensor, size_t count, float factor,
                                  cleave_error *error);

/* Takes `bytes` of a thread's scratch memory, aligned: returns where they begin. */
static inline size_t scratch_take(size_t *used, size_t bytes) {
    size_t at = *used;
    *used = size_round_up(at + bytes, MEMORY_ALIGNMENT);
    return at;
}

#endif
