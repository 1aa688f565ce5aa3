/* device.m: the GPU; there is one at most. */
#import <Metal/Metal.h>

#include <stdint.h>

#include "accounting.h"
#import "buffer.h"
#include "pages.h"
#import "queue.h"
#include "settings.h"
#include "strict.h"

/* Of no class that is counted: it lives as long as the process. */
@interface SimGpu : NSObject <MTLDevice>
@end

static void check_options(MTLResourceOptions options) {
    if (options != MTLResourceStorageModeShared)
        sim_abort("resource options %lu: only MTLResourceStorageModeShared is simulated",
                  (unsigned long)options);
}

static SimBuffer *new_buffer(NSUInteger length, const void *bytes) {
    if (length == 0)
        sim_abort("a buffer of 0 bytes");
    if (length > sim_settings()->max_buffer)
        return nil;
    return [[SimBuffer alloc] initWithLength:length bytes:bytes];
}

static SimBuffer *new_buffer_over(void *pages, NSUInteger length) {
    SimNoCopy how = sim_settings()->no_copy;
    if (how == SIM_NO_COPY_GIVES_NIL || length > sim_settings()->max_buffer)
        return nil;
    return [[SimBuffer alloc] initOver:pages length:how == SIM_NO_COPY_GIVES_EMPTY ? 0 : length];
}

@implementation SimGpu

- (NSString *)name {
    return [NSString stringWithUTF8String:sim_settings()->name];
}

- (BOOL)hasUnifiedMemory {
    return sim_settings()->unified;
}

- (uint64_t)recommendedMaxWorkingSetSize {
    return sim_settings()->memory;
}

- (NSUInteger)currentAllocatedSize {
    applesim_counts counts = applesim_count();
    return (NSUInteger)(counts.live_bytes + counts.no_copy_bytes);
}

- (NSUInteger)maxBufferLength {
    return sim_settings()->max_buffer;
}

- (BOOL)supportsFamily:(MTLGPUFamily)family {
    int apple = sim_settings()->family;
    if (family >= MTLGPUFamilyApple1 && family <= MTLGPUFamilyApple10)
        return family - MTLGPUFamilyApple1 < apple;
    if (family == MTLGPUFamilyMetal3)
        return sim_macos_is(13, 0);
    if (family == MTLGPUFamilyMetal4)
        return sim_macos_is(26, 0) && apple >= 7;
    return family == MTLGPUFamilyMac2 ||
           (family >= MTLGPUFamilyCommon1 && family <= MTLGPUFamilyCommon3);
}

- (id<MTLCommandQueue>)newCommandQueue {
    return [[SimCommandQueue alloc] init];
}

- (id<MTLBuffer>)newBufferWithLength:(NSUInteger)length options:(MTLResourceOptions)options {
    check_options(options);
    return new_buffer(length, NULL);
}

- (id<MTLBuffer>)newBufferWithBytes:(const void *)pointer
                             length:(NSUInteger)length
                            options:(MTLResourceOptions)options {
    check_options(options);
    if (!pointer)
        sim_abort("newBufferWithBytes: NULL");
    return new_buffer(length, pointer);
}

- (id<MTLBuffer>)newBufferWithBytesNoCopy:(void *)pointer
                                   length:(NSUInteger)length
                                  options:(MTLResourceOptions)options
                              deallocator:(id)deallocator {
    check_options(options);
    if (deallocator)
        sim_abort("newBufferWithBytesNoCopy: deallocators are not simulated");
    sim_pages_check(pointer, length);
    return new_buffer_over(pointer, length);
}

@end

/* Retained. */
static id<MTLDevice> the_device(void) {
    static SimGpu *gpu;
    sim_lock();
    if (!gpu)
        gpu = [[SimGpu alloc] init];
    SimGpu *retained = [gpu retain];
    sim_unlock();
    return retained;
}

id<MTLDevice> MTLCreateSystemDefaultDevice(void) {
    return sim_settings()->device && !sim_settings()->windowless ? the_device() : nil;
}

NSArray *MTLCopyAllDevices(void) {
    id<MTLDevice> device = sim_settings()->device ? the_device() : nil;
    NSArray *all = [[NSArray alloc] initWithObjects:device, nil];
    [device release];
    return all;
}
