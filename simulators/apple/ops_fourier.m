/* ops_fourier.m: Fourier transforms and complex tensors. */
#import "graph.h"
#include "strict.h"
#import "tensors.h"

static SimScaling scaling_of(MPSGraphFFTScalingMode mode, const char *what) {
    switch (mode) {
    case MPSGraphFFTScalingModeNone:
        return SIM_SCALE_NONE;
    case MPSGraphFFTScalingModeSize:
        return SIM_SCALE_SIZE;
    case MPSGraphFFTScalingModeUnitary:
        return SIM_SCALE_UNITARY;
    }
    sim_abort("%s: scaling mode %lu", what, (unsigned long)mode);
}

static MPSGraphTensor *transform(MPSGraph *graph, SEL method, SimKind kind, MPSGraphTensor *tensor,
                                 NSArray *axes, MPSGraphFFTDescriptor *descriptor, NSString *name) {
    const char *what = sel_getName(method);
    int64_t numbers[SIM_MAX_RANK];
    SimOp op = {.kind = kind};
    SimFourier *fourier = &op.as.fourier;
    int rank = sim_operand(graph, tensor, what)->rank;
    if (![descriptor isKindOfClass:[MPSGraphFFTDescriptor class]])
        sim_abort("%s: no descriptor of a transform", what);
    fourier->axis_count = sim_numbers(axes, numbers, what);
    for (int i = 0; i < fourier->axis_count; i++)
        fourier->axes[i] = sim_axis(numbers[i], rank, what);
    fourier->inverse = [descriptor inverse];
    fourier->odd = [descriptor roundToOddHermitean];
    fourier->scaling = scaling_of([descriptor scalingMode], what);
    return sim_add(graph, what, &op, 1, &tensor, name);
}

@implementation MPSGraph (FourierOps)

- (MPSGraphTensor *)realToHermiteanFFTWithTensor:(MPSGraphTensor *)tensor
                                            axes:(NSArray *)axes
                                      descriptor:(MPSGraphFFTDescriptor *)descriptor
                                            name:(NSString *)name {
    return transform(self, _cmd, SIM_REAL_TO_HERMITEAN, tensor, axes, descriptor, name);
}

- (MPSGraphTensor *)HermiteanToRealFFTWithTensor:(MPSGraphTensor *)tensor
                                            axes:(NSArray *)axes
                                      descriptor:(MPSGraphFFTDescriptor *)descriptor
                                            name:(NSString *)name {
    return transform(self, _cmd, SIM_HERMITEAN_TO_REAL, tensor, axes, descriptor, name);
}

- (MPSGraphTensor *)fastFourierTransformWithTensor:(MPSGraphTensor *)tensor
                                              axes:(NSArray *)axes
                                        descriptor:(MPSGraphFFTDescriptor *)descriptor
                                              name:(NSString *)name {
    return transform(self, _cmd, SIM_FFT, tensor, axes, descriptor, name);
}

- (MPSGraphTensor *)complexTensorWithRealTensor:(MPSGraphTensor *)realTensor
                                imaginaryTensor:(MPSGraphTensor *)imaginaryTensor
                                           name:(NSString *)name {
    SimOp op = {.kind = SIM_COMPLEX_OF};
    MPSGraphTensor *operands[] = {realTensor, imaginaryTensor};
    return sim_add(self, SIM_METHOD, &op, 2, operands, name);
}

- (MPSGraphTensor *)realPartOfTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    SimOp op = {.kind = SIM_REAL_PART};
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

- (MPSGraphTensor *)imaginaryPartOfTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    SimOp op = {.kind = SIM_IMAGINARY_PART};
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

@end
