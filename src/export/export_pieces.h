/* export_pieces.h: what an export consists of, and pieces of a network that many ops are written
 * with. Memory that runs out is remembered in the OnnxModel, and seen when the file is written. */
#ifndef CLEAVE_EXPORT_EXPORT_PIECES_H
#define CLEAVE_EXPORT_EXPORT_PIECES_H

#include "export/onnx_file.h"
#include "graph/graph.h"
#include "model/config.h"

typedef struct Export {
    const Config *config;
    const Graph *graph;
    int frames;
    bool has_rope[2]; /* by SequenceAxis: whether its tables are written */
    OnnxModel onnx;
} Export;

/* Writes one node of the graph. `op`: the op of ONNX that it becomes, where it becomes exactly one.
 * `inputs` and `output` are names of values. */
typedef void ExportWriter(Export *export, const Node *node, const char *op,
                          const char *const inputs[], const char *output);

/* The name of a value, of the node that makes it, or of a constant. */
typedef struct Name {
    char text[NODE_NAME_SIZE + 64];
} Name;

/* A norm and the activation behind it have the same name in the graph, so the op is part of the
 * name here. */
Name node_name(const Node *node, const char *part);

Name weight_name_of(const Tensor *weight, const char *suffix);

/* A node without attributes. `second` is another input, a constant or a weight; NULL: there is only
 * one input. */
void export_plain(Export *export, const char *op, const char *output, const char *input,
                  const char *second);

/* `part` is the end of the name of the constant that holds the shape. A 0 in it keeps the
 * dimension. */
void export_reshape(Export *export, const Node *node, const char *part, const char *input,
                    const char *output, const int64_t *dims, int count);

void export_transpose(Export *export, const char *input, const char *output, const int *order,
                      int count);

/* Writes the weight of a linear, (out, in), as MatMul takes it on its right: (in, out). Returns its
 * name. */
Name export_matrix(Export *export, const Tensor *weight);

/* Writes a weight as it is. Returns its name. */
Name export_vector(Export *export, const Tensor *weight);

#endif
