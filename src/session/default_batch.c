/* default_batch.c: the batches of each kind of device. A GPU gains less by a large batch if chunks
 * overlap more. */
#include "session/default_batch.h"

#define CUDA_CHUNKS   16 /* divided by the chunks that cover a moment, which is the overlap */
#define CUDA_LEAST    2
#define CUDA_GREATEST 8

static int default_batch_mps(int overlap) {
    if (overlap <= 2)
        return 4;
    return overlap <= 4 ? 2 : 1;
}

static int default_batch_cuda(int overlap) {
    int batch = CUDA_CHUNKS / overlap;
    if (batch < CUDA_LEAST)
        return CUDA_LEAST;
    return batch < CUDA_GREATEST ? batch : CUDA_GREATEST;
}

int default_batch(cleave_device_kind kind, int overlap) {
    switch (kind) {
    case CLEAVE_DEVICE_MPS:
        return default_batch_mps(overlap);
    case CLEAVE_DEVICE_CUDA:
        return default_batch_cuda(overlap);
    case CLEAVE_DEVICE_CPU:
        return 1; /* one chunk keeps all threads busy */
    }
    return 1;
}
