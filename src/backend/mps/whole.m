/* whole.m: the whole network, from waveform to stems, as one compiled MPSGraph. */
#include <stdlib.h>
#include <string.h>

#include "backend/mps/executable.h"

static MPSGraphTensorData *tensor_data(id<MTLBuffer> buffer, NSArray *shape) {
    MPSGraphTensorData *data = [[MPSGraphTensorData alloc] initWithMTLBuffer:buffer
                                                                       shape:shape
                                                                    dataType:MPSDataTypeFloat32];
    return [data autorelease];
}

/* The network's output; its input becomes the placeholder *input. */
static MPSGraphTensor *build_network(OpBuilder *builder, MPSGraphTensor **input) {
    const Graph *network = builder->network;
    MPSGraphTensor **values = calloc((size_t)network->count, sizeof(*values));
    if (!values)
        return nil;
    for (int i = 0; i < network->count; i++) {
        const Node *node = &network->nodes[i];
        if (node->op == OP_INPUT) {
            *input = values[i] = op_placeholder(builder, i);
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

/* What each flight feeds and gets. */
static void bind_flights(const MpsExecutable *executable, OpBuilder *builder, MPSGraphTensor *input,
                         MpsWhole *whole) {
    NSArray *in = op_shape(builder, 0);
    NSArray *out = op_shape(builder, executable->network.count - 1);
    for (int i = 0; i < MPS_DEPTH; i++) {
        const MpsFlight *flight = &executable->flights[i];
        [builder->feeds setObject:tensor_data(flight->input, in) forKey:input];
        whole->inputs[i] = [in_order(builder, [whole->executable feedTensors]) retain];
        whole->outputs[i] = [[NSArray arrayWithObject:tensor_data(flight->output, out)] retain];
    }
}

static cleave_status compile(MpsExecutable *executable, OpBuilder *builder, MpsWhole *whole,
                             cleave_error *error) {
    MPSGraphTensor *input = nil;
    MPSGraphTensor *output = build_network(builder, &input);
    if (!output)
        return error_memory(error, "the network's graph", sizeof(output));
    MPSGraphExecutable *compiled = [builder->graph
            compileWithDevice:[MPSGraphDevice deviceWithMTLDevice:executable->device->device]
                        feeds:builder->types
                targetTensors:[NSArray arrayWithObject:output]
             targetOperations:nil
        compilationDescriptor:compilation_descriptor(executable->device)];
    if (!compiled)
        return error_set(error, CLEAVE_ERROR_DEVICE, "MPSGraph gave nothing back at batch %d",
                         builder->batch);
    whole->executable = [compiled retain];
    bind_flights(executable, builder, input, whole);
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
    log_write(&executable->log, CLEAVE_LOG_DEBUG, "mps: compiling the network for batch %d", batch);
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
    for (int i = 0; i < MPS_DEPTH; i++) {
        [whole->inputs[i] release];
        [whole->outputs[i] release];
    }
    *whole = (MpsWhole){0};
}

/* ---- Flights ---- */

static cleave_status encode(MpsExecutable *executable, MpsFlight *flight, cleave_error *error) {
    const MpsWhole *whole = &executable->wholes[flight->batch - 1];
    size_t at = (size_t)(flight - executable->flights);
    MpsCommands commands = commands_begin(executable);
    flight->begin = profile_clock(executable->profiling.profile);
    @try {
        [whole->executable encodeToCommandBuffer:commands.all
                                     inputsArray:whole->inputs[at]
                                    resultsArray:whole->outputs[at]
                             executionDescriptor:executable_descriptor(&commands)];
        commands_commit(&commands);
    } @catch (NSException *exception) {
        commands_end(&commands);
        return exception_error(exception, "the network", error);
    }
    [commands.all retain];
    [commands.first retain];
    flight->commands = commands;
    return CLEAVE_OK;
}

/* Has the GPU compute a flight, unless it does already. One at a time: two would take twice the
 * memory between ops, of which MPSGraph holds a command buffer's until that is done. */
static cleave_status take_off(MpsExecutable *executable, MpsFlight *flight, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (flight->commands.all)
        return CLEAVE_OK;
    if (cancel_is_set(flight->cancel))
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    if (!executable->wholes[flight->batch - 1].ran)
        log_write(&executable->log, CLEAVE_LOG_DEBUG, "mps: first run of batch %d", flight->batch);
    executable->wholes[flight->batch - 1].ran = true;
    @autoreleasepool {
        status = encode(executable, flight, error);
    }
    return status;
}

static cleave_status land(MpsExecutable *executable, MpsFlight *flight, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    double seconds = 0;
    @autoreleasepool {
        status = commands_wait(executable, &flight->commands, "the network", &seconds, error);
        [flight->commands.first release];
        [flight->commands.all release];
    }
    commands_end(&flight->commands);
    if (status == CLEAVE_OK)
        mps_profiling_ran(&executable->profiling, 0, seconds, flight->begin, flight->batch);
    return status;
}

cleave_status whole_submit(MpsExecutable *executable, const float *input, float *output, int batch,
                           const atomic_bool *cancel, cleave_error *error) {
    int at = (executable->oldest + executable->flying) % MPS_DEPTH;
    MpsFlight *flight = &executable->flights[at];
    cleave_status status = whole_compile(executable, batch, error);
    if (status != CLEAVE_OK)
        return status;
    memcpy([flight->input contents], input, mps_value_bytes(executable, 0, batch));
    flight->result = output;
    flight->batch = batch;
    flight->cancel = cancel;
    if (executable->flying == 0)
        status = take_off(executable, flight, error);
    if (status == CLEAVE_OK)
        executable->flying++;
    return status;
}

cleave_status whole_collect(MpsExecutable *executable, cleave_error *error) {
    MpsFlight *flight = &executable->flights[executable->oldest];
    cleave_status status = CLEAVE_OK;
    if (executable->cancelled > 0)
        status = error_set(error, CLEAVE_ERROR_DEVICE, "the batch before it failed");
    else
        status = take_off(executable, flight, error);
    if (status == CLEAVE_OK)
        status = land(executable, flight, error);
    if (flight->batch == 1)
        status = command_took_too_long(status, executable->head.failure, error);
    executable->oldest = (executable->oldest + 1) % MPS_DEPTH;
    executable->flying--;
    if (status != CLEAVE_OK) {
        executable->cancelled = executable->flying;
        return status;
    }
    /* Before the host reads: the GPU is not to wait for that. Its own collecting tells what fails.
     */
    if (executable->flying > 0)
        take_off(executable, &executable->flights[executable->oldest], NULL);
    memcpy(flight->result, [flight->output contents],
           mps_value_bytes(executable, executable->network.count - 1, flight->batch));
    return CLEAVE_OK;
}

void whole_drain(MpsExecutable *executable) {
    for (int i = 0; i < MPS_DEPTH; i++)
        if (executable->flights[i].commands.all)
            land(executable, &executable->flights[i], NULL);
}
