/* ops.h: an op of cleave's graph, said in MPSGraph's ops. Inside backend/mps only.
 *
 * Values between ops are f32 tensors of cleave's shapes, (batch, channels, height, width). Operands
 * of convolutions and linears are cast to the precision, and their results back. */
#ifndef CLEAVE_MPS_OPS_H
#define CLEAVE_MPS_OPS_H

#include "backend/mps/op_builder.h"

/* The node's result from its inputs' values. Not for OP_INPUT. */
MPSGraphTensor *op_build(OpBuilder *builder, int node, MPSGraphTensor *a, MPSGraphTensor *b);

#endif
