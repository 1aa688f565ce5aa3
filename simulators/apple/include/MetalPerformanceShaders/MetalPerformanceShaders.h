/* MetalPerformanceShaders.h: what cleave uses of MPS, with Apple's names, signatures and values;
 * see
 * ../../applesim.h. */
#ifndef APPLESIM_METAL_PERFORMANCE_SHADERS_H
#define APPLESIM_METAL_PERFORMANCE_SHADERS_H

#import <Metal/Metal.h>

typedef NSArray<NSNumber *> MPSShape;

typedef NS_ENUM(uint32_t, MPSDataType) {
    MPSDataTypeInvalid = 0,
    MPSDataTypeFloatBit = 0x10000000,
    MPSDataTypeComplexBit = 0x01000000,
    MPSDataTypeSignedBit = 0x20000000,
    MPSDataTypeAlternateEncodingBit = 0x80000000,
    MPSDataTypeFloat32 = MPSDataTypeFloatBit | 32,
    MPSDataTypeFloat16 = MPSDataTypeFloatBit | 16,
    MPSDataTypeBFloat16 = MPSDataTypeAlternateEncodingBit | MPSDataTypeFloat16,
    MPSDataTypeComplexFloat32 = MPSDataTypeFloatBit | MPSDataTypeComplexBit | 64,
    MPSDataTypeComplexFloat16 = MPSDataTypeFloatBit | MPSDataTypeComplexBit | 32,
    MPSDataTypeInt8 = MPSDataTypeSignedBit | 8,
    MPSDataTypeInt16 = MPSDataTypeSignedBit | 16,
    MPSDataTypeInt32 = MPSDataTypeSignedBit | 32,
    MPSDataTypeInt64 = MPSDataTypeSignedBit | 64,
    MPSDataTypeUInt8 = 8,
    MPSDataTypeUInt16 = 16,
    MPSDataTypeUInt32 = 32,
    MPSDataTypeUInt64 = 64,
    MPSDataTypeBool = MPSDataTypeAlternateEncodingBit | 8
};

@interface MPSCommandBuffer : NSObject <MTLCommandBuffer> {
  @public
    id<MTLCommandBuffer> _original, _root;
}
+ (instancetype)commandBufferFromCommandQueue:(id<MTLCommandQueue>)commandQueue;
+ (instancetype)commandBufferWithCommandBuffer:(id<MTLCommandBuffer>)commandBuffer;
- (instancetype)initWithCommandBuffer:(id<MTLCommandBuffer>)commandBuffer;
/* The one that it was made of; the one that is encoded to now. */
@property(readonly) id<MTLCommandBuffer> commandBuffer;
@property(readonly) id<MTLCommandBuffer> rootCommandBuffer;
@end

@interface MPSNDArrayDescriptor : NSObject {
  @public
    NSArray<NSNumber *> *_shape;
    MPSDataType _dataType;
    BOOL _preferPackedRows;
}
@property(readwrite) MPSDataType dataType;
@property(readwrite) BOOL preferPackedRows; /* from macOS 15 on */
+ (instancetype)descriptorWithDataType:(MPSDataType)dataType shape:(NSArray<NSNumber *> *)shape;
- (NSArray<NSNumber *> *)getShape;
@end

@interface MPSNDArray : NSObject {
  @public
    id<MTLBuffer> _buffer;
    NSUInteger _offset; /* bytes, where the first element lies */
    struct SimType *_type;
}
/* From macOS 15 on. Only packed rows are simulated. */
- (instancetype)initWithBuffer:(id<MTLBuffer>)buffer
                        offset:(NSUInteger)offset
                    descriptor:(MPSNDArrayDescriptor *)descriptor;
@property(readonly) MPSDataType dataType;
@property(readonly) NSUInteger numberOfDimensions;
/* Dimension 0 is the one whose elements lie next to each other: the last of a MPSShape. */
- (NSUInteger)lengthOfDimension:(NSUInteger)dimensionIndex;
/* Elements without gaps where strides are NULL; other strides are not simulated. */
- (void)readBytes:(void *)buffer strideBytes:(NSInteger *)strideBytesPerDimension;
@end

#endif
