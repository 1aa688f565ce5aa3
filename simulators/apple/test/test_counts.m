/* test_counts.m: what is counted, limits, and the device's facts. */
#include <stdlib.h>
#include <string.h>

#import "fixture.h"

#define COUNT 1000

static MPSGraphTensorData *data_of(id<MTLBuffer> buffer) {
    return [[[MPSGraphTensorData alloc] initWithMTLBuffer:buffer
                                                    shape:SHAPE(COUNT)
                                                 dataType:MPSDataTypeFloat32] autorelease];
}

static id<MTLBuffer> new_buffer(Fixture *f) {
    return [f->device newBufferWithLength:COUNT * sizeof(float)
                                  options:MTLResourceStorageModeShared];
}

static void run(Fixture *f, MPSGraphTensor *x, MPSGraphTensor *y, id<MTLBuffer> from,
                id<MTLBuffer> to) {
    [f->graph runWithMTLCommandQueue:f->queue
                               feeds:[NSDictionary dictionaryWithObject:data_of(from) forKey:x]
                    targetOperations:nil
                   resultsDictionary:[NSDictionary dictionaryWithObject:data_of(to) forKey:y]];
}

static void test_transfers(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(COUNT), MPSDataTypeFloat32);
    MPSGraphTensor *y = [f.graph negativeWithTensor:x name:nil];
    id<MTLBuffer> a = new_buffer(&f);
    id<MTLBuffer> b = new_buffer(&f);
    id<MTLBuffer> c = new_buffer(&f);
    memset([a contents], 0, [a length]);
    applesim_reset();
    run(&f, x, y, a, b);
    run(&f, x, y, a, b); /* not written since: nothing to upload */
    run(&f, x, y, b, c); /* the GPU's own */
    CHECK(applesim_count().uploads == 1 && applesim_count().upload_bytes == COUNT * 4);
    CHECK(applesim_count().downloads == 0);
    CHECK(applesim_count().command_buffers == 3 && applesim_count().graph_runs == 3);
    ((float *)[a contents])[COUNT - 1] = 1;
    run(&f, x, y, a, b);
    CHECK(applesim_count().uploads == 2 && applesim_count().downloads == 0);
    CHECK(((float *)[b contents])[COUNT - 1] == -1 && ((float *)[b contents])[0] == 0);
    CHECK(applesim_count().downloads == 1 && applesim_count().download_bytes == COUNT * 4);
    float values[COUNT] = {0};
    [[data_of(c) mpsndarray] readBytes:values strideBytes:NULL];
    CHECK(applesim_count().downloads == 2);
    id<MTLBuffer> made = [f.device newBufferWithBytes:values
                                               length:sizeof(values)
                                              options:MTLResourceStorageModeShared];
    CHECK(applesim_count().uploads == 3);
    run(&f, x, y, made, b);
    CHECK(applesim_count().uploads == 3);
    [made release];
    [a release];
    [b release];
    [c release];
    fixture_destroy(&f);
}

/* Two graphs in one command buffer are one dispatch and two runs. */
static void test_dispatches(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2), (float[]){1, 2});
    NSArray *target = [NSArray arrayWithObject:[f.graph negativeWithTensor:x name:nil]];
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:f.queue];
    applesim_reset();
    for (int i = 0; i < 2; i++)
        [f.graph encodeToCommandBuffer:commands
                                 feeds:f.feeds
                         targetTensors:target
                      targetOperations:nil
                   executionDescriptor:nil];
    CHECK(applesim_count().command_buffers == 0);
    [commands commit];
    CHECK(applesim_count().command_buffers == 1 && applesim_count().graph_runs == 2);
    id<MTLBuffer> other = new_buffer(&f);
    [other contents];
    CHECK(applesim_count().overlaps == 1);
    [commands waitUntilCompleted];
    [other contents];
    CHECK(applesim_count().overlaps == 1);
    [other release];
    CHECK(applesim_count().compilations == 0);
    fixture_destroy(&f);
}

static MPSGraphExecutable *compile(Fixture *f, MPSGraphTensor *x, MPSGraphTensor *y) {
    MPSGraphShapedType *type =
        [[[MPSGraphShapedType alloc] initWithShape:[x shape]
                                          dataType:MPSDataTypeFloat32] autorelease];
    return [f->graph compileWithDevice:nil
                                 feeds:[NSDictionary dictionaryWithObject:type forKey:x]
                         targetTensors:[NSArray arrayWithObject:y]
                      targetOperations:nil
                 compilationDescriptor:nil];
}

/* Buffers by the page; an executable's constants at once, its workspace from its first run on. */
static void test_memory(void) {
    Fixture f = fixture_create();
    int64_t before = applesim_count().live_bytes;
    id<MTLBuffer> a = [f.device newBufferWithLength:5000 options:MTLResourceStorageModeShared];
    CHECK(applesim_count().live_bytes == before + 8192);
    CHECK([f.device currentAllocatedSize] == (NSUInteger)(before + 8192));
    [a release];
    CHECK(applesim_count().live_bytes == before);
    CHECK(applesim_count().peak_bytes >= before + 8192);
    @autoreleasepool {
        MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(COUNT), MPSDataTypeFloat32);
        MPSGraphTensor *constant = [f.graph constantWithScalar:2
                                                         shape:SHAPE(COUNT)
                                                      dataType:MPSDataTypeFloat32];
        MPSGraphTensor *y = [f.graph additionWithPrimaryTensor:x secondaryTensor:constant name:nil];
        MPSGraphTensor *z = [f.graph additionWithPrimaryTensor:y secondaryTensor:y name:nil];
        applesim_reset();
        MPSGraphExecutable *executable = compile(&f, x, z);
        CHECK(applesim_count().compilations == 1);
        CHECK(applesim_count().live_bytes == before + COUNT * 4);
        [executable
             specializeWithDevice:nil
                       inputTypes:[NSArray arrayWithObject:[[[MPSGraphShapedType alloc]
                                                               initWithShape:SHAPE(COUNT)
                                                                    dataType:MPSDataTypeFloat32]
                                                               autorelease]]
            compilationDescriptor:nil];
        CHECK(applesim_count().compilations == 2);
        id<MTLBuffer> from = new_buffer(&f);
        id<MTLBuffer> to = new_buffer(&f);
        memset([from contents], 0, [from length]);
        [executable runWithMTLCommandQueue:f.queue
                               inputsArray:[NSArray arrayWithObject:data_of(from)]
                              resultsArray:[NSArray arrayWithObject:data_of(to)]
                       executionDescriptor:nil];
        CHECK(((float *)[to contents])[7] == 4);
        [from release];
        [to release];
    }
    CHECK(applesim_count().live_bytes == before);
    CHECK(applesim_count().peak_bytes >= before + 2 * 4096 + 3 * COUNT * 4);
    fixture_destroy(&f);
}

/* A chain of ops needs room for two values, however long it is. */
static void test_workspace(void) {
    Fixture f = fixture_create();
    @autoreleasepool {
        MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(COUNT), MPSDataTypeFloat32);
        MPSGraphTensor *y = x;
        for (int i = 0; i < 6; i++)
            y = [f.graph negativeWithTensor:y name:nil];
        MPSGraphExecutable *executable = compile(&f, x, y);
        id<MTLBuffer> from = new_buffer(&f);
        id<MTLBuffer> to = new_buffer(&f);
        memset([from contents], 0, [from length]);
        int64_t before = applesim_count().live_bytes;
        for (int i = 0; i < 2; i++)
            [executable runWithMTLCommandQueue:f.queue
                                   inputsArray:[NSArray arrayWithObject:data_of(from)]
                                  resultsArray:[NSArray arrayWithObject:data_of(to)]
                           executionDescriptor:nil];
        CHECK(applesim_count().live_bytes == before + 2 * COUNT * 4);
        [from release];
        [to release];
    }
    fixture_destroy(&f);
}

static void test_limits(void) {
    Fixture f = fixture_create();
    applesim_set("limit=1M,max_buffer=2M");
    id<MTLBuffer> large = [f.device newBufferWithLength:1200000
                                                options:MTLResourceStorageModeShared];
    CHECK(large == nil);
    applesim_set("limit=0");
    CHECK(![f.device newBufferWithLength:2200000 options:MTLResourceStorageModeShared]);
    CHECK([f.device maxBufferLength] == 2 << 20);
    /* Room for the buffers, but not for the graph's own values. */
    MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(COUNT), MPSDataTypeFloat32);
    MPSGraphTensor *y = [f.graph negativeWithTensor:x name:nil];
    MPSGraphTensor *z = [f.graph additionWithPrimaryTensor:y secondaryTensor:x name:nil];
    id<MTLBuffer> from = new_buffer(&f);
    id<MTLBuffer> to = new_buffer(&f);
    memset([from contents], 0, [from length]);
    char limit[64];
    snprintf(limit, sizeof(limit), "limit=%lld", (long long)applesim_count().live_bytes + 100);
    applesim_set(limit);
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:f.queue];
    [f.graph encodeToCommandBuffer:commands
                             feeds:[NSDictionary dictionaryWithObject:data_of(from) forKey:x]
                  targetOperations:nil
                 resultsDictionary:[NSDictionary dictionaryWithObject:data_of(to) forKey:z]
               executionDescriptor:nil];
    [commands commit];
    [commands waitUntilCompleted];
    CHECK([commands status] == MTLCommandBufferStatusError);
    CHECK([[commands error] code] == MTLCommandBufferErrorOutOfMemory);
    applesim_reset();
    [from release];
    [to release];
    fixture_destroy(&f);
}

static void test_device(void) {
    id<MTLDevice> device = MTLCreateSystemDefaultDevice();
    applesim_set("name=Apple M4 Max,family=9,memory=1.5G,unified=1");
    CHECK([[device name] isEqual:@"Apple M4 Max"] && [device hasUnifiedMemory]);
    CHECK([device recommendedMaxWorkingSetSize] == (uint64_t)3 << 29);
    CHECK([device supportsFamily:MTLGPUFamilyApple7] && [device supportsFamily:MTLGPUFamilyApple9]);
    CHECK(![device supportsFamily:MTLGPUFamilyApple10] && [device supportsFamily:MTLGPUFamilyMac2]);
    CHECK([device supportsFamily:MTLGPUFamilyMetal3]);
    applesim_set("family=0,unified=0,macos=12.6");
    CHECK(![device supportsFamily:MTLGPUFamilyApple1] && ![device hasUnifiedMemory]);
    CHECK(![device supportsFamily:MTLGPUFamilyMetal3]);
    applesim_set("device=0");
    CHECK(!MTLCreateSystemDefaultDevice());
    applesim_reset();
    CHECK([[device name] isEqual:@"Apple M1"]);
    [device release];
}

int main(void) {
    @autoreleasepool {
        test_transfers();
        test_dispatches();
        test_memory();
        test_workspace();
        test_limits();
        test_device();
    }
    return 0;
}
