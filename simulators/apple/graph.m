/* graph.m: graphs, and running them without compiling. */
#import "graph.h"

#include <stdlib.h>

#include "accounting.h"
#import "executable.h"
#import "program.h"
#import "queue.h"
#include "strict.h"
#import "tensors.h"

@implementation MPSGraphTensor

@synthesize operation = _operation;
@synthesize shape = _shape;
@synthesize dataType = _dataType;

- (id)copyWithZone:(NSZone *)zone {
    (void)zone;
    return [self retain];
}

- (void)dealloc {
    [_shape release];
    [super dealloc];
}

@end

@implementation MPSGraphOperation

@synthesize graph = _graph;
@synthesize name = _name;

- (NSArray *)inputTensors {
    return [NSArray arrayWithObjects:_inputs count:(NSUInteger)_inputCount];
}

- (NSArray *)outputTensors {
    return [NSArray arrayWithObject:_result];
}

- (id)copyWithZone:(NSZone *)zone {
    (void)zone;
    return [self retain];
}

- (void)dealloc {
    if (_op->kind == SIM_CONSTANT)
        free(_op->as.constant);
    free(_op);
    free(_inputs);
    [_result release];
    [_name release];
    [super dealloc];
}

@end

const SimType *sim_operand(MPSGraph *graph, MPSGraphTensor *tensor, const char *what) {
    if (!tensor)
        sim_abort("%s: an operand is nil", what);
    if (![tensor isKindOfClass:[MPSGraphTensor class]])
        sim_abort("%s: an operand is no tensor", what);
    if (tensor->_operation->_graph != graph)
        sim_abort("%s: an operand is a tensor of another graph", what);
    return &tensor->_operation->_op->type;
}

static MPSGraphTensor *new_tensor(MPSGraphOperation *operation) {
    MPSGraphTensor *tensor = [[MPSGraphTensor alloc] init];
    tensor->_operation = operation;
    tensor->_shape = [sim_shape(&operation->_op->type) copy];
    tensor->_dataType = sim_data_type(operation->_op->type.element);
    return tensor;
}

MPSGraphTensor *sim_add(MPSGraph *graph, const char *what, const SimOp *op, int count,
                        MPSGraphTensor *const *inputs, NSString *name) {
    const SimType **types = sim_allocate((size_t)count * sizeof(*types));
    MPSGraphOperation *operation = [[MPSGraphOperation alloc] init];
    for (int i = 0; i < count; i++)
        types[i] = sim_operand(graph, inputs[i], what);
    operation->_op = sim_allocate(sizeof(*op));
    *operation->_op = *op;
    sim_infer(operation->_op, what, types, count);
    operation->_inputs = sim_allocate((size_t)count * sizeof(*inputs));
    for (int i = 0; i < count; i++)
        operation->_inputs[i] = inputs[i];
    operation->_inputCount = count;
    operation->_graph = graph;
    operation->_name = [(name ? name : [NSString stringWithUTF8String:what]) copy];
    operation->_result = new_tensor(operation);
    [graph->_operations addObject:operation];
    [operation release];
    free(types);
    return operation->_result;
}

/* ---- Running ---- */

/* A program for feeds in the dictionary's order, and their data in the same order. */
static SimProgram *program_for(MPSGraph *graph, NSDictionary *feeds, NSArray *targets,
                               NSMutableArray *inputs) {
    NSArray *tensors = [feeds allKeys];
    SimProgram *program = [[SimProgram alloc] initWithGraph:graph feeds:tensors targets:targets];
    for (MPSGraphTensor *tensor in tensors) {
        id data = [feeds objectForKey:tensor];
        sim_check_data(data, sim_operand(graph, tensor, "feeds"), "a feed");
        [inputs addObject:data];
    }
    return [program autorelease];
}

static void check_operations(NSArray *operations) {
    if ([operations count] > 0)
        sim_abort("target operations are not simulated");
}

static void encode(MPSGraph *graph, id commands, NSDictionary *feeds, NSArray *targets,
                   NSArray *results, MPSGraphExecutionDescriptor *descriptor) {
    NSMutableArray *inputs = [NSMutableArray array];
    SimProgram *program = program_for(graph, feeds, targets, inputs);
    sim_encode(commands, program, NO, inputs, results,
               (SimHandler){.graph = [descriptor completionHandler]});
}

/* Results that are given, checked, in the order of targets. */
static NSArray *given_results(MPSGraph *graph, NSDictionary *dictionary, NSArray *targets) {
    NSMutableArray *results = [NSMutableArray array];
    for (MPSGraphTensor *target in targets) {
        id data = [dictionary objectForKey:target];
        sim_check_data(data, sim_operand(graph, target, "results"), "a result");
        [results addObject:data];
    }
    return results;
}

static NSArray *new_results(MPSGraph *graph, NSArray *targets) {
    NSMutableArray *results = [NSMutableArray array];
    for (MPSGraphTensor *target in targets)
        [results addObject:sim_new_result(sim_operand(graph, target, "targets"))];
    return results;
}

static void check_waiting(BOOL waits) {
    if (waits)
        sim_abort("encodeToCommandBuffer: waitUntilCompleted of what is not committed");
}

@implementation MPSGraph

- (instancetype)init {
    self = [super init];
    if (!self)
        return nil;
    _operations = [[NSMutableArray alloc] init];
    _placeholders = [[NSMutableArray alloc] init];
    return self;
}

- (void)dealloc {
    [_placeholders release];
    [_operations release];
    [super dealloc];
}

- (NSArray *)placeholderTensors {
    return [[_placeholders copy] autorelease];
}

- (MPSGraphExecutable *)compileWithDevice:(MPSGraphDevice *)device
                                    feeds:(MPSGraphTensorShapedTypeDictionary *)feeds
                            targetTensors:(NSArray *)targetTensors
                         targetOperations:(NSArray *)targetOperations
                    compilationDescriptor:(MPSGraphCompilationDescriptor *)compilationDescriptor {
    (void)device;
    (void)compilationDescriptor;
    check_operations(targetOperations);
    return sim_compile(self, feeds, targetTensors);
}

- (MPSGraphTensorDataDictionary *)runWithMTLCommandQueue:(id<MTLCommandQueue>)commandQueue
                                                   feeds:(MPSGraphTensorDataDictionary *)feeds
                                           targetTensors:(NSArray *)targetTensors
                                        targetOperations:(NSArray *)targetOperations {
    NSArray *results = new_results(self, targetTensors);
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:commandQueue];
    check_operations(targetOperations);
    encode(self, commands, feeds, targetTensors, results, nil);
    [commands commit];
    [commands waitUntilCompleted];
    return [NSDictionary dictionaryWithObjects:results forKeys:targetTensors];
}

- (void)runWithMTLCommandQueue:(id<MTLCommandQueue>)commandQueue
                         feeds:(MPSGraphTensorDataDictionary *)feeds
              targetOperations:(NSArray *)targetOperations
             resultsDictionary:(MPSGraphTensorDataDictionary *)resultsDictionary {
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:commandQueue];
    [self encodeToCommandBuffer:commands
                          feeds:feeds
               targetOperations:targetOperations
              resultsDictionary:resultsDictionary
            executionDescriptor:nil];
    [commands commit];
    [commands waitUntilCompleted];
}

- (MPSGraphTensorDataDictionary *)encodeToCommandBuffer:(MPSCommandBuffer *)commandBuffer
                                                  feeds:(MPSGraphTensorDataDictionary *)feeds
                                          targetTensors:(NSArray *)targetTensors
                                       targetOperations:(NSArray *)targetOperations
                                    executionDescriptor:
                                        (MPSGraphExecutionDescriptor *)executionDescriptor {
    NSArray *results = new_results(self, targetTensors);
    check_operations(targetOperations);
    check_waiting([executionDescriptor waitUntilCompleted]);
    encode(self, commandBuffer, feeds, targetTensors, results, executionDescriptor);
    return [NSDictionary dictionaryWithObjects:results forKeys:targetTensors];
}

- (void)encodeToCommandBuffer:(MPSCommandBuffer *)commandBuffer
                        feeds:(MPSGraphTensorDataDictionary *)feeds
             targetOperations:(NSArray *)targetOperations
            resultsDictionary:(MPSGraphTensorDataDictionary *)resultsDictionary
          executionDescriptor:(MPSGraphExecutionDescriptor *)executionDescriptor {
    NSArray *targets = [resultsDictionary allKeys];
    check_operations(targetOperations);
    check_waiting([executionDescriptor waitUntilCompleted]);
    encode(self, commandBuffer, feeds, targets, given_results(self, resultsDictionary, targets),
           executionDescriptor);
}

@end
