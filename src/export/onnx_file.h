/* onnx_file.h: an ONNX model as a list of nodes and of weights, and writing it to a file. Which
 * nodes a network takes is decided in export.c. */
#ifndef CLEAVE_EXPORT_ONNX_FILE_H
#define CLEAVE_EXPORT_ONNX_FILE_H

#include "base/error.h"
#include "export/protobuf.h"
#include "graph/tensor.h"

/* Gelu came with opset 20, and that with version 9 of the format (ONNX 1.15, 2023). */
#define ONNX_OPSET      20
#define ONNX_IR_VERSION 9

/* Readers parse no message of 2 GiB or more. */
#define ONNX_FILE_MAX INT32_MAX

/* A weight. Its values are read only when the file is written. */
typedef struct OnnxWeight {
    const char *suffix; /* what follows the tensor's name; static */
    Tensor tensor;      /* a view of the checkpoint's */
} OnnxWeight;

typedef struct OnnxModel {
    Message graph;    /* GraphProto without its weights */
    Message metadata; /* ModelProto's metadata_props */
    OnnxWeight *weights;
    size_t weight_count;
    size_t weight_capacity;
    bool failed; /* memory ran out; seen when the file is written */
} OnnxModel;

void onnx_free(OnnxModel *model);

/* ---- Nodes: begin, add attributes, end. */

/* An input is a name; NULL: the op goes without it. */
Message onnx_node(const char *op, const char *output, const char *const inputs[], int input_count);
void onnx_integer(Message *node, const char *name, int64_t value);
void onnx_float(Message *node, const char *name, float value);
void onnx_integers(Message *node, const char *name, const int *values, int count);
void onnx_end(OnnxModel *model, Message *node);

/* ---- Values. */

/* The graph's own name. */
void onnx_name(OnnxModel *model, const char *name);

/* A dimension of 0 is the batch, which may have any size. */
void onnx_input(OnnxModel *model, const char *name, const int64_t *dims, int count);
void onnx_output(OnnxModel *model, const char *name, const int64_t *dims, int count);

/* A weight named tensor->name and `suffix` (static), in f32. The tensor's data must live until the
 * file is written. */
void onnx_weight(OnnxModel *model, const Tensor *tensor, const char *suffix);
void onnx_constant_integers(OnnxModel *model, const char *name, const int64_t *values, int count);
void onnx_constant_floats(OnnxModel *model, const char *name, float value, int count);
void onnx_constant_table(OnnxModel *model, const char *name, const float *values,
                         const int64_t *dims, int count);

/* A note for those who use the file. The texts must be UTF-8. */
void onnx_metadata(OnnxModel *model, const char *key, const char *value);

/* Writes the file, whole or not at all; *size becomes its size in bytes. `read` is called now and
 * then to let go of the pages of weights that have been read. Errors: CLEAVE_ERROR_OUTPUT,
 * CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_MODEL (too large; a weight is not a number). */
cleave_status onnx_write(const OnnxModel *model, const char *path, void (*read)(void *context),
                         void *context, int64_t *size, cleave_error *error);

#endif
