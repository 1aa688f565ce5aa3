/* token_ops.h: what ops of tokens have in common, and those that are little more. Rows are
 * (tokens, features). Inside backend/mps only. */
#ifndef CLEAVE_MPS_TOKEN_OPS_H
#define CLEAVE_MPS_TOKEN_OPS_H

#include "backend/mps/op_builder.h"

/* RMS(rows; gain), in f32. `slot`: the gain's. */
MPSGraphTensor *op_rms(OpBuilder *builder, MPSGraphTensor *rows, int node, int slot);

/* Rows as operands of products: in the precision. */
MPSGraphTensor *op_operand(OpBuilder *builder, MPSGraphTensor *rows, int node);

/* Operands times a matrix of weights; the result has their type. `slot`: the matrix's. */
MPSGraphTensor *op_weigh(OpBuilder *builder, MPSGraphTensor *operands, int node, int slot);

/* The same with a bias from the slot behind the matrix's, in f32. */
MPSGraphTensor *op_weigh_and_bias(OpBuilder *builder, MPSGraphTensor *operands, int node, int slot);

MPSGraphTensor *op_feed_forward(OpBuilder *builder, int node, MPSGraphTensor *x);
MPSGraphTensor *op_rms_norm(OpBuilder *builder, int node, MPSGraphTensor *x);

#endif
