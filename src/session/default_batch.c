/* batch_table.c: see batch_table.h. A higher overlap makes chunks follow each other more closely,
 * and what a GPU gains by many of them at once is then gained already. */
#include "session/default_batch.h"

#define CUDA_CHUNKS   16 /* shared among the chunks that cover a moment */
#define CUDA_LEAST    2
#define CUDA_GREATEST 8

static int batch_for_mps(int overlap) {
    if (overlap <= 2)
        return 4;
    return overlap <= 4 ? 2 : 1;
}

static int batch_for_cuda(int overlap) {
    int batch = CUDA_CHUNKS / overlap;
    if (batch < CUDA_LEAST)
        return CUDA_LEAST;
    return batch < CUDA_GREATEST ? batch : CUDA_GREATEST;
}

int batch_for_device(cleave_device_kind kind, int overlap) {
    switch (kind) {
    case CLEAVE_DEVICE_MPS:
        return batch_for_mps(overlap);
    case CLEAVE_DEVICE_CUDA:
        return batch_for_cuda(overlap);
    case CLEAVE_DEVICE_CPU:
        return 1; /* one chunk keeps all threads busy */
    }
    return 1;
}
