/* arrays.m: MPSNDArray, which may begin anywhere in a buffer, and its descriptor. */
#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

#include <stdlib.h>
#include <string.h>

#import "buffer.h"
#import "objects.h"
#include "strict.h"
#import "tensors.h"

static void release_array(MPSNDArray *array) {
    [array->_buffer release];
    free(array->_type);
}

@implementation MPSNDArrayDescriptor

SIM_TRACKED_WITH([_shape release])

@synthesize dataType = _dataType;
@synthesize preferPackedRows = _preferPackedRows;

+ (instancetype)descriptorWithDataType:(MPSDataType)dataType shape:(NSArray *)shape {
    MPSNDArrayDescriptor *made = [[self alloc] init];
    if (!shape)
        sim_abort("descriptorWithDataType: no shape");
    made->_dataType = dataType;
    made->_shape = [shape copy];
    return [made autorelease];
}

- (NSArray *)getShape {
    return _shape;
}

@end

@implementation MPSNDArray

SIM_TRACKED_WITH(release_array(self))

- (instancetype)initWithBuffer:(id<MTLBuffer>)buffer
                        offset:(NSUInteger)offset
                    descriptor:(MPSNDArrayDescriptor *)descriptor {
    const char *what = "MPSNDArray initWithBuffer:offset";
    self = [super init];
    if (!self)
        return nil;
    if (![(id)buffer isKindOfClass:[SimBuffer class]] || !descriptor)
        sim_abort("%s: no %s", what, descriptor ? "buffer" : "descriptor");
    if (!descriptor->_preferPackedRows)
        sim_abort("%s: rows that are not packed have gaps, which are not simulated", what);
    SimType type = sim_type_of(descriptor->_shape, descriptor->_dataType, what);
    size_t element = sim_element_bytes(type.element);
    if (offset % element != 0)
        sim_abort("%s: offset %lu is no multiple of an element's %zu bytes", what,
                  (unsigned long)offset, element);
    if (offset > [buffer length] || sim_bytes(&type) > [buffer length] - offset)
        sim_abort("%s: %s at %lu in a buffer of %lu bytes", what, sim_type_text(&type),
                  (unsigned long)offset, (unsigned long)[buffer length]);
    _buffer = [buffer retain];
    _offset = offset;
    _type = sim_copy_type(&type);
    return self;
}

- (MPSDataType)dataType {
    return sim_data_type(_type->element);
}

- (NSUInteger)numberOfDimensions {
    return (NSUInteger)_type->rank;
}

- (NSUInteger)lengthOfDimension:(NSUInteger)dimension {
    if (dimension >= (NSUInteger)_type->rank)
        return 1;
    return (NSUInteger)_type->dims[_type->rank - 1 - (int)dimension];
}

- (void)readBytes:(void *)bytes strideBytes:(NSInteger *)strides {
    SimBuffer *buffer = (SimBuffer *)_buffer;
    if (strides)
        sim_abort("readBytes: strides are not simulated");
    sim_lock();
    if (buffer->_pendingWrites > 0)
        sim_abort("readBytes of a result whose command buffer nobody waited for");
    memcpy(bytes, buffer->_contents + _offset, sim_bytes(_type));
    sim_count_download(sim_bytes(_type));
    buffer->_unread = NO;
    sim_unlock();
}

@end
