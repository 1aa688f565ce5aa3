/* bands.h: OP_BAND_SPLIT and OP_MASK. Inside backend/mps only. */
#ifndef CLEAVE_MPS_BANDS_H
#define CLEAVE_MPS_BANDS_H

#include "backend/mps/op_builder.h"

MPSGraphTensor *op_band_split(OpBuilder *builder, int node, MPSGraphTensor *spectrogram);
MPSGraphTensor *op_mask(OpBuilder *builder, int node, MPSGraphTensor *x,
                        MPSGraphTensor *spectrogram);

#endif
