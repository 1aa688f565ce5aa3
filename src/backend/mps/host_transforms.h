/* host_transforms.h: the STFT and its inverse on the processor, for a macOS whose MPSGraph has no
 * Fourier transforms. Plain loops over arrays as MPSGraph has them; a fallback, not a fast path. */
#ifndef CLEAVE_MPS_HOST_TRANSFORMS_H
#define CLEAVE_MPS_HOST_TRANSFORMS_H

#include "graph/graph.h"

/* The node, an OP_STFT (not as tokens, which needs no Fourier transform of MPSGraph's) or OP_ISTFT,
 * from its input's value to its own, (batch, channels, height,
 * width) in f32 each. Errors: CLEAVE_ERROR_MEMORY. */
cleave_status host_transform(const Graph *network, int node, int batch, const float *from,
                             float *to, cleave_error *error);

#endif
