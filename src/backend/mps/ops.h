/* ops.h: an op of cleave's graph, said in MPSGraph's ops. Inside backend/mps only.
 *
 * Values between ops are f32 tensors of cleave's shapes, (batch, channels, height, width). Operands
 * of convolutions and linears are cast to the precision, and their results back. */
#ifndef CLEAVE_MPS_OPS_H
#define CLEAVE_MPS_OPS_H

#include "backend/mps/parameters.h"

/* A MPSGraph in the making. */
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

/* A value of a node's shape that is fed in every run. */
MPSGraphTensor *op_placeholder(OpBuilder *builder, int node);

/* A parameter of a node, fed from its buffer. */
MPSGraphTensor *op_parameter(OpBuilder *builder, int node, int slot);

/* The node's result from its inputs' values. Not for OP_INPUT. */
MPSGraphTensor *op_build(OpBuilder *builder, int node, MPSGraphTensor *a, MPSGraphTensor *b);

/* The same elements in another shape. */
MPSGraphTensor *op_reshape(OpBuilder *builder, MPSGraphTensor *tensor, NSArray *shape);

/* OP_STFT and OP_ISTFT (transforms.m). */
MPSGraphTensor *op_stft(OpBuilder *builder, int node, MPSGraphTensor *waveform);
MPSGraphTensor *op_istft(OpBuilder *builder, int node, MPSGraphTensor *spectrogram);

/* Arrays of numbers, since Objective-C's own literals box one by one. */
NSArray *numbers(const NSInteger *values, size_t count);
#define NUMBERS(...)                          \
    numbers((const NSInteger[]){__VA_ARGS__}, \
            sizeof((const NSInteger[]){__VA_ARGS__}) / sizeof(NSInteger))

#endif
