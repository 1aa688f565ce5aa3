/* test_life.m: objects that are gone, released too often, or never. */
#import "fixture.h"

/* Everything that a run makes is gone after it, with the pool. */
static void test_nothing_leaks(void) {
    int64_t before = applesim_live(NULL);
    @autoreleasepool {
        float result[4];
        Fixture f = fixture_create();
        MPSGraphTensor *x = fixture_feed(&f, SHAPE(4), (float[]){1, 2, 3, 4});
        CHECK(applesim_live("MPSGraph") == 1 && applesim_live("MTLCommandQueue") == 1);
        CHECK(applesim_live("MPSGraphTensor") == 1 && applesim_live("MTLBuffer") == 1);
        fixture_run(&f, [f.graph reLUWithTensor:x name:nil], result);
        CHECK(applesim_live("MPSGraphTensor") == 2);
        fixture_destroy(&f);
    }
    if (applesim_live(NULL) != before)
        applesim_print_live();
    CHECK(applesim_live(NULL) == before);
}

static void test_leaks_show(void) {
    int64_t before = applesim_live("MTLBuffer");
    id<MTLBuffer> buffer = nil;
    @autoreleasepool {
        id<MTLDevice> device = [MTLCreateSystemDefaultDevice() autorelease];
        buffer = [device newBufferWithLength:16 options:MTLResourceStorageModeShared];
    }
    CHECK(applesim_live("MTLBuffer") == before + 1);
    [buffer release];
    CHECK(applesim_live("MTLBuffer") == before);
}

static void over_release(void) {
    MPSGraph *graph = [[MPSGraph alloc] init];
    [graph release];
    [graph release];
}

static void message_to_the_dead(void) {
    id<MTLDevice> device = MTLCreateSystemDefaultDevice();
    id<MTLBuffer> buffer = [device newBufferWithLength:16 options:MTLResourceStorageModeShared];
    [buffer release];
    [buffer contents];
}

/* Not retained, and the pool is drained. */
static void autoreleased_and_used(void) {
    MPSGraphDevice *graph_device = nil;
    @autoreleasepool {
        graph_device = [MPSGraphDevice deviceWithMTLDevice:MTLCreateSystemDefaultDevice()];
    }
    [graph_device retain];
}

static void command_buffer_outlives_pool(void) {
    Fixture f = fixture_create();
    MPSCommandBuffer *commands = nil;
    @autoreleasepool {
        commands = [MPSCommandBuffer commandBufferFromCommandQueue:f.queue];
    }
    [commands commit];
}

static void released_twice_by_pool(void) {
    @autoreleasepool {
        MPSGraph *graph = [[[MPSGraph alloc] init] autorelease];
        [graph release];
    }
}

/* A graph owns its tensors. */
static void tensor_outlives_graph(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(4), MPSDataTypeFloat32);
    MPSGraph *other = [[MPSGraph alloc] init];
    fixture_destroy(&f);
    [other reLUWithTensor:x name:nil];
}

static void buffer_released_too_often(void) {
    Fixture f = fixture_create();
    id<MTLBuffer> buffer = [f.device newBufferWithLength:16 options:MTLResourceStorageModeShared];
    @autoreleasepool {
        MPSGraphTensorData *data =
            [[MPSGraphTensorData alloc] initWithMTLBuffer:buffer
                                                    shape:SHAPE(4)
                                                 dataType:MPSDataTypeFloat32];
        [buffer release];
        [buffer release];
        [data release];
    }
}

/* What is in the making of a command buffer stays alive without its maker. */
static void test_command_buffers_retain(void) {
    @autoreleasepool {
        MPSCommandBuffer *commands = nil;
        @autoreleasepool {
            Fixture f = fixture_create();
            MPSGraphTensor *x = fixture_feed(&f, SHAPE(2), (float[]){1, 2});
            commands = [[MPSCommandBuffer commandBufferFromCommandQueue:f.queue] retain];
            [f.graph encodeToCommandBuffer:commands
                                     feeds:f.feeds
                             targetTensors:[NSArray arrayWithObject:[f.graph reLUWithTensor:x
                                                                                       name:nil]]
                          targetOperations:nil
                       executionDescriptor:nil];
            fixture_destroy(&f);
        }
        [commands commit];
        [commands waitUntilCompleted];
        CHECK([commands status] == MTLCommandBufferStatusCompleted);
        [commands release];
    }
    CHECK(applesim_live("MPSGraph") == 0 && applesim_live("MTLCommandQueue") == 0);
}

int main(void) {
    @autoreleasepool {
        test_nothing_leaks();
        test_leaks_show();
        test_command_buffers_retain();
        check_aborts(over_release, "message 'release' to a MPSGraph that is gone");
        check_aborts(message_to_the_dead, "message 'contents' to a MTLBuffer that is gone");
        check_aborts(autoreleased_and_used, "message 'retain' to a MPSGraphDevice that is gone");
        check_aborts(command_buffer_outlives_pool,
                     "message 'commit' to a MPSCommandBuffer that is gone");
        check_aborts(released_twice_by_pool, "message 'release' to a MPSGraph that is gone");
        check_aborts(tensor_outlives_graph, "to a MPSGraphTensor that is gone");
        check_aborts(buffer_released_too_often, "message 'release' to a MTLBuffer that is gone");
    }
    return 0;
}
