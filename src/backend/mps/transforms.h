/* transforms.h: OP_STFT and OP_ISTFT in MPSGraph's ops. Inside backend/mps only. */
#ifndef CLEAVE_MPS_TRANSFORMS_H
#define CLEAVE_MPS_TRANSFORMS_H

#include "backend/mps/op_builder.h"

MPSGraphTensor *op_stft(OpBuilder *builder, int node, MPSGraphTensor *waveform);
MPSGraphTensor *op_istft(OpBuilder *builder, int node, MPSGraphTensor *spectrogram);

#endif
