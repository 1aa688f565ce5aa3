/* queue.m: when command buffers are computed, and how they end. */
#import "queue.h"

#include <Block.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "accounting.h"
#include "strict.h"
#import "tensors.h"

#define MOST_PENDING 64 /* as Metal's queues have it */
#define POLLS        3  /* of the status, until it is computed without anybody waiting */

NSString *const MTLCommandBufferErrorDomain = @"MTLCommandBufferErrorDomain";

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- Runs ---- */

static SimBuffer *buffer_of(NSArray *data, NSUInteger i) {
    MPSGraphTensorData *one = [data objectAtIndex:i];
    return (SimBuffer *)one->_buffer;
}

static size_t bytes_of(NSArray *data, NSUInteger i) {
    MPSGraphTensorData *one = [data objectAtIndex:i];
    return sim_bytes(one->_type);
}

static size_t offset_of(NSArray *data, NSUInteger i) {
    MPSGraphTensorData *one = [data objectAtIndex:i];
    return one->_offset;
}

static void check_writer(SimBuffer *buffer, id queue) {
    if (buffer->_pendingWrites > 0 && buffer->_writer != queue)
        sim_abort("a buffer that a command buffer of another queue is still to write is used");
}

static void commit_run(SimRun *run, id queue) {
    NSUInteger inputs = [run->_inputs count];
    run->_hashes = sim_allocate(inputs * sizeof(*run->_hashes));
    for (NSUInteger i = 0; i < inputs; i++) {
        SimBuffer *buffer = buffer_of(run->_inputs, i);
        check_writer(buffer, queue);
        run->_hashes[i] =
            buffer->_pendingWrites > 0
                ? 0
                : sim_buffer_feed(buffer, offset_of(run->_inputs, i), bytes_of(run->_inputs, i));
    }
    for (NSUInteger i = 0; i < [run->_results count]; i++) {
        SimBuffer *buffer = buffer_of(run->_results, i);
        check_writer(buffer, queue);
        if (offset_of(run->_results, i) != 0)
            sim_abort("a result at an offset in a buffer is not simulated");
        sim_buffer_begin_write(buffer, bytes_of(run->_results, i), queue);
    }
    sim_counts()->graph_runs++;
}

static void check_inputs(SimRun *run) {
    for (NSUInteger i = 0; i < [run->_inputs count]; i++)
        if (run->_hashes[i] && run->_hashes[i] != sim_buffer_hash(buffer_of(run->_inputs, i),
                                                                  offset_of(run->_inputs, i),
                                                                  bytes_of(run->_inputs, i)))
            sim_abort("the host wrote to input %lu of a graph after it was committed, and before "
                      "it was done",
                      (unsigned long)i);
}

/* False: out of memory. */
static bool compute_run(SimRun *run) {
    NSUInteger inputs = [run->_inputs count];
    NSUInteger results = [run->_results count];
    const uint8_t **from = sim_allocate(inputs * sizeof(*from));
    uint8_t **to = sim_allocate(results * sizeof(*to));
    check_inputs(run);
    for (NSUInteger i = 0; i < inputs; i++)
        from[i] = sim_buffer_view(buffer_of(run->_inputs, i)) + offset_of(run->_inputs, i);
    for (NSUInteger i = 0; i < results; i++)
        to[i] = sim_buffer_view(buffer_of(run->_results, i));
    bool room = sim_program_run(run->_program, run->_compiled, from, to);
    free(from);
    free(to);
    return room;
}

/* ---- Completion handlers ---- */

#define HANDLER_DELAY 100000 /* nanoseconds: who does not wait for them is likely to miss them */

typedef struct Notice {
    SimHandler handler;
    NSError *error;
} Notice;

static SimHandler copy_handler(SimHandler handler) {
    return (SimHandler){handler.executable ? Block_copy(handler.executable) : NULL,
                        handler.graph ? Block_copy(handler.graph) : NULL};
}

static void release_handler(SimHandler handler) {
    if (handler.executable)
        Block_release(handler.executable);
    if (handler.graph)
        Block_release(handler.graph);
}

/* Results are not handed over: the program has their buffers. */
static void *give_notice(void *argument) {
    Notice *notice = argument;
    nanosleep(&(struct timespec){0, HANDLER_DELAY}, NULL);
    @autoreleasepool {
        if (notice->handler.executable)
            notice->handler.executable(nil, notice->error);
        if (notice->handler.graph)
            notice->handler.graph(nil, notice->error);
        release_handler(notice->handler);
        [notice->error release];
    }
    free(notice);
    return NULL;
}

static void call_handler(const SimRun *run, NSError *error) {
    bool wanted = run->_handler.executable || run->_handler.graph;
    pthread_t thread;
    if (!wanted || !sim_settings()->handlers)
        return;
    Notice *notice = sim_allocate(sizeof(*notice));
    *notice = (Notice){copy_handler(run->_handler), [error retain]};
    if (pthread_create(&thread, NULL, give_notice, notice) != 0)
        sim_abort("no thread for a completion handler");
    pthread_detach(thread);
}

static void end_run(SimRun *run, bool failed) {
    for (NSUInteger i = 0; i < [run->_results count]; i++)
        sim_buffer_end_write(buffer_of(run->_results, i), bytes_of(run->_results, i), failed);
}

@implementation SimRun

- (id)initWithProgram:(SimProgram *)program
             compiled:(BOOL)compiled
               inputs:(NSArray *)inputs
              results:(NSArray *)results
              handler:(SimHandler)handler {
    self = [super init];
    if (!self)
        return nil;
    _program = [program retain];
    _compiled = compiled;
    _inputs = [inputs retain];
    _results = [results retain];
    _handler = copy_handler(handler);
    return self;
}

- (void)dealloc {
    [_program release];
    [_inputs release];
    [_results release];
    release_handler(_handler);
    free(_hashes);
    [super dealloc];
}

@end

/* ---- Command buffers ---- */

static NSString *error_text(int code) {
    switch (code) {
    case MTLCommandBufferErrorOutOfMemory:
        return @"Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)";
    case MTLCommandBufferErrorTimeout:
        return @"Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)";
    case MTLCommandBufferErrorPageFault:
        return @"Caused GPU Address Fault Error";
    case MTLCommandBufferErrorAccessRevoked:
        return @"GPU Access Revoked";
    case MTLCommandBufferErrorNotPermitted:
        return @"Insufficient Permission (to submit GPU work from background)";
    case MTLCommandBufferErrorInvalidResource:
        return @"Invalid Resource";
    case MTLCommandBufferErrorDeviceRemoved:
        return @"GPU Device Removed";
    case SIM_FAIL_INTERACTIVITY:
        return @"Impacting Interactivity "
                "(0000000e:kIOGPUCommandBufferCallbackErrorImpactingInteractivity)";
    case SIM_FAIL_IGNORED:
        return @"Ignored (for causing prior/excessive GPU errors) "
                "(00000004:kIOGPUCommandBufferCallbackErrorSubmissionsIgnored)";
    default:
        return @"Internal Error";
    }
}

/* Metal has no code for the first of the two, and only this one for the second. */
static NSInteger metal_code(int code) {
    if (code == SIM_FAIL_INTERACTIVITY)
        return MTLCommandBufferErrorInternal;
    if (code == SIM_FAIL_IGNORED)
        return MTLCommandBufferErrorAccessRevoked;
    return code;
}

static NSError *command_error(int code) {
    NSDictionary *info = [NSDictionary dictionaryWithObject:error_text(code)
                                                     forKey:NSLocalizedDescriptionKey];
    return [NSError errorWithDomain:MTLCommandBufferErrorDomain
                               code:metal_code(code)
                           userInfo:info];
}

static int64_t flops_of(const SimCommandBuffer *commands) {
    int64_t flops = 0;
    for (SimRun *run in commands->_runs)
        flops += run->_program->_flops;
    return flops;
}

/* Counts down to 0; whether it just came there. */
static bool is_due(int64_t *countdown) {
    return *countdown > 0 && --*countdown == 0;
}

static void execute(SimCommandBuffer *commands) {
    SimSettings *settings = sim_settings();
    int code = commands->_failCode;
    if (is_due(&settings->assert_at))
        sim_abort("failed assertion `told_not_to', as it was told to");
    while (is_due(&settings->hang_at) || settings->hang_at < 0) {
        settings->hang_at = -1;
        pause();
    }
    if (settings->watchdog > 0 && flops_of(commands) > settings->watchdog)
        code = settings->fail_code == SIM_FAIL_INTERACTIVITY ? SIM_FAIL_INTERACTIVITY
                                                             : MTLCommandBufferErrorTimeout;
    commands->_start = seconds_now();
    for (SimRun *run in commands->_runs) {
        if (code == 0 && !compute_run(run))
            code = MTLCommandBufferErrorOutOfMemory;
        end_run(run, code != 0);
    }
    commands->_end = seconds_now();
    commands->_error = code ? [command_error(code) retain] : nil;
    for (SimRun *run in commands->_runs)
        call_handler(run, commands->_error);
    commands->_status = code ? MTLCommandBufferStatusError : MTLCommandBufferStatusCompleted;
    [commands->_runs removeAllObjects];
    sim_count_pending(-1);
}

/* All that was committed up to that command buffer. */
static void execute_until(SimCommandQueue *queue, SimCommandBuffer *last) {
    while (last->_status < MTLCommandBufferStatusCompleted) {
        SimCommandBuffer *first = [[queue->_pending objectAtIndex:0] retain];
        [queue->_pending removeObjectAtIndex:0];
        execute(first);
        [first release];
    }
}

/* What this command buffer is to fail with. */
static int next_failure(void) {
    SimSettings *settings = sim_settings();
    if (settings->fail_at == 0 || --settings->fail_at > 0)
        return 0;
    return settings->fail_code;
}

SimCommandBuffer *sim_command_buffer(id commands) {
    if ([commands isKindOfClass:[MPSCommandBuffer class]])
        return (SimCommandBuffer *)[(MPSCommandBuffer *)commands rootCommandBuffer];
    sim_abort("graphs are encoded to a MPSCommandBuffer, not to %s",
              commands ? [NSStringFromClass([commands class]) UTF8String] : "nil");
}

@implementation SimCommandBuffer

@synthesize label = _label;

- (id)initWithQueue:(SimCommandQueue *)queue {
    self = [super init];
    if (!self)
        return nil;
    _queue = [queue retain];
    _runs = [[NSMutableArray alloc] init];
    return self;
}

- (void)dealloc {
    [_queue release];
    [_runs release];
    [_error release];
    [_label release];
    [super dealloc];
}

- (id<MTLDevice>)device {
    return [_queue device];
}

- (id<MTLCommandQueue>)commandQueue {
    return _queue;
}

- (void)encode:(SimRun *)run {
    if (_status >= MTLCommandBufferStatusCommitted)
        sim_abort("a graph is encoded to a command buffer that was committed before");
    [_runs addObject:run];
}

- (void)commit {
    sim_lock();
    if (_status >= MTLCommandBufferStatusCommitted)
        sim_abort("a command buffer is committed twice");
    _status = MTLCommandBufferStatusCommitted;
    _failCode = next_failure();
    for (SimRun *run in _runs)
        commit_run(run, _queue);
    [_queue->_pending addObject:self];
    sim_counts()->command_buffers++;
    sim_count_pending(1);
    sim_unlock();
}

- (void)waitUntilCompleted {
    sim_lock();
    if (_status < MTLCommandBufferStatusCommitted)
        sim_abort("waitUntilCompleted of a command buffer that was not committed");
    execute_until(_queue, self);
    sim_unlock();
}

- (MTLCommandBufferStatus)status {
    sim_lock();
    if (_status == MTLCommandBufferStatusCommitted && ++_polls >= POLLS)
        execute_until(_queue, self);
    MTLCommandBufferStatus status = _status;
    sim_unlock();
    return status;
}

- (NSError *)error {
    return _error;
}

- (CFTimeInterval)GPUStartTime {
    return _start;
}

- (CFTimeInterval)GPUEndTime {
    return _end;
}

@end

/* ---- Queues ---- */

@implementation SimCommandQueue

@synthesize label = _label;

- (id)init {
    self = [super init];
    if (self)
        _pending = [[NSMutableArray alloc] init];
    return self;
}

- (void)dealloc {
    [_pending release];
    [_label release];
    [super dealloc];
}

- (id<MTLDevice>)device {
    return [MTLCreateSystemDefaultDevice() autorelease];
}

- (id<MTLCommandBuffer>)commandBuffer {
    sim_lock();
    if ([_pending count] >= MOST_PENDING)
        execute_until(self, [_pending objectAtIndex:0]);
    sim_unlock();
    return [[[SimCommandBuffer alloc] initWithQueue:self] autorelease];
}

@end

@implementation MPSCommandBuffer

SIM_TRACKED_WITH([_original release];[_root release])

+ (instancetype)commandBufferFromCommandQueue:(id<MTLCommandQueue>)queue {
    if (!queue)
        sim_abort("commandBufferFromCommandQueue: nil");
    return [self commandBufferWithCommandBuffer:[queue commandBuffer]];
}

+ (instancetype)commandBufferWithCommandBuffer:(id<MTLCommandBuffer>)commands {
    return [[[self alloc] initWithCommandBuffer:commands] autorelease];
}

- (instancetype)initWithCommandBuffer:(id<MTLCommandBuffer>)commands {
    self = [super init];
    if (!self)
        return nil;
    if (![(id)commands isKindOfClass:[SimCommandBuffer class]])
        sim_abort("a MPSCommandBuffer of what is no command buffer");
    _original = [commands retain];
    _root = [commands retain];
    return self;
}

- (id<MTLCommandBuffer>)commandBuffer {
    return _original;
}

- (id<MTLCommandBuffer>)rootCommandBuffer {
    return _root;
}

- (id<MTLDevice>)device {
    return [_root device];
}

- (id<MTLCommandQueue>)commandQueue {
    return [_root commandQueue];
}

- (void)commit {
    [_root commit];
}

- (void)waitUntilCompleted {
    [_root waitUntilCompleted];
}

- (MTLCommandBufferStatus)status {
    return [_root status];
}

- (NSError *)error {
    return [_root error];
}

- (CFTimeInterval)GPUStartTime {
    return [_root GPUStartTime];
}

- (CFTimeInterval)GPUEndTime {
    return [_root GPUEndTime];
}

- (NSString *)label {
    return [_root label];
}

- (void)setLabel:(NSString *)label {
    [_root setLabel:label];
}

@end
