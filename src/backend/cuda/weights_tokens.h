/* weights_tokens.h: weights and tables of a step of tokens. A part of weights.c. */
#ifndef CLEAVE_BACKEND_CUDA_WEIGHTS_TOKENS_H
#define CLEAVE_BACKEND_CUDA_WEIGHTS_TOKENS_H

#include "backend/cuda/pack.h"

/* `graph` has the weights. */
cleave_status cuda_tokens_upload(const Upload *upload, int step, const Graph *graph);

#endif
