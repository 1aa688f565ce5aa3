/* ops_reduction.m: reductions, which keep the axes that they reduce, with size 1. */
#import "graph.h"
#include "strict.h"
#import "tensors.h"

/* nil: all axes. */
static void mark_axes(bool *reduced, NSArray *axes, int rank, const char *what) {
    int64_t numbers[SIM_MAX_RANK];
    int count = axes ? sim_numbers(axes, numbers, what) : 0;
    for (int i = 0; !axes && i < rank; i++)
        reduced[i] = true;
    for (int i = 0; i < count; i++) {
        int axis = sim_axis(numbers[i], rank, what);
        if (reduced[axis])
            sim_abort("%s: axis %d twice", what, axis);
        reduced[axis] = true;
    }
}

static MPSGraphTensor *reduce(MPSGraph *graph, SEL method, SimFunction function,
                              MPSGraphTensor *tensor, NSArray *axes, NSString *name) {
    SimOp op = {.kind = SIM_REDUCE, .function = function};
    const char *what = sel_getName(method);
    mark_axes(op.as.reduced, axes, sim_operand(graph, tensor, what)->rank, what);
    return sim_add(graph, what, &op, 1, &tensor, name);
}

static NSArray *one_axis(NSInteger axis) {
    return [NSArray arrayWithObject:[NSNumber numberWithInteger:axis]];
}

static MPSGraphTensor *variance(MPSGraph *graph, SEL method, MPSGraphTensor *tensor,
                                MPSGraphTensor *mean, NSArray *axes, NSString *name) {
    SimOp op = {.kind = SIM_VARIANCE};
    MPSGraphTensor *operands[] = {tensor, mean};
    const char *what = sel_getName(method);
    mark_axes(op.as.reduced, axes, sim_operand(graph, tensor, what)->rank, what);
    return sim_add(graph, what, &op, mean ? 2 : 1, operands, name);
}

@implementation MPSGraph (ReductionOps)

- (MPSGraphTensor *)reductionSumWithTensor:(MPSGraphTensor *)tensor
                                      axis:(NSInteger)axis
                                      name:(NSString *)name {
    return reduce(self, _cmd, SIM_SUM, tensor, one_axis(axis), name);
}

- (MPSGraphTensor *)reductionSumWithTensor:(MPSGraphTensor *)tensor
                                      axes:(NSArray *)axes
                                      name:(NSString *)name {
    return reduce(self, _cmd, SIM_SUM, tensor, axes, name);
}

- (MPSGraphTensor *)reductionMaximumWithTensor:(MPSGraphTensor *)tensor
                                          axis:(NSInteger)axis
                                          name:(NSString *)name {
    return reduce(self, _cmd, SIM_MAX, tensor, one_axis(axis), name);
}

- (MPSGraphTensor *)reductionMaximumWithTensor:(MPSGraphTensor *)tensor
                                          axes:(NSArray *)axes
                                          name:(NSString *)name {
    return reduce(self, _cmd, SIM_MAX, tensor, axes, name);
}

- (MPSGraphTensor *)meanOfTensor:(MPSGraphTensor *)tensor
                            axes:(NSArray *)axes
                            name:(NSString *)name {
    if (!axes)
        sim_abort("%s: no axes", SIM_METHOD);
    return reduce(self, _cmd, SIM_MEAN, tensor, axes, name);
}

- (MPSGraphTensor *)varianceOfTensor:(MPSGraphTensor *)tensor
                          meanTensor:(MPSGraphTensor *)meanTensor
                                axes:(NSArray *)axes
                                name:(NSString *)name {
    if (!axes || !meanTensor)
        sim_abort("%s: no %s", SIM_METHOD, axes ? "mean" : "axes");
    return variance(self, _cmd, tensor, meanTensor, axes, name);
}

- (MPSGraphTensor *)varianceOfTensor:(MPSGraphTensor *)tensor
                                axes:(NSArray *)axes
                                name:(NSString *)name {
    if (!axes)
        sim_abort("%s: no axes", SIM_METHOD);
    return variance(self, _cmd, tensor, nil, axes, name);
}

- (MPSGraphTensor *)normalizationWithTensor:(MPSGraphTensor *)tensor
                                 meanTensor:(MPSGraphTensor *)mean
                             varianceTensor:(MPSGraphTensor *)varianceTensor
                                gammaTensor:(MPSGraphTensor *)gamma
                                 betaTensor:(MPSGraphTensor *)beta
                                    epsilon:(float)epsilon
                                       name:(NSString *)name {
    SimOp op = {.kind = SIM_NORMALIZE};
    MPSGraphTensor *operands[5] = {tensor, mean, varianceTensor};
    int count = 3;
    op.as.normalize.epsilon = epsilon;
    op.as.normalize.gamma = gamma != nil;
    op.as.normalize.beta = beta != nil;
    if (gamma)
        operands[count++] = gamma;
    if (beta)
        operands[count++] = beta;
    return sim_add(self, SIM_METHOD, &op, count, operands, name);
}

@end
