/* ops.m: one function for each op. */
#include "backend/mps/ops.h"

#include "backend/mps/attention.h"
#include "backend/mps/bands.h"
#include "backend/mps/exact_stft.h"
#include "backend/mps/token_ops.h"
#include "backend/mps/transforms.h"

/* ---- Products ---- */

static MPSGraphConvolution2DOpDescriptor *conv_descriptor(const ConvAttributes *conv) {
    NSUInteger height = (NSUInteger)conv->pad[0];
    NSUInteger width = (NSUInteger)conv->pad[1];
    return [MPSGraphConvolution2DOpDescriptor
        descriptorWithStrideInX:(NSUInteger)conv->stride[1]
                      strideInY:(NSUInteger)conv->stride[0]
                dilationRateInX:1
                dilationRateInY:1
                         groups:1
                    paddingLeft:width
                   paddingRight:width
                     paddingTop:height
                  paddingBottom:height
                   paddingStyle:MPSGraphPaddingStyleExplicit
                     dataLayout:MPSGraphTensorNamedDataLayoutNCHW
                  weightsLayout:MPSGraphTensorNamedDataLayoutOIHW];
}

static MPSGraphTensor *conv(OpBuilder *builder, int node, MPSGraphTensor *source) {
    MPSGraphTensor *weights = op_parameter(builder, node, PARAMETER_WEIGHT);
    return [builder->graph
        convolution2DWithSourceTensor:source
                        weightsTensor:weights
                           descriptor:conv_descriptor(&builder->network->nodes[node].as.conv)
                                 name:op_name(builder, node)];
}

/* What a convolution of the output's channels to the input's would send back: so its weights are
 * (in, out, kh, kw), as they lie in the checkpoint. */
static MPSGraphTensor *conv_transposed(OpBuilder *builder, int node, MPSGraphTensor *source) {
    MPSGraphTensor *weights = op_parameter(builder, node, PARAMETER_WEIGHT);
    return [builder->graph
        convolution2DDataGradientWithIncomingGradientTensor:source
                                              weightsTensor:weights
                                                outputShape:op_shape(builder, node)
                               forwardConvolutionDescriptor:conv_descriptor(
                                                                &builder->network->nodes[node]
                                                                     .as.conv)
                                                       name:op_name(builder, node)];
}

/* As one product of two matrices, (batch · channels · height, F) · (F, F'): several versions of
 * macOS computed wrongly where one of more axes is broadcast. */
static MPSGraphTensor *linear(OpBuilder *builder, int node, MPSGraphTensor *source) {
    const Node *linear = &builder->network->nodes[node];
    Shape from = builder->network->nodes[linear->inputs[0]].shape;
    NSInteger rows = (NSInteger)builder->batch * from.channels * from.height;
    MPSGraphTensor *matrix = op_reshape(builder, source, NUMBERS(rows, from.width));
    MPSGraphTensor *result = [builder->graph
        matrixMultiplicationWithPrimaryTensor:matrix
                              secondaryTensor:op_parameter(builder, node, PARAMETER_WEIGHT)
                                         name:op_name(builder, node)];
    return op_reshape(builder, result, op_shape(builder, node));
}

static MPSGraphTensor *product(OpBuilder *builder, int node, MPSGraphTensor *source) {
    MPSDataType type = product_type(builder->network, node, builder->precision);
    MPSGraphTensor *operand = op_cast(builder, source, type);
    MPSGraphTensor *result = nil;
    switch (builder->network->nodes[node].op) {
    case OP_CONV:
        result = conv(builder, node, operand);
        break;
    case OP_CONV_TRANSPOSED:
        result = conv_transposed(builder, node, operand);
        break;
    default:
        result = linear(builder, node, operand);
    }
    return op_cast(builder, result, MPSDataTypeFloat32);
}

/* ---- Norms ---- */

static MPSGraphTensor *normalized(OpBuilder *builder, MPSGraphTensor *source, MPSGraphTensor *mean,
                                  MPSGraphTensor *variance, MPSGraphTensor *gain,
                                  MPSGraphTensor *bias, NSString *name) {
    return [builder->graph normalizationWithTensor:source
                                        meanTensor:mean
                                    varianceTensor:variance
                                       gammaTensor:gain
                                        betaTensor:bias
                                           epsilon:(float)NORM_EPSILON
                                              name:name];
}

/* By statistics of its own over `axes`. */
static MPSGraphTensor *self_normalized(OpBuilder *builder, MPSGraphTensor *source, NSArray *axes,
                                       MPSGraphTensor *gain, MPSGraphTensor *bias, NSString *name) {
    MPSGraphTensor *mean = [builder->graph meanOfTensor:source axes:axes name:nil];
    MPSGraphTensor *variance = [builder->graph varianceOfTensor:source
                                                     meanTensor:mean
                                                           axes:axes
                                                           name:nil];
    return normalized(builder, source, mean, variance, gain, bias, name);
}

static MPSGraphTensor *group_norm(OpBuilder *builder, int node, MPSGraphTensor *source,
                                  MPSGraphTensor *gain, MPSGraphTensor *bias) {
    const Node *norm = &builder->network->nodes[node];
    int groups = norm->as.norm.groups;
    NSInteger members = norm->shape.channels / groups;
    NSArray *grouped =
        NUMBERS(builder->batch, groups, members, (NSInteger)norm->shape.height * norm->shape.width);
    MPSGraphTensor *cut = op_reshape(builder, source, grouped);
    MPSGraphTensor *result = self_normalized(builder, cut, NUMBERS(2, 3), nil, nil, nil);
    result = op_reshape(builder, result, op_shape(builder, node));
    return op_add(builder, op_multiply(builder, result, gain), bias);
}

static MPSGraphTensor *norm(OpBuilder *builder, int node, MPSGraphTensor *source) {
    const NormAttributes *attributes = &builder->network->nodes[node].as.norm;
    NSString *name = op_name(builder, node);
    if (attributes->kind == NORM_NONE)
        return source;
    MPSGraphTensor *gain = op_parameter(builder, node, PARAMETER_GAIN);
    MPSGraphTensor *bias = op_parameter(builder, node, PARAMETER_BIAS);
    if (attributes->kind == NORM_INSTANCE)
        return self_normalized(builder, source, NUMBERS(2, 3), gain, bias, name);
    if (attributes->kind == NORM_GROUP)
        return group_norm(builder, node, source, gain, bias);
    return normalized(builder, source, op_parameter(builder, node, PARAMETER_MEAN),
                      op_parameter(builder, node, PARAMETER_VARIANCE), gain, bias, name);
}

/* ---- Activations ---- */

/* α (exp(x) - 1) below zero; of what is above, exp could overflow. */
static MPSGraphTensor *elu(OpBuilder *builder, MPSGraphTensor *x, double alpha) {
    MPSGraph *graph = builder->graph;
    MPSGraphTensor *zero = op_scalar(builder, 0);
    MPSGraphTensor *below = [graph minimumWithPrimaryTensor:x secondaryTensor:zero name:nil];
    MPSGraphTensor *above = [graph maximumWithPrimaryTensor:x secondaryTensor:zero name:nil];
    MPSGraphTensor *power = [graph exponentWithTensor:below name:nil];
    MPSGraphTensor *curve = op_add(builder, power, op_scalar(builder, -1));
    return op_add(builder, above, op_multiply(builder, curve, op_scalar(builder, alpha)));
}

static MPSGraphTensor *act(OpBuilder *builder, int node, MPSGraphTensor *x) {
    const ActAttributes *attributes = &builder->network->nodes[node].as.act;
    switch (attributes->kind) {
    case ACT_GELU:
        return op_gelu(builder, x);
    case ACT_RELU:
        return [builder->graph reLUWithTensor:x name:nil];
    case ACT_ELU:
        return elu(builder, x, (double)attributes->alpha);
    case ACT_NONE:
        break;
    }
    return x;
}

/* ---- All ---- */

MPSGraphTensor *op_build(OpBuilder *builder, int node, MPSGraphTensor *a, MPSGraphTensor *b) {
    switch (builder->network->nodes[node].op) {
    case OP_STFT:
        return builder->network->nodes[node].as.stft.tokens ? op_exact_stft(builder, node, a)
                                                            : op_stft(builder, node, a);
    case OP_ISTFT:
        return op_istft(builder, node, a);
    case OP_CONV:
    case OP_CONV_TRANSPOSED:
    case OP_LINEAR:
        return product(builder, node, a);
    case OP_NORM:
        return norm(builder, node, a);
    case OP_ACT:
        return act(builder, node, a);
    case OP_ADD:
        return op_add(builder, a, b);
    case OP_MUL:
        return op_multiply(builder, a, b);
    case OP_CONCAT:
        return [builder->graph concatTensor:a withTensor:b dimension:1 name:nil];
    case OP_BAND_SPLIT:
        return op_band_split(builder, node, a);
    case OP_ATTENTION:
        return op_attention(builder, node, a);
    case OP_FEED_FORWARD:
        return op_feed_forward(builder, node, a);
    case OP_RMS_NORM:
        return op_rms_norm(builder, node, a);
    case OP_MASK:
        return op_mask(builder, node, a, b);
    case OP_INPUT:
        break;
    }
    return a;
}
