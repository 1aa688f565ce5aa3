/* in_place.m: wrapping pages of the checkpoint in buffers without copying them. */
#include "backend/mps/in_place.h"

#include <stdint.h>
#include <unistd.h>

#include "base/memory.h"

/* The first macOS with arrays at offsets; what classes of older ones answer is private to them. */
#define MACOS_OFFSETS 15

/* Of a tensor in the file, in bytes: what a load of four floats at once may need. torch.save aligns
 * to 64; safetensors only to 8, and the old stream form not at all, whose weights may be copied. */
#define ALIGNMENT 16

/* An SDK that is older than those methods does not declare them. */
#if !defined(CLEAVE_APPLESIM) && !defined(__MAC_15_0)
@interface MPSNDArray (CleaveOffsets)
- (instancetype)initWithBuffer:(id<MTLBuffer>)buffer
                        offset:(NSUInteger)offset
                    descriptor:(MPSNDArrayDescriptor *)descriptor;
@end

@interface MPSNDArrayDescriptor (CleaveOffsets)
- (void)setPreferPackedRows:(BOOL)preferPackedRows;
@end
#endif

bool in_place_possible(const MpsDevice *device) {
    return device->macos[0] >= MACOS_OFFSETS &&
           [MPSNDArray instancesRespondToSelector:@selector(initWithBuffer:offset:descriptor:)] &&
           [MPSNDArrayDescriptor instancesRespondToSelector:@selector(setPreferPackedRows:)];
}

static bool has_type(const Tensor *tensor, MPSDataType type) {
    return (type == MPSDataTypeFloat32 && tensor->dtype == DTYPE_F32) ||
           (type == MPSDataTypeFloat16 && tensor->dtype == DTYPE_F16);
}

/* Of the pages of one tensor, not of the whole file: all of a buffer must be resident while the GPU
 * works with any of it, and what else is in a checkpoint need not be. Two buffers may share a page.
 * GPUs of virtual Macs are known to give a buffer of no bytes. */
static id<MTLBuffer> buffer_over(id<MTLDevice> device, uintptr_t begin, uintptr_t end) {
    if (end - begin > [device maxBufferLength])
        return nil;
    id<MTLBuffer> buffer = [device newBufferWithBytesNoCopy:(void *)begin
                                                     length:end - begin
                                                    options:MTLResourceStorageModeShared
                                                deallocator:nil];
    if (!buffer || [buffer length] == end - begin)
        return buffer;
    [buffer release];
    return nil;
}

id<MTLBuffer> in_place_buffer(const MpsDevice *device, const MappedFile *file, const Tensor *tensor,
                              MPSDataType type, NSUInteger *offset) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = tensor_elements(tensor) * dtype_size(tensor->dtype);
    uintptr_t at = (uintptr_t)tensor->data;
    if (!file || !file->shared || !device->reads_in_place || !device->unified ||
        !has_type(tensor, type) || !tensor_is_contiguous(tensor) ||
        !mapped_file_holds(file, tensor->data, bytes) || at % ALIGNMENT != 0)
        return nil;
    *offset = at % page;
    return buffer_over(device->device, at - *offset, size_round_up(at + bytes, page));
}

MPSGraphTensorData *in_place_data(id<MTLBuffer> buffer, NSUInteger offset, NSArray *shape,
                                  MPSDataType type) {
    MPSNDArrayDescriptor *descriptor = [MPSNDArrayDescriptor descriptorWithDataType:type
                                                                              shape:shape];
    [descriptor setPreferPackedRows:YES];
    MPSNDArray *array = [[MPSNDArray alloc] initWithBuffer:buffer
                                                    offset:offset
                                                descriptor:descriptor];
    MPSGraphTensorData *data = [[MPSGraphTensorData alloc] initWithMPSNDArray:array];
    [array release];
    return data;
}
