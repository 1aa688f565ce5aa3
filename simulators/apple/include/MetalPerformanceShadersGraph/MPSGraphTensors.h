/* MPSGraphTensors.h: values in a graph, their types, and their data. */
#ifndef APPLESIM_MPSGRAPH_TENSORS_H
#define APPLESIM_MPSGRAPH_TENSORS_H

#import "MPSGraphDescriptors.h"

@class MPSGraph;
@class MPSGraphOperation;

@interface MPSGraphType : MPSGraphObject <NSCopying>
@end

@interface MPSGraphShapedType : MPSGraphType {
    MPSShape *_shape;
    MPSDataType _dataType;
}
@property(nonatomic, copy) MPSShape *shape;
@property(nonatomic) MPSDataType dataType;
- (instancetype)initWithShape:(MPSShape *)shape dataType:(MPSDataType)dataType;
- (BOOL)isEqualTo:(MPSGraphShapedType *)object;
@end

/* The graph owns its tensors: a pointer to one is good as long as the graph lives. */
@interface MPSGraphTensor : MPSGraphObject <NSCopying> {
  @public
    MPSGraphOperation *_operation; /* not owned */
    MPSShape *_shape;
    MPSDataType _dataType;
}
@property(readonly, nonatomic) MPSGraphOperation *operation;
@property(readonly, nonatomic) MPSShape *shape;
@property(readonly, nonatomic) MPSDataType dataType;
@end

@interface MPSGraphOperation : MPSGraphObject <NSCopying> {
  @public
    struct SimOp *_op;
    MPSGraphTensor **_inputs; /* not owned: the graph's */
    int _inputCount;
    MPSGraphTensor *_result;
    MPSGraph *_graph; /* not owned */
    NSString *_name;
}
@property(readonly, nonatomic) NSArray<MPSGraphTensor *> *inputTensors;
@property(readonly, nonatomic) NSArray<MPSGraphTensor *> *outputTensors;
@property(readonly, nonatomic) MPSGraph *graph;
@property(readonly, nonatomic) NSString *name;
@end

@interface MPSGraphDevice : MPSGraphObject {
  @public
    id<MTLDevice> _device;
}
+ (instancetype)deviceWithMTLDevice:(id<MTLDevice>)metalDevice;
@end

@interface MPSGraphTensorData : MPSGraphObject {
  @public
    id<MTLBuffer> _buffer;
    NSUInteger _offset; /* bytes */
    struct SimType *_type;
    MPSShape *_shape;
    MPSDataType _dataType;
    MPSGraphDevice *_device;
}
@property(readonly, nonatomic) MPSShape *shape;
@property(readonly, nonatomic) MPSDataType dataType;
@property(readonly, nonatomic) MPSGraphDevice *device;
- (instancetype)initWithDevice:(MPSGraphDevice *)device
                          data:(NSData *)data
                         shape:(MPSShape *)shape
                      dataType:(MPSDataType)dataType;
- (instancetype)initWithMTLBuffer:(id<MTLBuffer>)buffer
                            shape:(MPSShape *)shape
                         dataType:(MPSDataType)dataType;
- (instancetype)initWithMPSNDArray:(MPSNDArray *)ndarray;
- (MPSNDArray *)mpsndarray;
@end

typedef NSDictionary<MPSGraphTensor *, MPSGraphTensorData *> MPSGraphTensorDataDictionary;
typedef NSDictionary<MPSGraphTensor *, MPSGraphShapedType *> MPSGraphTensorShapedTypeDictionary;

#endif
