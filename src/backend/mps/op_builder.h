/* op_builder.h: an MPSGraph in the making, and what all ops are built with. Inside backend/mps
 * only.
 */
#ifndef CLEAVE_MPS_OP_BUILDER_H
#define CLEAVE_MPS_OP_BUILDER_H

#include "backend/mps/numbers.h"
#include "backend/mps/parameters.h"
#include "backend/mps/tables.h"

typedef struct OpBuilder {
    const MpsDevice *device;
    MPSGraph *graph;
    const Graph *network;
    const Parameters *parameters;
    int batch;
    cleave_precision precision;
    NSMutableDictionary *types; /* placeholder → MPSGraphShapedType: all that will be fed */
    NSMutableDictionary *feeds; /* placeholder → MPSGraphTensorData: parameters, which never change
                                 */
} OpBuilder;

/* Makes the builder's graph and dictionaries. */
void op_builder_begin(OpBuilder *builder);

/* Releases them. */
void op_builder_end(OpBuilder *builder);

/* (batch, channels, height, width) of a node. */
NSArray *op_shape(const OpBuilder *builder, int node);

/* A node's name, for people who look at the graph in a debugger. */
NSString *op_name(const OpBuilder *builder, int node);

/* A value of a node's shape that is fed in every run. */
MPSGraphTensor *op_placeholder(OpBuilder *builder, int node);

/* A parameter of a node, fed from its buffer. */
MPSGraphTensor *op_parameter(OpBuilder *builder, int node, int slot);

/* One of a node's tables. */
MPSGraphTensor *op_table(OpBuilder *builder, int node, int table);

/* ---- Short names for MPSGraph's long ones ---- */

/* The same elements in another shape. */
MPSGraphTensor *op_reshape(OpBuilder *builder, MPSGraphTensor *tensor, NSArray *shape);

MPSGraphTensor *op_cast(OpBuilder *builder, MPSGraphTensor *tensor, MPSDataType type);
MPSGraphTensor *op_scalar(OpBuilder *builder, double value); /* f32 */
MPSGraphTensor *op_add(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b);
MPSGraphTensor *op_subtract(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b);
MPSGraphTensor *op_multiply(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b);
MPSGraphTensor *op_divide(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b);
MPSGraphTensor *op_matrix_product(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b);

/* Some of an axis; all of it as it is. */
MPSGraphTensor *op_slice(OpBuilder *builder, MPSGraphTensor *tensor, int axis, NSInteger start,
                         NSInteger length);

/* Two axes exchanged. */
MPSGraphTensor *op_swap(OpBuilder *builder, MPSGraphTensor *tensor, int a, int b);

/* values[…, places[…], …]: the places' axes in place of `axis`. */
MPSGraphTensor *op_gather(OpBuilder *builder, MPSGraphTensor *values, MPSGraphTensor *places,
                          int axis);

/* One behind the other along an axis; one alone as it is. */
MPSGraphTensor *op_join(OpBuilder *builder, NSArray *tensors, int axis);

/* x / 2 · (1 + erf(x / √2)): the exact one. */
MPSGraphTensor *op_gelu(OpBuilder *builder, MPSGraphTensor *x);

#endif
