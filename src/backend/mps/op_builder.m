/* op_builder.m: constants, shapes and feeds of a graph in the making. */
#include "backend/mps/op_builder.h"

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
