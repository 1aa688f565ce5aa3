/* conv_weights.h: the weights of a convolution, reordered into what the gemm reads: one lane per
 * output channel. */
#ifndef CLEAVE_CPU_CONV_WEIGHTS_H
#define CLEAVE_CPU_CONV_WEIGHTS_H

#include "backend/cpu/step.h"

typedef enum WeightStorage {
    WEIGHTS_AS_OPERANDS, /* of the executable's precision, as the gemm reads them */
    /* To be made into operands in every run. Kept as f32; or as scaled f16, if the precision is
     * bf16 (f16 rounds eight times finer, so the two roundings are hardly worse than one), or if
     * both the precision and the checkpoint's weights are f16. */
    WEIGHTS_TO_TRANSFORM
} WeightStorage;

typedef struct ConvWeights {
    size_t element; /* bytes */
    bool transposed;
    int taps;          /* kernel height · kernel width */
    int blocks;        /* input channel blocks */
    int column_blocks; /* output channel blocks */
    /* (column_blocks, blocks, taps, CHANNEL_BLOCK in, CHANNEL_BLOCK out); if transposed,
     * (taps, column_blocks, blocks, CHANNEL_BLOCK in, CHANNEL_BLOCK out). NULL if sizes_only. */
    void *data;
    /* (column_blocks): what f16 elements are multiplied by when they are widened: a power of two
     * that keeps each column block within f16's range. NULL if the elements are not f16. */
    float *unscale;
} ConvWeights;

/* Elements of one column block's weights: all that a gemm over k needs. */
static inline size_t conv_weights_panel_elements(const ConvWeights *weights) {
    size_t taps = weights->transposed ? 1 : (size_t)weights->taps;
    return (size_t)weights->blocks * taps * CHANNEL_BLOCK * CHANNEL_BLOCK;
}

/* Where one column block's weights lie; tap is 0 unless transposed. */
static inline void *conv_weights_panel_data(const ConvWeights *weights, int tap, int column) {
    size_t panel = (size_t)tap * (size_t)weights->column_blocks + (size_t)column;
    return (unsigned char *)weights->data +
           panel * conv_weights_panel_elements(weights) * weights->element;
}

/* One column block's weights, to read. */
static inline const void *conv_weights_panel(const ConvWeights *weights, int tap, int column) {
    return conv_weights_panel_data(weights, tap, column);
}

/* Reads `tensor`, (out, in, kh, kw) or if transposed (in, out, kh, kw), for a step whose operand
 * and output are there, and adds to the step's weight_bytes; reads nothing where the executable is
 * sizes_only. Freed by conv_weights_free(), also after a failure. */
cleave_status conv_weights_create(ConvWeights *weights, WeightStorage storage, CpuStep *step,
                                  const CpuExecutable *executable, const Tensor *tensor,
                                  cleave_error *error);

/* The taps of one block of input and of output channels in f32, (taps, CHANNEL_BLOCK in,
 * CHANNEL_BLOCK out): where they lie, or widened into `buffer`. For WEIGHTS_TO_TRANSFORM. */
const float *conv_weights_taps(const ConvWeights *weights, const Kernels *kernels, int column,
                               int block, float *buffer);

void conv_weights_free(ConvWeights *weights);

#endif
