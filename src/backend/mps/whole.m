/* whole.m: the whole network, from waveform to stems, as one compiled MPSGraph. */
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

static cleave_status compile(MpsExecutable *executable, OpBuilder *builder, MpsWhole *whole,
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
        return error_set(error, CLEAVE_ERROR_DEVICE, "MPSGraph gave nothing back at batch %d",
                         builder->batch);
    int last = executable->network.count - 1;
    whole->inputs = [in_order(builder, [compiled feedTensors]) retain];
    whole->outputs =
        [[NSArray arrayWithObject:tensor_data(executable->output, op_shape(builder, last))] retain];
    whole->executable = [compiled retain];
    return CLEAVE_OK;
}

cleave_status whole_compile(MpsExecutable *executable, int batch, cleave_error *error) {
    MpsWhole *whole = &executable->wholes[batch - 1];
    OpBuilder builder = {.network = &executable->network,
                         .parameters = &executable->parameters,
                         .batch = batch,
                         .precision = executable->precision};
    cleave_status status = CLEAVE_OK;
    if (whole->executable)
        return CLEAVE_OK;
    @autoreleasepool {
        op_builder_begin(&builder);
        @try {
            status = compile(executable, &builder, whole, error);
        } @catch (NSException *exception) {
            status = exception_error(exception, "MPSGraph", error);
        }
        op_builder_end(&builder);
    }
    if (status != CLEAVE_OK)
        whole_free(whole);
    return status;
}

void whole_free(MpsWhole *whole) {
    [whole->executable release];
    [whole->inputs release];
    [whole->outputs release];
    *whole = (MpsWhole){0};
}

static cleave_status encode_and_wait(MpsExecutable *executable, int batch, const MpsWhole *whole,
                                     cleave_error *error) {
    double begin = profile_clock(executable->profiling.profile);
    double seconds = 0;
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:executable->queue];
    [whole->executable encodeToCommandBuffer:commands
                                 inputsArray:whole->inputs
                                resultsArray:whole->outputs
                         executionDescriptor:nil];
    cleave_status status =
        commands_finish(commands, "the network", &seconds, &executable->head.failure, error);
    if (status == CLEAVE_OK)
        mps_profiling_ran(&executable->profiling, 0, seconds, begin, batch);
    return status;
}

cleave_status whole_run(MpsExecutable *executable, int batch, cleave_error *error) {
    const MpsWhole *whole = &executable->wholes[batch - 1];
    cleave_status status = CLEAVE_OK;
    @autoreleasepool {
        @try {
            status = encode_and_wait(executable, batch, whole, error);
        } @catch (NSException *exception) {
            status = exception_error(exception, "the network", error);
        }
    }
    return status;
}
