/* ops_shape.m: ops that move elements. */
#include <stdlib.h>
#include <string.h>

#import "graph.h"
#include "strict.h"
#import "tensors.h"

/* One size may be -1: what is left. */
static void find_left(SimType *to, const SimType *from) {
    int64_t known = 1;
    int unknown = -1;
    for (int i = 0; i < to->rank; i++) {
        if (to->dims[i] == -1 && unknown < 0)
            unknown = i;
        else
            known *= to->dims[i];
    }
    if (unknown >= 0 && known > 0)
        to->dims[unknown] = sim_elements(from) / known;
}

/* One slice is all of the other axes. */
static SimOp slice_of(const SimType *from, int axis, int64_t start, int64_t length) {
    SimOp op = {.kind = SIM_SLICE, .type = *from};
    op.as.starts[axis] = start;
    op.type.dims[axis] = length;
    return op;
}

static SimPadMode pad_mode(MPSGraphPaddingMode mode, const char *what) {
    switch (mode) {
    case MPSGraphPaddingModeConstant:
    case MPSGraphPaddingModeZero:
        return SIM_PAD_CONSTANT;
    case MPSGraphPaddingModeReflect:
        return SIM_PAD_REFLECT;
    case MPSGraphPaddingModeSymmetric:
        return SIM_PAD_SYMMETRIC;
    case MPSGraphPaddingModeClampToEdge:
        return SIM_PAD_CLAMP;
    }
    sim_abort("%s: padding mode %ld is not simulated", what, (long)mode);
}

@implementation MPSGraph (ShapeOps)

- (MPSGraphTensor *)reshapeTensor:(MPSGraphTensor *)tensor
                        withShape:(MPSShape *)shape
                             name:(NSString *)name {
    SimOp op = {.kind = SIM_RESHAPE};
    op.type.rank = sim_numbers(shape, op.type.dims, SIM_METHOD);
    find_left(&op.type, sim_operand(self, tensor, SIM_METHOD));
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

- (MPSGraphTensor *)transposeTensor:(MPSGraphTensor *)tensor
                        permutation:(NSArray *)permutation
                               name:(NSString *)name {
    int64_t order[SIM_MAX_RANK];
    SimOp op = {.kind = SIM_PERMUTE};
    op.type.rank = sim_numbers(permutation, order, SIM_METHOD);
    for (int i = 0; i < op.type.rank; i++)
        op.as.order[i] = (int)order[i];
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

- (MPSGraphTensor *)transposeTensor:(MPSGraphTensor *)tensor
                          dimension:(NSUInteger)dimensionIndex
                      withDimension:(NSUInteger)dimensionIndex2
                               name:(NSString *)name {
    const SimType *from = sim_operand(self, tensor, SIM_METHOD);
    SimOp op = {.kind = SIM_PERMUTE, .type = {.rank = from->rank}};
    int a = sim_axis((int64_t)dimensionIndex, from->rank, SIM_METHOD);
    int b = sim_axis((int64_t)dimensionIndex2, from->rank, SIM_METHOD);
    for (int i = 0; i < from->rank; i++)
        op.as.order[i] = i == a ? b : i == b ? a : i;
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

- (MPSGraphTensor *)sliceTensor:(MPSGraphTensor *)tensor
                      dimension:(NSUInteger)dimensionIndex
                          start:(NSInteger)start
                         length:(NSInteger)length
                           name:(NSString *)name {
    const SimType *from = sim_operand(self, tensor, SIM_METHOD);
    SimOp op =
        slice_of(from, sim_axis((int64_t)dimensionIndex, from->rank, SIM_METHOD), start, length);
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

- (MPSGraphTensor *)padTensor:(MPSGraphTensor *)tensor
              withPaddingMode:(MPSGraphPaddingMode)paddingMode
                  leftPadding:(MPSShape *)leftPadding
                 rightPadding:(MPSShape *)rightPadding
                constantValue:(double)constantValue
                         name:(NSString *)name {
    const SimType *from = sim_operand(self, tensor, SIM_METHOD);
    SimOp op = {.kind = SIM_PAD};
    op.as.pad.mode = pad_mode(paddingMode, SIM_METHOD);
    op.as.pad.value = paddingMode == MPSGraphPaddingModeConstant ? (float)constantValue : 0.0f;
    int before = sim_numbers(leftPadding, op.as.pad.before, SIM_METHOD);
    int after = sim_numbers(rightPadding, op.as.pad.after, SIM_METHOD);
    if (before != from->rank || after != from->rank)
        sim_abort("%s: paddings of %d and %d axes for %s", SIM_METHOD, before, after,
                  sim_type_text(from));
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

- (MPSGraphTensor *)concatTensor:(MPSGraphTensor *)tensor
                      withTensor:(MPSGraphTensor *)tensor2
                       dimension:(NSInteger)dimensionIndex
                            name:(NSString *)name {
    SimOp op = {.kind = SIM_CONCAT};
    MPSGraphTensor *operands[] = {tensor, tensor2};
    op.as.axis = sim_axis(dimensionIndex, sim_operand(self, tensor, SIM_METHOD)->rank, SIM_METHOD);
    return sim_add(self, SIM_METHOD, &op, 2, operands, name);
}

- (MPSGraphTensor *)concatTensors:(NSArray *)tensors
                        dimension:(NSInteger)dimensionIndex
                             name:(NSString *)name {
    SimOp op = {.kind = SIM_CONCAT};
    int count = (int)[tensors count];
    if (count == 0)
        sim_abort("%s: no tensors", SIM_METHOD);
    MPSGraphTensor **operands = sim_allocate((size_t)count * sizeof(*operands));
    for (int i = 0; i < count; i++)
        operands[i] = [tensors objectAtIndex:(NSUInteger)i];
    op.as.axis =
        sim_axis(dimensionIndex, sim_operand(self, operands[0], SIM_METHOD)->rank, SIM_METHOD);
    MPSGraphTensor *result = sim_add(self, SIM_METHOD, &op, count, operands, name);
    free(operands);
    return result;
}

- (MPSGraphTensor *)broadcastTensor:(MPSGraphTensor *)tensor
                            toShape:(MPSShape *)shape
                               name:(NSString *)name {
    SimOp op = {.kind = SIM_BROADCAST};
    op.type.rank = sim_numbers(shape, op.type.dims, SIM_METHOD);
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

- (MPSGraphTensor *)gatherWithUpdatesTensor:(MPSGraphTensor *)updatesTensor
                              indicesTensor:(MPSGraphTensor *)indicesTensor
                                       axis:(NSUInteger)axis
                            batchDimensions:(NSUInteger)batchDimensions
                                       name:(NSString *)name {
    SimOp op = {.kind = SIM_GATHER};
    MPSGraphTensor *operands[] = {updatesTensor, indicesTensor};
    op.as.gather.axis = (int)axis;
    op.as.gather.batch = (int)batchDimensions;
    return sim_add(self, SIM_METHOD, &op, 2, operands, name);
}

@end
