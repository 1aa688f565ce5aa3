/* ops_arithmetic.m: ops of each element by itself. */
#import "graph.h"
#import "tensors.h"

static MPSGraphTensor *unary(MPSGraph *graph, SEL method, SimFunction function,
                             MPSGraphTensor *tensor, NSString *name) {
    SimOp op = {.kind = SIM_UNARY, .function = function};
    return sim_add(graph, sel_getName(method), &op, 1, &tensor, name);
}

static MPSGraphTensor *binary(MPSGraph *graph, SEL method, SimKind kind, SimFunction function,
                              MPSGraphTensor *a, MPSGraphTensor *b, NSString *name) {
    SimOp op = {.kind = kind, .function = function};
    MPSGraphTensor *operands[] = {a, b};
    return sim_add(graph, sel_getName(method), &op, 2, operands, name);
}

@implementation MPSGraph (ArithmeticOps)

- (MPSGraphTensor *)identityWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    SimOp op = {.kind = SIM_RESHAPE, .type = *sim_operand(self, tensor, SIM_METHOD)};
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

- (MPSGraphTensor *)exponentWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_EXP, tensor, name);
}

- (MPSGraphTensor *)squareRootWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_SQRT, tensor, name);
}

- (MPSGraphTensor *)reciprocalSquareRootWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_RSQRT, tensor, name);
}

- (MPSGraphTensor *)reverseSquareRootWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_RSQRT, tensor, name);
}

- (MPSGraphTensor *)reciprocalWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_RECIPROCAL, tensor, name);
}

- (MPSGraphTensor *)squareWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_SQUARE, tensor, name);
}

- (MPSGraphTensor *)negativeWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_NEGATIVE, tensor, name);
}

- (MPSGraphTensor *)absoluteWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_ABSOLUTE, tensor, name);
}

- (MPSGraphTensor *)roundWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_ROUND, tensor, name);
}

- (MPSGraphTensor *)tanhWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_TANH, tensor, name);
}

- (MPSGraphTensor *)erfWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_ERF, tensor, name);
}

- (MPSGraphTensor *)reLUWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_RELU, tensor, name);
}

- (MPSGraphTensor *)sigmoidWithTensor:(MPSGraphTensor *)tensor name:(NSString *)name {
    return unary(self, _cmd, SIM_SIGMOID, tensor, name);
}

- (MPSGraphTensor *)additionWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                              secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                         name:(NSString *)name {
    return binary(self, _cmd, SIM_BINARY, SIM_ADD, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)subtractionWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                                 secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                            name:(NSString *)name {
    return binary(self, _cmd, SIM_BINARY, SIM_SUBTRACT, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)multiplicationWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                                    secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                               name:(NSString *)name {
    return binary(self, _cmd, SIM_BINARY, SIM_MULTIPLY, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)divisionWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                              secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                         name:(NSString *)name {
    return binary(self, _cmd, SIM_BINARY, SIM_DIVIDE, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)maximumWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                             secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                        name:(NSString *)name {
    return binary(self, _cmd, SIM_BINARY, SIM_MAXIMUM, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)minimumWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                             secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                        name:(NSString *)name {
    return binary(self, _cmd, SIM_BINARY, SIM_MINIMUM, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)greaterThanWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                                 secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                            name:(NSString *)name {
    return binary(self, _cmd, SIM_COMPARE, SIM_GREATER, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)greaterThanOrEqualToWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                                          secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                                     name:(NSString *)name {
    return binary(self, _cmd, SIM_COMPARE, SIM_GREATER_EQUAL, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)lessThanWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                              secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                         name:(NSString *)name {
    return binary(self, _cmd, SIM_COMPARE, SIM_LESS, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)lessThanOrEqualToWithPrimaryTensor:(MPSGraphTensor *)primaryTensor
                                       secondaryTensor:(MPSGraphTensor *)secondaryTensor
                                                  name:(NSString *)name {
    return binary(self, _cmd, SIM_COMPARE, SIM_LESS_EQUAL, primaryTensor, secondaryTensor, name);
}

- (MPSGraphTensor *)selectWithPredicateTensor:(MPSGraphTensor *)predicateTensor
                          truePredicateTensor:(MPSGraphTensor *)truePredicateTensor
                         falsePredicateTensor:(MPSGraphTensor *)falseSelectTensor
                                         name:(NSString *)name {
    SimOp op = {.kind = SIM_SELECT};
    MPSGraphTensor *operands[] = {predicateTensor, truePredicateTensor, falseSelectTensor};
    return sim_add(self, SIM_METHOD, &op, 3, operands, name);
}

- (MPSGraphTensor *)castTensor:(MPSGraphTensor *)tensor
                        toType:(MPSDataType)type
                          name:(NSString *)name {
    SimOp op = {.kind = SIM_CAST, .type = {.element = sim_element_of(type, SIM_METHOD)}};
    return sim_add(self, SIM_METHOD, &op, 1, &tensor, name);
}

@end
