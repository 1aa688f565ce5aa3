/* op_builder.h: an MPSGraph in the making, and what all ops are built with. Inside backend/mps
 * only.
 */
#ifndef CLEAVE_MPS_OP_BUILDER_H
#define CLEAVE_MPS_OP_BUILDER_H

#include "backend/mps/numbers.h"
#include "backend/mps/parameters.h"

typedef struct OpBuilder {
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

/* The same elements in another shape. */
MPSGraphTensor *op_reshape(OpBuilder *builder, MPSGraphTensor *tensor, NSArray *shape);

#endif
