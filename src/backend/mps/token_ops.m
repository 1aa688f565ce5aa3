/* token_ops.m: norms, products with weights as they lie in the checkpoint, the feed-forward. */
#include "backend/mps/token_ops.h"

#include <math.h>

MPSGraphTensor *op_rms(OpBuilder *builder, MPSGraphTensor *rows, int node, int slot) {
    MPSGraph *graph = builder->graph;
    MPSGraphTensor *gain = op_parameter(builder, node, slot);
    double width = [[[gain shape] objectAtIndex:0] doubleValue];
    MPSGraphTensor *squares = [graph squareWithTensor:rows name:nil];
    MPSGraphTensor *sum = [graph reductionSumWithTensor:squares axis:1 name:nil];
    MPSGraphTensor *norm = [graph maximumWithPrimaryTensor:[graph squareRootWithTensor:sum name:nil]
                                           secondaryTensor:op_scalar(builder, 1e-12)
                                                      name:nil];
    MPSGraphTensor *scale = op_divide(builder, op_scalar(builder, sqrt(width)), norm);
    return op_multiply(builder, op_multiply(builder, rows, scale), gain);
}

MPSGraphTensor *op_operand(OpBuilder *builder, MPSGraphTensor *rows, int node) {
    return op_cast(builder, rows, product_type(builder->network, node, builder->precision));
}

/* Weights are (out, in), as in the checkpoint; MPSGraph reads a transposed operand of a product
 * where it lies. */
MPSGraphTensor *op_weigh(OpBuilder *builder, MPSGraphTensor *operands, int node, int slot) {
    MPSGraphTensor *weights = op_parameter(builder, node, slot);
    return op_matrix_product(builder, operands, op_swap(builder, weights, 0, 1));
}

MPSGraphTensor *op_weigh_and_bias(OpBuilder *builder, MPSGraphTensor *operands, int node,
                                  int slot) {
    MPSGraphTensor *result = op_weigh(builder, operands, node, slot);
    result = op_cast(builder, result, MPSDataTypeFloat32);
    return op_add(builder, result, op_parameter(builder, node, slot + 1));
}

static MPSGraphTensor *rows_of(OpBuilder *builder, int node, MPSGraphTensor *x) {
    Shape shape = builder->network->nodes[node].shape;
    NSInteger tokens = (NSInteger)builder->batch * shape.channels * shape.height;
    return op_reshape(builder, x, NUMBERS(tokens, shape.width));
}

MPSGraphTensor *op_feed_forward(OpBuilder *builder, int node, MPSGraphTensor *x) {
    MPSGraphTensor *rows = rows_of(builder, node, x);
    MPSGraphTensor *hidden =
        op_operand(builder, op_rms(builder, rows, node, FEED_FORWARD_GAMMA), node);
    hidden = op_weigh_and_bias(builder, hidden, node, FEED_FORWARD_IN);
    hidden = op_operand(builder, op_gelu(builder, hidden), node);
    hidden = op_weigh_and_bias(builder, hidden, node, FEED_FORWARD_OUT);
    return op_reshape(builder, op_add(builder, rows, hidden), op_shape(builder, node));
}

MPSGraphTensor *op_rms_norm(OpBuilder *builder, int node, MPSGraphTensor *x) {
    MPSGraphTensor *rows = rows_of(builder, node, x);
    return op_reshape(builder, op_rms(builder, rows, node, 0), op_shape(builder, node));
}
