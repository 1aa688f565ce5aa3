/* test_runs.m: executables, command buffers, and what the host sees of results when. */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#import "fixture.h"

typedef struct Setup {
    Fixture fixture;
    MPSGraphTensor *a, *b, *difference;
    MPSGraphExecutable *executable;
    id<MTLBuffer> buffers[3]; /* a, b, difference; (4) f32 */
    NSArray *inputs, *results;
} Setup;

static MPSGraphTensorData *data_of(id<MTLBuffer> buffer) {
    return [[[MPSGraphTensorData alloc] initWithMTLBuffer:buffer
                                                    shape:SHAPE(4)
                                                 dataType:MPSDataTypeFloat32] autorelease];
}

static MPSGraphShapedType *four(void) {
    return [[[MPSGraphShapedType alloc] initWithShape:SHAPE(4)
                                             dataType:MPSDataTypeFloat32] autorelease];
}

static void fill(id<MTLBuffer> buffer, float first) {
    float *values = [buffer contents];
    for (int i = 0; i < 4; i++)
        values[i] = first + (float)i;
}

/* a - b, compiled; a = 10 ..., b = 1 ... */
static Setup create(void) {
    Setup s = {.fixture = fixture_create()};
    MPSGraph *graph = s.fixture.graph;
    s.a = fixture_placeholder(&s.fixture, SHAPE(4), MPSDataTypeFloat32);
    s.b = fixture_placeholder(&s.fixture, SHAPE(4), MPSDataTypeFloat32);
    s.difference = [graph subtractionWithPrimaryTensor:s.a secondaryTensor:s.b name:nil];
    NSDictionary *types = [NSDictionary dictionaryWithObjectsAndKeys:four(), s.a, four(), s.b, nil];
    s.executable = [[graph compileWithDevice:[MPSGraphDevice deviceWithMTLDevice:s.fixture.device]
                                       feeds:types
                               targetTensors:[NSArray arrayWithObject:s.difference]
                            targetOperations:nil
                       compilationDescriptor:nil] retain];
    for (int i = 0; i < 3; i++)
        s.buffers[i] = [s.fixture.device newBufferWithLength:16
                                                     options:MTLResourceStorageModeShared];
    fill(s.buffers[0], 10);
    fill(s.buffers[1], 1);
    NSMutableArray *inputs = [NSMutableArray array];
    for (MPSGraphTensor *feed in [s.executable feedTensors])
        [inputs addObject:data_of(s.buffers[feed == s.a ? 0 : 1])];
    s.inputs = [inputs retain];
    s.results = [[NSArray arrayWithObject:data_of(s.buffers[2])] retain];
    return s;
}

static void destroy(Setup *s) {
    [s->executable release];
    [s->inputs release];
    [s->results release];
    for (int i = 0; i < 3; i++)
        [s->buffers[i] release];
    fixture_destroy(&s->fixture);
}

static MPSCommandBuffer *encode(Setup *s) {
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:s->fixture.queue];
    [s->executable encodeToCommandBuffer:commands
                             inputsArray:s->inputs
                            resultsArray:s->results
                     executionDescriptor:nil];
    return commands;
}

static bool all_are(id<MTLBuffer> buffer, float value) {
    const float *values = [buffer contents];
    for (int i = 0; i < 4; i++)
        if (isnan(value) ? !isnan(values[i]) : values[i] != value)
            return false;
    return true;
}

static void test_results_come_with_waiting(void) {
    Setup s = create();
    memset([s.buffers[2] contents], 0, 16);
    MPSCommandBuffer *commands = encode(&s);
    CHECK([commands status] == MTLCommandBufferStatusNotEnqueued);
    CHECK(all_are(s.buffers[2], 0));
    [commands commit];
    CHECK([commands status] == MTLCommandBufferStatusCommitted);
    CHECK(all_are(s.buffers[2], NAN));
    [commands waitUntilCompleted];
    CHECK([commands status] == MTLCommandBufferStatusCompleted && ![commands error]);
    CHECK(all_are(s.buffers[2], 9));
    CHECK([commands GPUStartTime] > 0 && [commands GPUEndTime] >= [commands GPUStartTime]);
    destroy(&s);
}

/* Whoever looks at the status again and again sees it end, too. */
static void test_status_ends(void) {
    Setup s = create();
    MPSCommandBuffer *commands = encode(&s);
    [commands commit];
    for (int i = 0; i < 10 && [commands status] != MTLCommandBufferStatusCompleted; i++)
        ;
    CHECK([commands status] == MTLCommandBufferStatusCompleted);
    CHECK(all_are(s.buffers[2], 9));
    destroy(&s);
}

/* Fresh buffers hold nothing that a program could rely on. */
static void test_fresh_buffers_are_nan(void) {
    Fixture f = fixture_create();
    id<MTLBuffer> buffer = [f.device newBufferWithLength:16 options:MTLResourceStorageModeShared];
    CHECK(all_are(buffer, NAN));
    [buffer release];
    fixture_destroy(&f);
}

/* Two of a queue: the second reads what the first writes, and overwrites what it read. */
static void test_in_order(void) {
    Setup s = create();
    MPSCommandBuffer *first = encode(&s);
    [first commit];
    MPSCommandBuffer *second = [MPSCommandBuffer commandBufferFromCommandQueue:s.fixture.queue];
    NSMutableArray *inputs = [NSMutableArray array];
    for (MPSGraphTensor *feed in [s.executable feedTensors])
        [inputs addObject:data_of(s.buffers[feed == s.a ? 0 : 2])];
    [s.executable encodeToCommandBuffer:second
                            inputsArray:inputs
                           resultsArray:[NSArray arrayWithObject:data_of(s.buffers[0])]
                    executionDescriptor:nil];
    [second commit];
    CHECK(all_are(s.buffers[0], NAN) && all_are(s.buffers[2], NAN));
    [second waitUntilCompleted];
    const float *values = [s.buffers[0] contents];
    CHECK(all_are(s.buffers[2], 9));
    CHECK(values[0] == 1 && values[3] == 4); /* 10 - 9 and on */
    CHECK([first status] == MTLCommandBufferStatusCompleted);
    destroy(&s);
}

static void test_run_and_new_results(void) {
    Setup s = create();
    float result[4];
    NSArray *made = [s.executable runWithMTLCommandQueue:s.fixture.queue
                                             inputsArray:s.inputs
                                            resultsArray:nil
                                     executionDescriptor:nil];
    [[[made objectAtIndex:0] mpsndarray] readBytes:result strideBytes:NULL];
    CHECK(result[0] == 9 && result[3] == 9);
    MPSGraphExecutableExecutionDescriptor *waits =
        [[[MPSGraphExecutableExecutionDescriptor alloc] init] autorelease];
    [waits setWaitUntilCompleted:YES];
    fill(s.buffers[1], 2);
    [s.executable runAsyncWithMTLCommandQueue:s.fixture.queue
                                  inputsArray:s.inputs
                                 resultsArray:s.results
                          executionDescriptor:waits];
    CHECK(all_are(s.buffers[2], 8));
    destroy(&s);
}

/* The graph without compiling, into buffers that are given. */
static void test_graph_encodes(void) {
    Setup s = create();
    MPSGraph *graph = s.fixture.graph;
    NSDictionary *feeds = [NSDictionary
        dictionaryWithObjectsAndKeys:data_of(s.buffers[0]), s.a, data_of(s.buffers[1]), s.b, nil];
    NSDictionary *results = [NSDictionary dictionaryWithObject:data_of(s.buffers[2])
                                                        forKey:s.difference];
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:s.fixture.queue];
    [graph encodeToCommandBuffer:commands
                           feeds:feeds
                targetOperations:nil
               resultsDictionary:results
             executionDescriptor:nil];
    [commands commit];
    [commands waitUntilCompleted];
    CHECK(all_are(s.buffers[2], 9));
    fill(s.buffers[1], 3);
    [graph runWithMTLCommandQueue:s.fixture.queue
                            feeds:feeds
                 targetOperations:nil
                resultsDictionary:results];
    CHECK(all_are(s.buffers[2], 7));
    destroy(&s);
}

static void test_failures(void) {
    Setup s = create();
    applesim_set("oom_at=2");
    MPSCommandBuffer *first = encode(&s);
    [first commit];
    MPSCommandBuffer *second = encode(&s);
    [second commit];
    [second waitUntilCompleted];
    CHECK([first status] == MTLCommandBufferStatusCompleted);
    CHECK([second status] == MTLCommandBufferStatusError);
    CHECK([[second error] code] == MTLCommandBufferErrorOutOfMemory);
    CHECK([[[second error] domain] isEqual:MTLCommandBufferErrorDomain]);
    CHECK([[[second error] localizedDescription] length] > 0);
    CHECK(all_are(s.buffers[2], NAN));
    applesim_set("fail_at=1,fail_code=2");
    MPSCommandBuffer *third = encode(&s);
    [third commit];
    [third waitUntilCompleted];
    CHECK([[third error] code] == MTLCommandBufferErrorTimeout);
    MPSCommandBuffer *fourth = encode(&s);
    [fourth commit];
    [fourth waitUntilCompleted];
    CHECK([fourth status] == MTLCommandBufferStatusCompleted && all_are(s.buffers[2], 9));
    applesim_reset();
    destroy(&s);
}

/* MPSGraph may commit and go on: the root is another one then. */
static void test_continues(void) {
    Setup s = create();
    applesim_set("continue=1");
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:s.fixture.queue];
    id<MTLCommandBuffer> before = [commands rootCommandBuffer];
    [s.executable encodeToCommandBuffer:commands
                            inputsArray:s.inputs
                           resultsArray:s.results
                    executionDescriptor:nil];
    CHECK([commands rootCommandBuffer] != before);
    CHECK([before status] == MTLCommandBufferStatusCommitted);
    [commands commit];
    [commands waitUntilCompleted];
    CHECK(all_are(s.buffers[2], 9));
    applesim_reset();
    destroy(&s);
}

/* A completion handler tells of a failure that neither the first nor the last command buffer knows.
 */
static void test_handler(int failing) {
    Setup s = create();
    char settings[64];
    __block _Atomic long told = -1;
    MPSGraphExecutableExecutionDescriptor *descriptor =
        [[[MPSGraphExecutableExecutionDescriptor alloc] init] autorelease];
    [descriptor setCompletionHandler:^(NSArray *results, NSError *error) {
      told = [error code];
    }];
    snprintf(settings, sizeof(settings), "continue=2,fail_at=%d,fail_code=9", failing);
    applesim_set(settings);
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:s.fixture.queue];
    id<MTLCommandBuffer> first = [commands rootCommandBuffer];
    [s.executable encodeToCommandBuffer:commands
                            inputsArray:s.inputs
                           resultsArray:s.results
                    executionDescriptor:descriptor];
    [commands commit];
    [commands waitUntilCompleted];
    CHECK([first status] == MTLCommandBufferStatusCompleted);
    CHECK([commands status] == MTLCommandBufferStatusCompleted);
    while (told == -1)
        sched_yield();
    CHECK(told == (failing == 2 ? MTLCommandBufferErrorInvalidResource : 0));
    applesim_reset();
    destroy(&s);
}

static void test_graphs_handler(void) {
    Fixture f = fixture_create();
    __block _Atomic long told = -1;
    float zeros[2] = {0, 0};
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2), zeros);
    MPSGraphTensor *y = [f.graph reLUWithTensor:x name:nil];
    MPSGraphExecutionDescriptor *descriptor =
        [[[MPSGraphExecutionDescriptor alloc] init] autorelease];
    [descriptor setCompletionHandler:^(NSDictionary *results, NSError *error) {
      told = [error code];
    }];
    applesim_set("fail_at=1,fail_with=interactivity");
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:f.queue];
    [f.graph encodeToCommandBuffer:commands
                             feeds:f.feeds
                     targetTensors:[NSArray arrayWithObject:y]
                  targetOperations:nil
               executionDescriptor:descriptor];
    [commands commit];
    [commands waitUntilCompleted];
    while (told == -1)
        sched_yield();
    CHECK(told == MTLCommandBufferErrorInternal);
    CHECK(
        [[[commands error] localizedDescription] hasPrefix:@"Impacting Interactivity (0000000e:"]);
    applesim_reset();
    fixture_destroy(&f);
}

/* (2, 3) · (3, 4) is 48 FLOP. */
static void test_watchdog(void) {
    Fixture f = fixture_create();
    float result[8];
    const int codes[] = {0, MTLCommandBufferErrorTimeout, MTLCommandBufferErrorInternal};
    const char *const settings[] = {"watchdog=48", "watchdog=47", "fail_with=interactivity"};
    MPSGraphTensor *a = fixture_feed(&f, SHAPE(2, 3), (float[6]){1});
    MPSGraphTensor *b = fixture_feed(&f, SHAPE(3, 4), (float[12]){1});
    MPSGraphTensor *c = [f.graph matrixMultiplicationWithPrimaryTensor:a
                                                       secondaryTensor:b
                                                                  name:nil];
    for (int i = 0; i < 3; i++) {
        applesim_set(settings[i]);
        MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:f.queue];
        [f.graph encodeToCommandBuffer:commands
                                 feeds:f.feeds
                         targetTensors:[NSArray arrayWithObject:c]
                      targetOperations:nil
                   executionDescriptor:nil];
        [commands commit];
        [commands waitUntilCompleted];
        CHECK([[commands error] code] == codes[i]);
    }
    applesim_reset();
    applesim_set("noise=0.5");
    fixture_run(&f, c, result);
    CHECK(result[0] == 1.5f);
    applesim_reset();
    fixture_destroy(&f);
}

static void test_compilation_fails(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(4), MPSDataTypeFloat32);
    MPSGraphTensor *y = [f.graph reLUWithTensor:x name:nil];
    NSDictionary *types = [NSDictionary dictionaryWithObject:four() forKey:x];
    NSArray *targets = [NSArray arrayWithObject:y];
    BOOL raised = NO;
    for (int i = 0; i < 3; i++) {
        applesim_set(i == 0 ? "fail_compile=nil" : i == 1 ? "fail_compile=exception" : "");
        @try {
            MPSGraphExecutable *executable = [f.graph compileWithDevice:nil
                                                                  feeds:types
                                                          targetTensors:targets
                                                       targetOperations:nil
                                                  compilationDescriptor:nil];
            CHECK((executable == nil) == (i == 0));
        } @catch (NSException *exception) {
            raised = YES;
            CHECK(i == 1);
        }
    }
    CHECK(raised);
    fixture_destroy(&f);
}

int main(void) {
    @autoreleasepool {
        test_results_come_with_waiting();
        test_status_ends();
        test_fresh_buffers_are_nan();
        test_in_order();
        test_run_and_new_results();
        test_graph_encodes();
        test_failures();
        test_continues();
        test_handler(9);
        test_handler(2);
        test_graphs_handler();
        test_watchdog();
        test_compilation_fails();
    }
    return 0;
}
