/* ops_product.m: matrix products and convolutions. A transposed convolution is documented as the
 * data gradient of a convolution, its weights as that convolution's: with OIHW, O counts the
 * channels of the transposed convolution's source, and I those of its result. */
#import "graph.h"
#include "strict.h"
#import "tensors.h"

static SimConv conv_of(MPSGraphConvolution2DOpDescriptor *descriptor, const char *what) {
    if (![descriptor isKindOfClass:[MPSGraphConvolution2DOpDescriptor class]])
        sim_abort("%s: no descriptor of a convolution", what);
    SimConv conv = {
        .stride = {(int64_t)[descriptor strideInY], (int64_t)[descriptor strideInX]},
        .dilation = {(int64_t)[descriptor dilationRateInY], (int64_t)[descriptor dilationRateInX]},
        .groups = (int64_t)[descriptor groups],
        .channels_last = [descriptor dataLayout] == MPSGraphTensorNamedDataLayoutNHWC,
        .weights_last = [descriptor weightsLayout] == MPSGraphTensorNamedDataLayoutHWIO,
        .same = [descriptor paddingStyle] == MPSGraphPaddingStyleTF_SAME};
    if (!conv.channels_last && [descriptor dataLayout] != MPSGraphTensorNamedDataLayoutNCHW)
        sim_abort("%s: data is laid out neither as NCHW nor as NHWC", what);
    if (!conv.weights_last && [descriptor weightsLayout] != MPSGraphTensorNamedDataLayoutOIHW)
        sim_abort("%s: weights are laid out neither as OIHW nor as HWIO", what);
    if ([descriptor paddingStyle] == MPSGraphPaddingStyleExplicit) {
        conv.before[0] = (int64_t)[descriptor paddingTop];
        conv.after[0] = (int64_t)[descriptor paddingBottom];
        conv.before[1] = (int64_t)[descriptor paddingLeft];
        conv.after[1] = (int64_t)[descriptor paddingRight];
    } else if (!conv.same && [descriptor paddingStyle] != MPSGraphPaddingStyleTF_VALID) {
        sim_abort("%s: padding style %lu is not simulated", what,
                  (unsigned long)[descriptor paddingStyle]);
    }
    return conv;
}

static MPSGraphTensor *gradient_of(MPSGraph *graph, const char *what, MPSGraphTensor *gradient,
                                   MPSGraphTensor *weights, MPSShape *shape,
                                   MPSGraphConvolution2DOpDescriptor *descriptor, NSString *name) {
    SimOp op = {.kind = SIM_CONV_GRADIENT};
    MPSGraphTensor *operands[] = {gradient, weights};
    op.as.conv = conv_of(descriptor, what);
    op.type.rank = sim_numbers(shape, op.type.dims, what);
    op.type.element = sim_operand(graph, gradient, what)->element;
    sim_check_size(what, &op.type);
    return sim_add(graph, what, &op, 2, operands, name);
}

@implementation MPSGraph (ProductOps)

- (MPSGraphTensor *)matrixMultiplicationWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                                          secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                                     name:(NSString *)name {
    SimOp op = {.kind = SIM_MATMUL};
    MPSGraphTensor *operands[] = {primaryTensor, secondaryTensor};
    return sim_add(self, SIM_METHOD, &op, 2, operands, name);
}

- (MPSGraphTensor *)scaledDotProductAttentionWithQueryTensor:(MPSGraphTensor *)queryTensor
                                                   keyTensor:(MPSGraphTensor *)keyTensor
                                                 valueTensor:(MPSGraphTensor *)valueTensor
                                                       scale:(float)scale
                                                        name:(NSString *)name {
    SimOp op = {.kind = SIM_ATTENTION};
    MPSGraphTensor *operands[] = {queryTensor, keyTensor, valueTensor};
    op.as.scale = scale;
    return sim_add(self, SIM_METHOD, &op, 3, operands, name);
}

- (MPSGraphTensor *)convolution2DWithSourceTensor:(MPSGraphTensor *)source
                                    weightsTensor:(MPSGraphTensor *)weights
                                       descriptor:(MPSGraphConvolution2DOpDescriptor *)descriptor
                                             name:(NSString *)name {
    SimOp op = {.kind = SIM_CONV};
    MPSGraphTensor *operands[] = {source, weights};
    op.as.conv = conv_of(descriptor, SIM_METHOD);
    return sim_add(self, SIM_METHOD, &op, 2, operands, name);
}

- (MPSGraphTensor *)convolutionTranspose2DWithSourceTensor:(MPSGraphTensor *)source
                                             weightsTensor:(MPSGraphTensor *)weights
                                               outputShape:(MPSShape *)outputShape
                                                descriptor:
                                                    (MPSGraphConvolution2DOpDescriptor *)descriptor
                                                      name:(NSString *)name {
    return gradient_of(self, SIM_METHOD, source, weights, outputShape, descriptor, name);
}

- (MPSGraphTensor *)convolution2DDataGradientWithIncomingGradientTensor:(MPSGraphTensor *)gradient
                                                          weightsTensor:(MPSGraphTensor *)weights
                                                            outputShape:(MPSShape *)outputShape
                                           forwardConvolutionDescriptor:
                                               (MPSGraphConvolution2DOpDescriptor *)
                                                   forwardConvolutionDescriptor
                                                                   name:(NSString *)name {
    return gradient_of(self, SIM_METHOD, gradient, weights, outputShape,
                       forwardConvolutionDescriptor, name);
}

@end
