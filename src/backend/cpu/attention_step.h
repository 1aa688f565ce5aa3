/* attention_step.h: a step of attention: its sizes, its weights, and what lies where in a thread's
 * scratch memory.
 *
 * A task takes a few sequences of tokens, one row for each token; each sequence begins at a
 * multiple of `padded` rows. Head by head it computes queries, keys and values, then tile by tile
 * of queries the scores, their softmax and its product with the values. No more scores are ever
 * there than those of a tile, and they stay in the cache. */
#ifndef CLEAVE_CPU_ATTENTION_STEP_H
#define CLEAVE_CPU_ATTENTION_STEP_H

#include "backend/cpu/step.h"
#include "backend/cpu/token_gemm.h"

typedef struct AttentionStep {
    CpuStep base;
    SequenceAxis axis;
    size_t heads;
    size_t length;     /* tokens of a sequence */
    size_t padded;     /* the same in whole blocks */
    size_t sequences;  /* of a task */
    size_t rows;       /* sequences · padded */
    size_t query_rows; /* of a tile of queries, at most */

    /* Queries and keys have the first features of 16 pairs in one block and the second features in
     * the next, so that RoPE turns whole vectors; their product does not depend on the order. */
    size_t turned_blocks; /* of a head's queries, and of its keys: even */
    size_t value_blocks;  /* of a head's values */
    float scale;          /* log2(e) / √dim_head: the softmax's powers are those of 2 */

    TokenWeights qkv; /* for each head its queries, keys and values */
    TokenWeights gates;
    TokenWeights out;
    float *gain;
    float *gates_bias;
    float *cosines; /* (turned_blocks / 2, padded, CHANNEL_BLOCK), as are the sines */
    float *sines;

    /* Scratch memory. What is called narrow is of elements, and empty in f32. */
    size_t pointers;       /* of a gemm's blocks */
    size_t normalised;     /* (blocks of features, rows) elements */
    size_t gates_made;     /* (blocks of heads, rows) before the bias */
    size_t part;           /* (2 · turned_blocks + value_blocks, TOKEN_TILE_ROWS) */
    size_t key_block;      /* (turned_blocks · CHANNEL_BLOCK) vectors before they are narrowed */
    size_t queries;        /* (turned_blocks, padded) elements */
    size_t keys;           /* (padded / CHANNEL_BLOCK, turned_blocks · CHANNEL_BLOCK) vectors */
    size_t values;         /* (value_blocks, padded) vectors */
    size_t scores;         /* (padded / CHANNEL_BLOCK, query_rows + 1) */
    size_t narrow_scores;  /* their powers; narrow */
    size_t sums;           /* (query_rows) floats */
    size_t values_sum;     /* (value_blocks, query_rows) before it is narrowed; narrow */
    size_t heads_together; /* (heads · value_blocks, rows) elements */
} AttentionStep;

/* Runs it: the step's `run`. */
void attention_run(const CpuStep *step, const CpuRun *run);

#endif
