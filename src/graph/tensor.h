/* tensor.h: a named weight as it lies in a checkpoint: a typed, strided view of bytes that belong
 * to the checkpoint. No arithmetic lives here. */
#ifndef CLEAVE_GRAPH_TENSOR_H
#define CLEAVE_GRAPH_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TENSOR_MAX_DIMS 8

typedef enum DType {
    DTYPE_F32,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_F64,
    DTYPE_I64,  /* BatchNorm's num_batches_tracked; never read */
    DTYPE_OTHER /* anything else that a checkpoint holds; never read */
} DType;

typedef struct Tensor {
    char *name;       /* prefix removed: "first_conv.weight" */
    const void *data; /* first element; not necessarily aligned; belongs to the checkpoint */
    DType dtype;
    int dim_count;
    int64_t dims[TENSOR_MAX_DIMS];    /* row-major as in PyTorch */
    int64_t strides[TENSOR_MAX_DIMS]; /* in elements, never negative; every element that dims and
                                         strides reach lies inside the storage (checked on load) */
} Tensor;

size_t dtype_size(DType dtype);      /* bytes per element; 0 for DTYPE_OTHER */
const char *dtype_name(DType dtype); /* "f32" … */

/* Product of the dims. Cannot overflow: the loader checked that the elements exist. */
size_t tensor_elements(const Tensor *tensor);

bool tensor_is_contiguous(const Tensor *tensor);

/* Writes elements [first, first + count) in row-major order as f32; converts from any float type.
 * Returns how many of them are NaN or infinite, in the tensor itself or (from f64) as f32. */
size_t tensor_read_f32(const Tensor *tensor, size_t first, size_t count, float *destination);

/* "(64, 16, 3, 3)" into text; returns text. */
const char *tensor_shape_text(const int64_t *dims, int dim_count, char *text, size_t size);

#endif
