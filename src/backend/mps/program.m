/* program.m: the whole network, from waveform to stems, as one compiled MPSGraph. */
#include <stdlib.h>

#include "backend/mps/executable.h"

static MPSGraphTensorData *tensor_data(id<MTLBuffer> buffer, NSArray *shape) {
    MPSGraphTensorData *data = [[MPSGraphTensorData alloc] initWithMTLBuffer:buffer
                                                                       shape:shape
                                                                    dataType:MPSDataTypeFloat32];
    return [data autorelease];
}

/* The network's output; its input becomes a placeholder, fed from the executable's buffer. */
static MPSGraphTensor *build_network(OpBuilder *builder, const MpsExecutable *executable) {
    const Graph *network = &executable->network;
    MPSGraphTensor **values = calloc((size_t)network->count, sizeof(*values));
    if (!values)
        return nil;
    for (int i = 0; i < network->count; i++) {
        const Node *node = &network->nodes[i];
        if (node->op == OP_INPUT) {
            values[i] = op_placeholder(builder, i);
            [builder->feeds setObject:tensor_data(executable->input, op_shape(builder, i))
                               forKey:values[i]];
            continue;
        }
        values[i] = op_build(builder, i, values[node->inputs[0]],
                             node->input_count > 1 ? values[node->inputs[1]] : nil);
    }
    MPSGraphTensor *output = values[network->count - 1];
    free(values);
    return output;
}

/* Layouts of data in the order in which the executable asks for them. */
static NSArray *in_order(const OpBuilder *builder, NSArray *tensors) {
    NSMutableArray *ordered = [NSMutableArray arrayWithCapacity:[tensors count]];
    for (MPSGraphTensor *tensor in tensors)
        [ordered addObject:[builder->feeds objectForKey:tensor]];
    return ordered;
}

static cleave_status compile(MpsExecutable *executable, OpBuilder *builder, MpsProgram *program,
                             cleave_error *error) {
    MPSGraphTensor *output = build_network(builder, executable);
    if (!output)
        return error_memory(error, "the network's graph", sizeof(output));
    MPSGraphCompilationDescriptor *descriptor =
        [[[MPSGraphCompilationDescriptor alloc] init] autorelease];
    [descriptor setOptimizationLevel:MPSGraphOptimizationLevel1];
    MPSGraphExecutable *compiled = [builder->graph
            compileWithDevice:[MPSGraphDevice deviceWithMTLDevice:executable->device->device]
                        feeds:builder->types
                targetTensors:[NSArray arrayWithObject:output]
             targetOperations:nil
        compilationDescriptor:descriptor];
    if (!compiled)
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "mps: MPSGraph did not compile the network at batch %d; try --no-compile",
                         builder->batch);
    int last = executable->network.count - 1;
    program->inputs = [in_order(builder, [compiled feedTensors]) retain];
    program->outputs =
        [[NSArray arrayWithObject:tensor_data(executable->output, op_shape(builder, last))] retain];
    program->executable = [compiled retain];
    return CLEAVE_OK;
}

cleave_status program_compile(MpsExecutable *executable, int batch, cleave_error *error) {
    MpsProgram *program = &executable->programs[batch - 1];
    OpBuilder builder = {.network = &executable->network,
                         .parameters = &executable->parameters,
                         .batch = batch,
                         .precision = executable->precision};
    cleave_status status = CLEAVE_OK;
    if (program->executable)
        return CLEAVE_OK;
    @autoreleasepool {
        op_builder_begin(&builder);
        @try {
            status = compile(executable, &builder, program, error);
        } @catch (NSException *exception) {
            status = exception_error(exception, "compiling the network", error);
        }
        op_builder_end(&builder);
    }
    if (status != CLEAVE_OK)
        program_free(program);
    return status;
}

void program_free(MpsProgram *program) {
    [program->executable release];
    [program->inputs release];
    [program->outputs release];
    *program = (MpsProgram){0};
}

static cleave_status encode_and_wait(const MpsExecutable *executable, const MpsProgram *program,
                                     cleave_error *error) {
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:executable->queue];
    [program->executable encodeToCommandBuffer:commands
                                   inputsArray:program->inputs
                                  resultsArray:program->outputs
                           executionDescriptor:nil];
    return commands_finish(commands, "running the network", error);
}

cleave_status program_run(MpsExecutable *executable, int batch, cleave_error *error) {
    const MpsProgram *program = &executable->programs[batch - 1];
    cleave_status status = CLEAVE_OK;
    @autoreleasepool {
        @try {
            status = encode_and_wait(executable, program, error);
        } @catch (NSException *exception) {
            status = exception_error(exception, "running the network", error);
        }
    }
    return status;
}
