/* conv_weights.h: the weights of a convolution, reordered into what the gemm reads: one lane per
 * output channel. */
#ifndef CLEAVE_CPU_CONV_WEIGHTS_H
#define CLEAVE_CPU_CONV_WEIGHTS_H

#include "backend/cpu/executable.h"

typedef struct ConvWeights {
    bool transposed;
    int taps;          /* kernel height · kernel width */
    int blocks;        /* input channel blocks */
    int column_blocks; /* output channel blocks */
    /* (column_blocks, blocks, taps, CHANNEL_BLOCK in, CHANNEL_BLOCK out); if transposed,
     * (taps, column_blocks, blocks, CHANNEL_BLOCK in, CHANNEL_BLOCK out). NULL if only planned. */
    float *data;
} ConvWeights;

/* Floats of one column block's weights: all that a gemm over k needs. */
static inline size_t conv_weights_panel_floats(const ConvWeights *weights) {
    size_t taps = weights->transposed ? 1 : (size_t)weights->taps;
    return (size_t)weights->blocks * taps * CHANNEL_BLOCK * CHANNEL_BLOCK;
}

/* One column block's weights; tap is 0 unless transposed. */
static inline const float *conv_weights_panel(const ConvWeights *weights, int tap, int column) {
    size_t panel = (size_t)tap * (size_t)weights->column_blocks + (size_t)column;
    return weights->data + panel * conv_weights_panel_floats(weights);
}

/* Reads `tensor`, (out, in, kh, kw) or if transposed (in, out, kh, kw), for a step whose operand
 * and output are there, and adds to the step's weight_bytes; reads nothing where the executable is
 * plan_only. Freed by conv_weights_free(), also after a failure. */
cleave_status conv_weights_create(ConvWeights *weights, CpuStep *step,
                                  const CpuExecutable *executable, const Tensor *tensor,
                                  cleave_error *error);
void conv_weights_free(ConvWeights *weights);

#endif
