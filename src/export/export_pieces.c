/* export_pieces.c: names, and pieces of a network that many ops are written with. */
#include "export/export_pieces.h"

#include <stdio.h>

#include "graph/ops.h"

Name node_name(const Node *node, const char *part) {
    Name name;
    snprintf(name.text, sizeof(name.text), "%s/%s%s", node->name, graph_op_name(node->op), part);
    return name;
}

Name weight_name_of(const Tensor *weight, const char *suffix) {
    Name name;
    snprintf(name.text, sizeof(name.text), "%s%s", weight->name, suffix);
    return name;
}

void export_plain(Export *export, const char *op, const char *output, const char *input,
                  const char *second) {
    const char *const inputs[] = {input, second};
    Message message = onnx_node(op, output, inputs, second ? 2 : 1);
    onnx_end(&export->onnx, &message);
}

void export_reshape(Export *export, const Node *node, const char *part, const char *input,
                    const char *output, const int64_t *dims, int count) {
    Name shape = node_name(node, part);
    onnx_constant_integers(&export->onnx, shape.text, dims, count);
    export_plain(export, "Reshape", output, input, shape.text);
}

void export_transpose(Export *export, const char *input, const char *output, const int *order,
                      int count) {
    const char *const inputs[] = {input};
    Message message = onnx_node("Transpose", output, inputs, 1);
    onnx_integers(&message, "perm", order, count);
    onnx_end(&export->onnx, &message);
}

Name export_matrix(Export *export, const Tensor *weight) {
    Tensor turned = *weight;
    for (int i = 0; i < 2; i++) {
        turned.dims[i] = weight->dims[1 - i];
        turned.strides[i] = weight->strides[1 - i];
    }
    onnx_weight(&export->onnx, &turned, ".T");
    return weight_name_of(weight, ".T");
}

Name export_vector(Export *export, const Tensor *weight) {
    onnx_weight(&export->onnx, weight, "");
    return weight_name_of(weight, "");
}
