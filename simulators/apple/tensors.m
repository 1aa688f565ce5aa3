/* tensors.m: shapes, types and data of tensors. */
#import "tensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#import "buffer.h"
#import "objects.h"
#include "settings.h"
#include "strict.h"

static const struct {
    MPSDataType type;
    SimElement element;
} types[] = {
    {MPSDataTypeFloat32, SIM_F32},   {MPSDataTypeFloat16, SIM_F16},
    {MPSDataTypeBFloat16, SIM_BF16}, {MPSDataTypeComplexFloat32, SIM_COMPLEX},
    {MPSDataTypeInt8, SIM_INT8},     {MPSDataTypeInt16, SIM_INT16},
    {MPSDataTypeInt32, SIM_INT32},   {MPSDataTypeInt64, SIM_INT64},
    {MPSDataTypeUInt8, SIM_UINT8},   {MPSDataTypeUInt16, SIM_UINT16},
    {MPSDataTypeUInt32, SIM_UINT32}, {MPSDataTypeUInt64, SIM_UINT64},
    {MPSDataTypeBool, SIM_BOOL},
};

#define TYPES (sizeof(types) / sizeof(*types))

SimElement sim_element_of(MPSDataType type, const char *what) {
    SimElement element = SIM_NONE;
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].type == type)
            element = types[i].element;
    if (element == SIM_NONE)
        sim_abort("%s: data type 0x%x is not simulated", what, (unsigned)type);
    if ((element == SIM_BF16 || element == SIM_COMPLEX) && !sim_macos_is(14, 0))
        [NSException raise:NSInvalidArgumentException
                    format:@"%s: %s tensors come with macOS 14", what, sim_element_name(element)];
    return element;
}

MPSDataType sim_data_type(SimElement element) {
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].element == element)
            return types[i].type;
    return MPSDataTypeInvalid;
}

int sim_numbers(NSArray *array, int64_t *numbers, const char *what) {
    NSUInteger count = [array count];
    if (!array || count > SIM_MAX_RANK)
        sim_abort("%s: %s", what, array ? "a list of more than 16 numbers" : "no list of numbers");
    for (NSUInteger i = 0; i < count; i++)
        numbers[i] = [[array objectAtIndex:i] longLongValue];
    return (int)count;
}

SimType sim_type_of(MPSShape *shape, MPSDataType data_type, const char *what) {
    SimType type = {.element = sim_element_of(data_type, what)};
    type.rank = sim_numbers(shape, type.dims, what);
    sim_check_size(what, &type);
    return type;
}

MPSShape *sim_shape(const SimType *type) {
    NSMutableArray *shape = [NSMutableArray arrayWithCapacity:(NSUInteger)type->rank];
    for (int i = 0; i < type->rank; i++)
        [shape addObject:[NSNumber numberWithLongLong:type->dims[i]]];
    return shape;
}

int sim_axis(int64_t axis, int rank, const char *what) {
    int64_t counted = axis < 0 ? axis + rank : axis;
    if (counted < 0 || counted >= rank)
        sim_abort("%s: axis %" PRId64 " of a tensor of rank %d", what, axis, rank);
    return (int)counted;
}

MPSGraphTensorData *sim_new_result(const SimType *type) {
    id<MTLDevice> device = [MTLCreateSystemDefaultDevice() autorelease];
    id<MTLBuffer> buffer = [device newBufferWithLength:sim_bytes(type)
                                               options:MTLResourceStorageModeShared];
    if (!buffer)
        sim_abort("no memory for a result of %s", sim_type_text(type));
    MPSGraphTensorData *data =
        [[MPSGraphTensorData alloc] initWithMTLBuffer:buffer
                                                shape:sim_shape(type)
                                             dataType:sim_data_type(type->element)];
    [buffer release];
    return [data autorelease];
}

void sim_check_data(id data, const SimType *type, const char *what) {
    if (!data || ![data isKindOfClass:[MPSGraphTensorData class]])
        sim_abort("%s is no MPSGraphTensorData", what);
    MPSGraphTensorData *given = data;
    if (!sim_types_equal(given->_type, type))
        sim_abort("%s is %s, and must be %s", what, sim_type_text(given->_type),
                  sim_type_text(type));
}

SimType *sim_copy_type(const SimType *type) {
    SimType *copy = sim_allocate(sizeof(*copy));
    *copy = *type;
    return copy;
}

@implementation MPSGraphType
- (id)copyWithZone:(NSZone *)zone {
    (void)zone;
    return [self retain];
}
@end

@implementation MPSGraphShapedType

@synthesize shape = _shape;
@synthesize dataType = _dataType;

- (instancetype)initWithShape:(MPSShape *)shape dataType:(MPSDataType)dataType {
    self = [super init];
    if (!self)
        return nil;
    _shape = [shape copy];
    _dataType = dataType;
    return self;
}

- (id)copyWithZone:(NSZone *)zone {
    (void)zone;
    return [[MPSGraphShapedType alloc] initWithShape:_shape dataType:_dataType];
}

- (BOOL)isEqualTo:(MPSGraphShapedType *)object {
    return object && [object dataType] == _dataType &&
           (_shape == [object shape] || [_shape isEqual:[object shape]]);
}

- (BOOL)isEqual:(id)object {
    return [object isKindOfClass:[MPSGraphShapedType class]] && [self isEqualTo:object];
}

- (NSUInteger)hash {
    return [_shape hash] ^ _dataType;
}

- (void)dealloc {
    [_shape release];
    [super dealloc];
}

@end

@implementation MPSGraphDevice

+ (instancetype)deviceWithMTLDevice:(id<MTLDevice>)device {
    if (!device)
        sim_abort("deviceWithMTLDevice: nil");
    MPSGraphDevice *made = [[self alloc] init];
    made->_device = [device retain];
    return [made autorelease];
}

- (void)dealloc {
    [_device release];
    [super dealloc];
}

@end

@implementation MPSGraphTensorData

@synthesize shape = _shape;
@synthesize dataType = _dataType;
@synthesize device = _device;

- (instancetype)initWithMTLBuffer:(id<MTLBuffer>)buffer
                            shape:(MPSShape *)shape
                         dataType:(MPSDataType)dataType {
    const char *what = "MPSGraphTensorData initWithMTLBuffer";
    self = [super init];
    if (!self)
        return nil;
    if (![(id)buffer isKindOfClass:[SimBuffer class]])
        sim_abort("%s: no buffer", what);
    SimType type = sim_type_of(shape, dataType, what);
    if (sim_bytes(&type) > [buffer length])
        sim_abort("%s: %s in a buffer of %lu bytes", what, sim_type_text(&type),
                  (unsigned long)[buffer length]);
    _buffer = [buffer retain];
    _shape = [shape copy];
    _dataType = dataType;
    _type = sim_copy_type(&type);
    return self;
}

- (instancetype)initWithDevice:(MPSGraphDevice *)device
                          data:(NSData *)data
                         shape:(MPSShape *)shape
                      dataType:(MPSDataType)dataType {
    const char *what = "MPSGraphTensorData initWithDevice:data";
    SimType type = sim_type_of(shape, dataType, what);
    if (!device || sim_bytes(&type) != [data length])
        sim_abort("%s: %s of %lu bytes, on %s", what, sim_type_text(&type),
                  (unsigned long)[data length], device ? "a device" : "no device");
    id<MTLBuffer> buffer = [device->_device newBufferWithBytes:[data bytes]
                                                        length:[data length]
                                                       options:MTLResourceStorageModeShared];
    if (!buffer) {
        [self release];
        return nil;
    }
    self = [self initWithMTLBuffer:buffer shape:shape dataType:dataType];
    if (self)
        _device = [device retain];
    [buffer release];
    return self;
}

- (instancetype)initWithMPSNDArray:(MPSNDArray *)ndarray {
    self = [super init];
    if (!self)
        return nil;
    if (![ndarray isKindOfClass:[MPSNDArray class]] || !ndarray->_buffer)
        sim_abort("MPSGraphTensorData initWithMPSNDArray: no array with a buffer");
    _buffer = [ndarray->_buffer retain];
    _offset = ndarray->_offset;
    _shape = [sim_shape(ndarray->_type) retain];
    _dataType = [ndarray dataType];
    _type = sim_copy_type(ndarray->_type);
    return self;
}

- (MPSNDArray *)mpsndarray {
    MPSNDArray *array = [[MPSNDArray alloc] init];
    array->_buffer = [_buffer retain];
    array->_offset = _offset;
    array->_type = sim_copy_type(_type);
    return [array autorelease];
}

- (void)dealloc {
    [_buffer release];
    [_shape release];
    [_device release];
    free(_type);
    [super dealloc];
}

@end
