/* executable.m: executables, and what encoding them does. */
#import "executable.h"

#include "accounting.h"
#import "graph.h"
#import "queue.h"
#include "settings.h"
#include "strict.h"
#import "tensors.h"

/* Whether the next compilation fails by nil; it may raise. */
static bool compilation_fails(void) {
    SimCompileFailure failure = sim_settings()->fail_compile;
    sim_settings()->fail_compile = SIM_COMPILE_WORKS;
    if (failure == SIM_COMPILE_RAISES)
        [NSException raise:NSInternalInconsistencyException
                    format:@"MPSGraph: failed to compile the graph, as it was told to"];
    return failure == SIM_COMPILE_GIVES_NIL;
}

static void check_type(MPSGraphTensor *tensor, id type) {
    if (![type isKindOfClass:[MPSGraphShapedType class]])
        sim_abort("the type of feed '%s' is no MPSGraphShapedType",
                  [tensor->_operation->_name UTF8String]);
    const SimType *own = &tensor->_operation->_op->type;
    SimType given = sim_type_of([type shape], [(MPSGraphShapedType *)type dataType], "compile");
    if (!sim_types_equal(&given, own))
        sim_abort("feed '%s' is %s, and its placeholder %s", [tensor->_operation->_name UTF8String],
                  sim_type_text(&given), sim_type_text(own));
}

/* Last placeholder first: a program that relies on an order of its own fails. */
static NSArray *feed_order(MPSGraph *graph, NSDictionary *feeds) {
    NSMutableArray *order = [NSMutableArray array];
    for (MPSGraphTensor *placeholder in [graph->_placeholders reverseObjectEnumerator])
        if ([feeds objectForKey:placeholder])
            [order addObject:placeholder];
    if ([order count] != [feeds count])
        sim_abort("a feed is no placeholder of the graph");
    return order;
}

MPSGraphExecutable *sim_compile(MPSGraph *graph, NSDictionary *feeds, NSArray *targets) {
    NSArray *order = feed_order(graph, feeds);
    for (MPSGraphTensor *tensor in order)
        check_type(tensor, [feeds objectForKey:tensor]);
    if (compilation_fails())
        return nil;
    SimProgram *program = [[SimProgram alloc] initWithGraph:graph feeds:order targets:targets];
    MPSGraphExecutable *executable = nil;
    if ([program takeConstants]) {
        executable = [[[MPSGraphExecutable alloc] init] autorelease];
        executable->_program = [program retain];
    }
    [program release];
    sim_lock();
    sim_counts()->compilations++;
    sim_unlock();
    return executable;
}

/* As MPSGraph may: what was encoded is committed, and more goes to another command buffer. */
static void continue_elsewhere(MPSCommandBuffer *commands) {
    id<MTLCommandQueue> queue = [commands->_root commandQueue];
    [commands->_root commit];
    [commands->_root release];
    commands->_root = [[queue commandBuffer] retain];
}

void sim_encode(id commands, SimProgram *program, BOOL compiled, NSArray *inputs, NSArray *results,
                SimHandler handler) {
    if (sim_settings()->continues > 1)
        continue_elsewhere(commands);
    SimCommandBuffer *buffer = sim_command_buffer(commands);
    SimRun *run = [[SimRun alloc] initWithProgram:program
                                         compiled:compiled
                                           inputs:inputs
                                          results:results
                                          handler:handler];
    [buffer encode:run];
    [run release];
    if (sim_settings()->continues > 0)
        continue_elsewhere(commands);
}

static void check_list(NSArray *data, NSArray *tensors, const char *what) {
    if ([data count] != [tensors count])
        sim_abort("%lu %ss for an executable that has %lu", (unsigned long)[data count], what,
                  (unsigned long)[tensors count]);
    for (NSUInteger i = 0; i < [data count]; i++) {
        MPSGraphTensor *tensor = [tensors objectAtIndex:i];
        char name[64];
        snprintf(name, sizeof(name), "%s %lu of an executable", what, (unsigned long)i);
        sim_check_data([data objectAtIndex:i], &tensor -> _operation -> _op -> type, name);
    }
}

@implementation MPSGraphExecutable

- (void)dealloc {
    [_program release];
    [super dealloc];
}

- (NSArray *)feedTensors {
    return ((SimProgram *)_program)->_feeds;
}

- (NSArray *)targetTensors {
    return ((SimProgram *)_program)->_targets;
}

- (void)specializeWithDevice:(MPSGraphDevice *)device
                  inputTypes:(NSArray *)inputTypes
       compilationDescriptor:(MPSGraphCompilationDescriptor *)compilationDescriptor {
    NSArray *feeds = [self feedTensors];
    (void)device;
    (void)compilationDescriptor;
    if ([inputTypes count] != [feeds count])
        sim_abort("specializeWithDevice: %lu types for %lu feeds",
                  (unsigned long)[inputTypes count], (unsigned long)[feeds count]);
    for (NSUInteger i = 0; i < [feeds count]; i++)
        check_type([feeds objectAtIndex:i], [inputTypes objectAtIndex:i]);
    compilation_fails();
    sim_lock();
    sim_counts()->compilations++;
    sim_unlock();
}

- (NSArray *)encode:(MPSCommandBuffer *)commands
             inputs:(NSArray *)inputs
            results:(NSArray *)results
         descriptor:(MPSGraphExecutableExecutionDescriptor *)descriptor {
    NSArray *targets = [self targetTensors];
    check_list(inputs, [self feedTensors], "input");
    if (!results) {
        NSMutableArray *made = [NSMutableArray array];
        for (MPSGraphTensor *target in targets)
            [made addObject:sim_new_result(&target->_operation->_op->type)];
        results = made;
    }
    check_list(results, targets, "result");
    sim_encode(commands, _program, YES, inputs, results,
               (SimHandler){.executable = [descriptor completionHandler]});
    return results;
}

- (NSArray *)encodeToCommandBuffer:(MPSCommandBuffer *)commandBuffer
                       inputsArray:(NSArray *)inputsArray
                      resultsArray:(NSArray *)resultsArray
               executionDescriptor:(MPSGraphExecutableExecutionDescriptor *)executionDescriptor {
    if ([executionDescriptor waitUntilCompleted])
        sim_abort("encodeToCommandBuffer: waitUntilCompleted of what is not committed");
    return [self encode:commandBuffer
                 inputs:inputsArray
                results:resultsArray
             descriptor:executionDescriptor];
}

- (NSArray *)runAsyncWithMTLCommandQueue:(id<MTLCommandQueue>)commandQueue
                             inputsArray:(NSArray *)inputsArray
                            resultsArray:(NSArray *)resultsArray
                     executionDescriptor:
                         (MPSGraphExecutableExecutionDescriptor *)executionDescriptor {
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:commandQueue];
    NSArray *results = [self encode:commands
                             inputs:inputsArray
                            results:resultsArray
                         descriptor:executionDescriptor];
    [commands commit];
    if ([executionDescriptor waitUntilCompleted])
        [commands waitUntilCompleted];
    return results;
}

- (NSArray *)runWithMTLCommandQueue:(id<MTLCommandQueue>)commandQueue
                        inputsArray:(NSArray *)inputsArray
                       resultsArray:(NSArray *)resultsArray
                executionDescriptor:(MPSGraphExecutableExecutionDescriptor *)executionDescriptor {
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:commandQueue];
    NSArray *results = [self encode:commands
                             inputs:inputsArray
                            results:resultsArray
                         descriptor:executionDescriptor];
    [commands commit];
    [commands waitUntilCompleted];
    return results;
}

@end
