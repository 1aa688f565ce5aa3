/* exact_stft.h: the STFT of tokens, as exact as if it were computed in float64, which Apple's GPUs
 * do not have. Inside backend/mps only. */
#ifndef CLEAVE_MPS_EXACT_STFT_H
#define CLEAVE_MPS_EXACT_STFT_H

#include "backend/mps/op_builder.h"

/* Bins are off by a few roundings to f32 of themselves, and by less than 2^-40 of the loudest one;
 * an FFT in f32 is off by 2^-24 of that. */
MPSGraphTensor *op_exact_stft(OpBuilder *builder, int node, MPSGraphTensor *waveform);

#endif
