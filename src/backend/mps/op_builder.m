/* op_builder.m: constants, shapes and feeds of a graph in the making. */
#include "backend/mps/op_builder.h"

#include <math.h>

void op_builder_begin(OpBuilder *builder) {
    builder->graph = [[MPSGraph alloc] init];
    builder->types = [[NSMutableDictionary alloc] init];
    builder->feeds = [[NSMutableDictionary alloc] init];
}

void op_builder_end(OpBuilder *builder) {
    [builder->feeds release];
    [builder->types release];
    [builder->graph release];
    builder->feeds = nil;
    builder->types = nil;
    builder->graph = nil;
}

static NSArray *shape_of(int batch, Shape shape) {
    return NUMBERS(batch, shape.channels, shape.height, shape.width);
}

NSArray *op_shape(const OpBuilder *builder, int node) {
    return shape_of(builder->batch, builder->network->nodes[node].shape);
}

NSString *op_name(const OpBuilder *builder, int node) {
    return [NSString stringWithUTF8String:builder->network->nodes[node].name];
}

static MPSGraphTensor *placeholder(OpBuilder *builder, NSArray *shape, MPSDataType type,
                                   NSString *name) {
    MPSGraphTensor *tensor = [builder->graph placeholderWithShape:shape dataType:type name:name];
    MPSGraphShapedType *shaped = [[MPSGraphShapedType alloc] initWithShape:shape dataType:type];
    [builder->types setObject:shaped forKey:tensor];
    [shaped release];
    return tensor;
}

MPSGraphTensor *op_placeholder(OpBuilder *builder, int node) {
    return placeholder(builder, op_shape(builder, node), MPSDataTypeFloat32,
                       op_name(builder, node));
}

MPSGraphTensor *op_parameter(OpBuilder *builder, int node, int slot) {
    const Parameter *parameter = parameters_of(builder->parameters, node, slot);
    NSString *name = [NSString stringWithFormat:@"%@.%d", op_name(builder, node), slot];
    MPSGraphTensor *tensor = placeholder(builder, parameter->shape, parameter->type, name);
    MPSGraphTensorData *data = parameter_data(parameter);
    [builder->feeds setObject:data forKey:tensor];
    [data release];
    return tensor;
}

MPSGraphTensor *op_reshape(OpBuilder *builder, MPSGraphTensor *tensor, NSArray *shape) {
    return [builder->graph reshapeTensor:tensor withShape:shape name:nil];
}

MPSGraphTensor *op_table(OpBuilder *builder, int node, int table) {
    const Graph *network = builder->network;
    return op_parameter(builder, node, graph_weight_count(network, &network->nodes[node]) + table);
}

/* ---- Short names ---- */

MPSGraphTensor *op_cast(OpBuilder *builder, MPSGraphTensor *tensor, MPSDataType type) {
    if ([tensor dataType] == type)
        return tensor;
    return [builder->graph castTensor:tensor toType:type name:nil];
}

MPSGraphTensor *op_scalar(OpBuilder *builder, double value) {
    return [builder->graph constantWithScalar:value dataType:MPSDataTypeFloat32];
}

MPSGraphTensor *op_add(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b) {
    return [builder->graph additionWithPrimaryTensor:a secondaryTensor:b name:nil];
}

MPSGraphTensor *op_subtract(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b) {
    return [builder->graph subtractionWithPrimaryTensor:a secondaryTensor:b name:nil];
}

MPSGraphTensor *op_multiply(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b) {
    return [builder->graph multiplicationWithPrimaryTensor:a secondaryTensor:b name:nil];
}

MPSGraphTensor *op_divide(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b) {
    return [builder->graph divisionWithPrimaryTensor:a secondaryTensor:b name:nil];
}

MPSGraphTensor *op_matrix_product(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b) {
    return [builder->graph matrixMultiplicationWithPrimaryTensor:a secondaryTensor:b name:nil];
}

MPSGraphTensor *op_slice(OpBuilder *builder, MPSGraphTensor *tensor, int axis, NSInteger start,
                         NSInteger length) {
    if ([[[tensor shape] objectAtIndex:(NSUInteger)axis] integerValue] == length)
        return tensor;
    return [builder->graph sliceTensor:tensor
                             dimension:(NSUInteger)axis
                                 start:start
                                length:length
                                  name:nil];
}

MPSGraphTensor *op_swap(OpBuilder *builder, MPSGraphTensor *tensor, int a, int b) {
    return [builder->graph transposeTensor:tensor
                                 dimension:(NSUInteger)a
                             withDimension:(NSUInteger)b
                                      name:nil];
}

MPSGraphTensor *op_gather(OpBuilder *builder, MPSGraphTensor *values, MPSGraphTensor *places,
                          int axis) {
    return [builder->graph gatherWithUpdatesTensor:values
                                     indicesTensor:places
                                              axis:(NSUInteger)axis
                                   batchDimensions:0
                                              name:nil];
}

MPSGraphTensor *op_join(OpBuilder *builder, NSArray *tensors, int axis) {
    if ([tensors count] == 1)
        return [tensors objectAtIndex:0];
    return [builder->graph concatTensors:tensors dimension:axis name:nil];
}

MPSGraphTensor *op_gelu(OpBuilder *builder, MPSGraphTensor *x) {
    MPSGraphTensor *inner = op_multiply(builder, x, op_scalar(builder, sqrt(0.5)));
    MPSGraphTensor *erf = [builder->graph erfWithTensor:inner name:nil];
    MPSGraphTensor *half = op_multiply(builder, x, op_scalar(builder, 0.5));
    return op_add(builder, half, op_multiply(builder, half, erf));
}
