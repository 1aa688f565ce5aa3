/* ops_memory.m: placeholders and constants. */
#include <string.h>

#import "graph.h"
#include "strict.h"
#import "tensors.h"

static float *constant_room(const SimType *type) {
    return sim_allocate((size_t)sim_elements(type) * sizeof(float) *
                        (size_t)sim_element_floats(type->element));
}

@implementation MPSGraph (MemoryOps)

- (MPSGraphTensor *)placeholderWithShape:(MPSShape *)shape
                                dataType:(MPSDataType)dataType
                                    name:(NSString *)name {
    SimOp op = {.kind = SIM_PLACEHOLDER, .type = sim_type_of(shape, dataType, SIM_METHOD)};
    MPSGraphTensor *tensor = sim_add(self, SIM_METHOD, &op, 0, NULL, name);
    [_placeholders addObject:tensor];
    return tensor;
}

- (MPSGraphTensor *)constantWithData:(NSData *)data
                               shape:(MPSShape *)shape
                            dataType:(MPSDataType)dataType {
    SimOp op = {.kind = SIM_CONSTANT, .type = sim_type_of(shape, dataType, SIM_METHOD)};
    if ([data length] != sim_bytes(&op.type))
        sim_abort("%s: %lu bytes for %s", SIM_METHOD, (unsigned long)[data length],
                  sim_type_text(&op.type));
    op.as.constant = constant_room(&op.type);
    sim_load([data bytes], &op.type, op.as.constant);
    return sim_add(self, SIM_METHOD, &op, 0, NULL, nil);
}

- (MPSGraphTensor *)constantWithScalar:(double)scalar dataType:(MPSDataType)dataType {
    NSArray *one = [NSArray arrayWithObject:[NSNumber numberWithInt:1]];
    return [self constantWithScalar:scalar shape:one dataType:dataType];
}

- (MPSGraphTensor *)constantWithScalar:(double)scalar
                                 shape:(MPSShape *)shape
                              dataType:(MPSDataType)dataType {
    SimOp op = {.kind = SIM_CONSTANT, .type = sim_type_of(shape, dataType, SIM_METHOD)};
    if (op.type.element == SIM_COMPLEX)
        sim_abort("%s: complex constants are not simulated", SIM_METHOD);
    op.as.constant = constant_room(&op.type);
    for (int64_t i = 0; i < sim_elements(&op.type); i++)
        op.as.constant[i] = (float)scalar;
    sim_round(op.as.constant, &op.type);
    return sim_add(self, SIM_METHOD, &op, 0, NULL, nil);
}

@end
