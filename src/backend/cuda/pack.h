/* pack.h: sending weights to the GPU: as they are, or packed for products by all threads. */
#ifndef CLEAVE_BACKEND_CUDA_PACK_H
#define CLEAVE_BACKEND_CUDA_PACK_H

#include "backend/cuda/executable.h"
#include "base/thread_pool.h"

/* Weights on their way to an executable. */
typedef struct Upload {
    CudaExecutable *executable;
    const CompileOptions *options;
    ThreadPool *pool;
    cleave_error *error;
} Upload;

/* Sends bytes, and waits until they have arrived; the second function to what the plan keeps at
 * `offset` of the weights. */
cleave_status upload_send_to(const Upload *upload, CudaAddress address, const void *data,
                             size_t bytes);
cleave_status upload_send(const Upload *upload, size_t offset, const void *data, size_t bytes);

/* Reads a whole tensor of `count` elements as f32. */
cleave_status upload_read(const Upload *upload, const Tensor *tensor, size_t count, float *values);

/* How a product's weights are read, in elements of its tensors, which lie one behind the other: a
 * value lies at columns[column] + ks[k] + tap. */
typedef struct WeightMap {
    int64_t *columns; /* of all tiles; -1: zeros */
    int64_t *ks;      /* of all slices; likewise */
    int taps;
    int tile; /* columns of a tile */
    int tiles;
    int slices;
    int type; /* STORED_… */
} WeightMap;

/* Room for the indices, all -1, of a map whose numbers are set. `name` is for the error. */
cleave_status weight_map_create(WeightMap *map, const char *name, cleave_error *error);
void weight_map_free(WeightMap *map);

/* Bytes of the packed weights. */
size_t weight_map_bytes(const WeightMap *map);

/* Packs tensors, as arguments.h lays out the weights of a convolution or a linear, and sends them
 * to `offset` of the weights. The second tensor may be NULL. */
cleave_status upload_packed(const Upload *upload, const WeightMap *map,
                            const Tensor *const tensors[2], size_t offset);

#endif
