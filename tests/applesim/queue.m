/* queue.m: see queue.h. */
#import "queue.h"

#include <stdlib.h>
#include <time.h>

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
            buffer->_pendingWrites > 0 ? 0 : sim_buffer_feed(buffer, bytes_of(run->_inputs, i));
    }
    for (NSUInteger i = 0; i < [run->_results count]; i++) {
        SimBuffer *buffer = buffer_of(run->_results, i);
        check_writer(buffer, queue);
        sim_buffer_begin_write(buffer, bytes_of(run->_results, i), queue);
    }
    sim_counts()->graph_runs++;
}

static void check_inputs(SimRun *run) {
    for (NSUInteger i = 0; i < [run->_inputs count]; i++)
        if (run->_hashes[i] && run->_hashes[i] != sim_buffer_hash(buffer_of(run->_inputs, i),
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
        from[i] = sim_buffer_view(buffer_of(run->_inputs, i));
    for (NSUInteger i = 0; i < results; i++)
        to[i] = sim_buffer_view(buffer_of(run->_results, i));
    bool room = sim_program_run(run->_program, run->_compiled, from, to);
    free(from);
    free(to);
    return room;
}

static void end_run(SimRun *run, bool failed) {
    for (NSUInteger i = 0; i < [run->_results count]; i++)
        sim_buffer_end_write(buffer_of(run->_results, i), bytes_of(run->_results, i), failed);
}

@implementation SimRun

- (id)initWithProgram:(SimProgram *)program
             compiled:(BOOL)compiled
               inputs:(NSArray *)inputs
              results:(NSArray *)results {
    self = [super init];
    if (!self)
        return nil;
    _program = [program retain];
    _compiled = compiled;
    _inputs = [inputs retain];
    _results = [results retain];
    return self;
}

- (void)dealloc {
    [_program release];
    [_inputs release];
    [_results release];
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
    default:
        return @"Internal Error";
    }
}

static NSError *command_error(int code) {
    NSDictionary *info = [NSDictionary dictionaryWithObject:error_text(code)
                                                     forKey:NSLocalizedDescriptionKey];
    return [NSError errorWithDomain:MTLCommandBufferErrorDomain code:code userInfo:info];
}

static void execute(SimCommandBuffer *commands) {
    int code = commands->_failCode;
    commands->_start = seconds_now();
    for (SimRun *run in commands->_runs) {
        if (code == 0 && !compute_run(run))
            code = MTLCommandBufferErrorOutOfMemory;
        end_run(run, code != 0);
    }
    commands->_end = seconds_now();
    commands->_error = code ? [command_error(code) retain] : nil;
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
