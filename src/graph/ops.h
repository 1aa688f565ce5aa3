/* ops.h: what there is to know of each op and each activation, as a table. How an op is computed is
 * the backends' business. */
#ifndef CLEAVE_GRAPH_OPS_H
#define CLEAVE_GRAPH_OPS_H

#include "graph/graph.h"

typedef enum OpClass {
    OP_CLASS_INPUT,
    OP_CLASS_TRANSFORM,  /* between waveforms and spectrograms */
    OP_CLASS_PRODUCT,    /* a matrix product with weights */
    OP_CLASS_LAYER,      /* matrix products with all that belongs to them: norms, sums, masks */
    OP_CLASS_ELEMENTWISE /* anything that costs a few operations for each element */
} OpClass;

typedef struct OpInfo {
    const char *name;
    OpClass class;
    int input_count;

    /* Completes node->shape, in which the caller has put what the inputs do not say, such as the
     * channels of a convolution. in[1] is meaningful only with two inputs. */
    void (*infer)(Node *node, const Shape in[2]);

    /* See graph_node_flops(). */
    double (*flops)(const Graph *graph, const Node *node);

    /* How many weights a node has; NULL: none. The node's inputs and attributes are set. */
    int (*weights)(const Graph *graph, const Node *node);

    /* The shape of one of its weights as in the state dict. Returns the number of dims. */
    int (*weight_shape)(const Graph *graph, const Node *node, int slot, int64_t dims[4]);
} OpInfo;

const OpInfo *op_info(OpKind op);

typedef struct ActInfo {
    const char *name; /* in configurations; one with an alpha has that number behind it: "elu1.0" */
    const char *onnx; /* the op of ONNX that computes it from its input, and alpha, alone */
    bool has_alpha;
} ActInfo;

const ActInfo *act_info(ActKind kind);

#endif
