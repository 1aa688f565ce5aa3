/* compiled.m: building, compiling and running the MPSGraph of the whole network. */
#include "backend/mps/compiled.h"

#include <stdlib.h>
#include <string.h>

#include "backend/mps/sizes.h"

static MPSGraphTensorData *tensor_data(id<MTLBuffer> buffer, NSArray *shape) {
    MPSGraphTensorData *data = [[MPSGraphTensorData alloc] initWithMTLBuffer:buffer
                                                                       shape:shape
                                                                    dataType:MPSDataTypeFloat32];
    return [data autorelease];
}

/* ---- Compiling ---- */

/* The value of a node in a piece: one that it computes, or a placeholder of what those before it
 * left. */
static MPSGraphTensor *value_of(OpBuilder *builder, MPSGraphTensor **values, int node) {
    if (!values[node])
        values[node] = op_placeholder(builder, node);
    return values[node];
}

/* The values of a piece's nodes, and of those that it reads; the others stay nil. */
static void build_piece(OpBuilder *builder, int begin, int end, MPSGraphTensor **values) {
    for (int i = begin; i <= end; i++) {
        const Node *node = &builder->network->nodes[i];
        if (node->op == OP_INPUT) {
            values[i] = op_placeholder(builder, i);
            continue;
        }
        MPSGraphTensor *a = value_of(builder, values, node->inputs[0]);
        MPSGraphTensor *b =
            node->input_count > 1 ? value_of(builder, values, node->inputs[1]) : nil;
        values[i] = op_build(builder, i, a, b);
    }
}

/* Where a node's value lies, for a flight, if it is not within a piece alone: for the others, nil.
 */
static id<MTLBuffer> buffer_of(const MpsExecutable *executable, const MpsFlight *flight, int node) {
    if (node == 0)
        return flight->input;
    if (node == executable->network.count - 1)
        return flight->output;
    return executable->left[node];
}

/* A buffer for each value that a piece leaves: one serves all batches and flights, since the GPU
 * computes one of them at a time. */
static cleave_status make_left(MpsExecutable *executable, const Pieces *pieces, const int *last,
                               int piece, cleave_error *error) {
    for (int node = 1; node < executable->network.count - 1; node++) {
        if (executable->left[node] || !pieces_leaves(pieces, last, piece, node))
            continue;
        size_t bytes = mps_value_bytes(executable, node, executable->max_batch);
        executable->left[node] =
            [executable->device->device newBufferWithLength:bytes
                                                    options:MTLResourceStorageModeShared];
        if (!executable->left[node])
            return error_memory(error, executable->network.nodes[node].name, bytes);
    }
    return CLEAVE_OK;
}

/* Layouts of data in the order in which the executable has these tensors. */
static NSArray *in_order(NSDictionary *data, NSArray *tensors) {
    NSMutableArray *ordered = [NSMutableArray arrayWithCapacity:[tensors count]];
    for (MPSGraphTensor *tensor in tensors)
        [ordered addObject:[data objectForKey:tensor]];
    return ordered;
}

/* What each flight feeds and gets. */
static void bind_flights(const MpsExecutable *executable, OpBuilder *builder,
                         MPSGraphTensor *const *values, const bool *is_target,
                         CompiledPiece *piece) {
    for (int i = 0; i < MPS_DEPTH; i++) {
        const MpsFlight *flight = &executable->flights[i];
        NSMutableDictionary *results = [NSMutableDictionary dictionary];
        for (int node = 0; node < executable->network.count; node++) {
            if (!values[node] || !buffer_of(executable, flight, node))
                continue;
            MPSGraphTensorData *data =
                tensor_data(buffer_of(executable, flight, node), op_shape(builder, node));
            if ([builder->types objectForKey:values[node]])
                [builder->feeds setObject:data forKey:values[node]];
            if (is_target[node])
                [results setObject:data forKey:values[node]];
        }
        piece->inputs[i] = [in_order(builder->feeds, [piece->executable feedTensors]) retain];
        piece->outputs[i] = [in_order(results, [piece->executable targetTensors]) retain];
    }
}

static cleave_status compile_piece(MpsExecutable *executable, OpBuilder *builder,
                                   MPSGraphTensor *const *values, const bool *is_target,
                                   CompiledPiece *piece, cleave_error *error) {
    NSMutableArray *targets = [NSMutableArray array];
    for (int node = 0; node < executable->network.count; node++)
        if (is_target[node])
            [targets addObject:values[node]];
    MPSGraphExecutable *made = [builder->graph
            compileWithDevice:[MPSGraphDevice deviceWithMTLDevice:executable->device->device]
                        feeds:builder->types
                targetTensors:targets
             targetOperations:nil
        compilationDescriptor:compilation_descriptor(executable->device)];
    if (!made)
        return error_set(error, CLEAVE_ERROR_DEVICE, "MPSGraph gave nothing back at batch %d",
                         builder->batch);
    piece->executable = [made retain];
    bind_flights(executable, builder, values, is_target, piece);
    return CLEAVE_OK;
}

static cleave_status make_piece(MpsExecutable *executable, const Pieces *pieces, int at, int batch,
                                CompiledPiece *piece, cleave_error *error) {
    size_t count = (size_t)executable->network.count;
    OpBuilder builder = {.device = executable->device,
                         .network = &executable->network,
                         .parameters = &executable->parameters,
                         .batch = batch,
                         .precision = executable->precision};
    MPSGraphTensor **values = calloc(count, sizeof(*values));
    bool *is_target = calloc(count, sizeof(*is_target));
    int *last = calloc(count, sizeof(*last));
    cleave_status status = CLEAVE_OK;
    if (values && is_target && last) {
        find_last_uses(&executable->network, last);
        for (size_t node = 0; node < count; node++)
            is_target[node] = pieces_leaves(pieces, last, at, (int)node) && node > 0;
        status = make_left(executable, pieces, last, at, error);
    } else {
        status = error_memory(error, "the network's graph", count * sizeof(*values));
    }
    if (status == CLEAVE_OK) {
        op_builder_begin(&builder);
        @try {
            build_piece(&builder, pieces_begin(pieces, at), pieces->ends[at], values);
            status = compile_piece(executable, &builder, values, is_target, piece, error);
        } @catch (NSException *exception) {
            status = exception_error(exception, "MPSGraph", error);
        }
        op_builder_end(&builder);
    }
    free(values);
    free(is_target);
    free(last);
    return status;
}

static void log_compiling(const MpsExecutable *executable, int batch, int pieces) {
    if (pieces == 1)
        log_write(&executable->log, CLEAVE_LOG_DEBUG, "mps: compiling the network for batch %d",
                  batch);
    else
        log_write(
            &executable->log, CLEAVE_LOG_INFO,
            "mps: compiling the network for batch %d, in %d pieces: macOS stops what keeps the "
            "GPU for too long",
            batch, pieces);
}

static cleave_status make_pieces(MpsExecutable *executable, CompiledNetwork *compiled, int batch,
                                 cleave_error *error) {
    int count = compiled->cut.count;
    cleave_status status = CLEAVE_OK;
    compiled->pieces = calloc((size_t)count, sizeof(*compiled->pieces));
    if (!compiled->pieces)
        return error_memory(error, "the compiled network", (size_t)count * sizeof(CompiledPiece));
    log_compiling(executable, batch, count);
    for (int i = 0; i < count && status == CLEAVE_OK; i++) {
        @autoreleasepool {
            status = make_piece(executable, &compiled->cut, i, batch, &compiled->pieces[i], error);
        }
    }
    return status;
}

cleave_status compiled_create(MpsExecutable *executable, int batch, cleave_error *error) {
    CompiledNetwork *compiled = &executable->compiled[batch - 1];
    if (compiled->pieces)
        return CLEAVE_OK;
    if (!pieces_cut(&compiled->cut, &executable->network, batch, executable->flops_limit))
        return error_memory(error, "the network's pieces", sizeof(int));
    cleave_status status = make_pieces(executable, compiled, batch, error);
    if (status != CLEAVE_OK)
        compiled_free(compiled);
    return status;
}

void compiled_free(CompiledNetwork *compiled) {
    for (int i = 0; compiled->pieces && i < compiled->cut.count; i++) {
        [compiled->pieces[i].executable release];
        for (int k = 0; k < MPS_DEPTH; k++) {
            [compiled->pieces[i].inputs[k] release];
            [compiled->pieces[i].outputs[k] release];
        }
    }
    free(compiled->pieces);
    pieces_free(&compiled->cut);
    *compiled = (CompiledNetwork){.pieces = NULL};
}

/* ---- Flights ---- */

/* Gives the GPU the flight's piece. */
static cleave_status encode_piece(MpsExecutable *executable, MpsFlight *flight,
                                  cleave_error *error) {
    const CompiledPiece *piece = &executable->compiled[flight->batch - 1].pieces[flight->piece];
    size_t at = (size_t)(flight - executable->flights);
    MpsCommands commands = commands_begin(executable);
    @try {
        [piece->executable encodeToCommandBuffer:commands.all
                                     inputsArray:piece->inputs[at]
                                    resultsArray:piece->outputs[at]
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

/* Has the GPU compute a flight, unless it does already. One at a time: MPSGraph holds the memory of
 * a command buffer until that is done, so two would take twice as much. */
static cleave_status take_off(MpsExecutable *executable, MpsFlight *flight, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (flight->commands.all)
        return CLEAVE_OK;
    if (cancel_is_set(flight->cancel))
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    if (!executable->compiled[flight->batch - 1].ran)
        log_write(&executable->log, CLEAVE_LOG_DEBUG, "mps: first run of batch %d", flight->batch);
    executable->compiled[flight->batch - 1].ran = true;
    flight->piece = 0;
    flight->begin = profile_clock(executable->profiling.profile);
    @autoreleasepool {
        status = encode_piece(executable, flight, error);
    }
    return status;
}

static cleave_status wait_for_piece(MpsExecutable *executable, MpsFlight *flight, double *seconds,
                                    cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    double own = 0;
    @autoreleasepool {
        status = commands_wait(executable, &flight->commands, "the network", &own, error);
        [flight->commands.first release];
        [flight->commands.all release];
    }
    commands_end(&flight->commands);
    *seconds += own;
    return status;
}

/* After a piece that took too long: those to come have half its work at most. Whether a single
 * chunk is cut otherwise then, and can be tried again. */
static bool cut_finer(MpsExecutable *executable, MpsFlight *flight, cleave_error *error) {
    CompiledNetwork *compiled = &executable->compiled[flight->batch - 1];
    Pieces before = compiled->cut;
    double flops = pieces_flops(&before, &executable->network, flight->piece, flight->batch);
    bool single = pieces_begin(&before, flight->piece) == before.ends[flight->piece];
    if (flops / 2 < executable->flops_limit)
        executable->flops_limit = flops / 2;
    if (flight->batch > 1 || single)
        return false;
    log_write(&executable->log, CLEAVE_LOG_WARNING, "%s; cutting the network into smaller pieces",
              error ? error->text : "the network took too long");
    compiled_free(compiled);
    return true;
}

/* From the first piece on: what the ones before left may be in no buffer of the new ones'. */
static cleave_status start_again(MpsExecutable *executable, MpsFlight *flight,
                                 cleave_error *error) {
    executable->head.failure = (DeviceFailure){STEP_RUN, CAUSE_FAILED};
    error_clear(error);
    cleave_status status = compiled_create(executable, flight->batch, error);
    return status == CLEAVE_OK ? take_off(executable, flight, error) : status;
}

/* Waits for the piece that the GPU has, gives it the next one, and so on. */
static cleave_status land_pieces(MpsExecutable *executable, MpsFlight *flight, double *seconds,
                                 cleave_error *error) {
    cleave_status status = wait_for_piece(executable, flight, seconds, error);
    while (status == CLEAVE_OK || executable->head.failure.cause == CAUSE_TIME) {
        if (status != CLEAVE_OK && !cut_finer(executable, flight, error))
            return status;
        if (status == CLEAVE_OK &&
            ++flight->piece == executable->compiled[flight->batch - 1].cut.count)
            return CLEAVE_OK;
        if (cancel_is_set(flight->cancel))
            return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
        @autoreleasepool {
            status = status == CLEAVE_OK ? encode_piece(executable, flight, error)
                                         : start_again(executable, flight, error);
        }
        if (status == CLEAVE_OK)
            status = wait_for_piece(executable, flight, seconds, error);
    }
    return status;
}

static cleave_status land(MpsExecutable *executable, MpsFlight *flight, cleave_error *error) {
    double seconds = 0;
    cleave_status status = land_pieces(executable, flight, &seconds, error);
    if (status == CLEAVE_OK)
        mps_profiling_ran(&executable->profiling, 0, seconds, flight->begin, flight->batch);
    return status;
}

cleave_status compiled_submit(MpsExecutable *executable, const float *input, float *output,
                              int batch, const atomic_bool *cancel, cleave_error *error) {
    int at = (executable->oldest + executable->flying) % MPS_DEPTH;
    MpsFlight *flight = &executable->flights[at];
    cleave_status status = compiled_create(executable, batch, error);
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

cleave_status compiled_collect(MpsExecutable *executable, cleave_error *error) {
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

void compiled_drain(MpsExecutable *executable) {
    double seconds = 0;
    for (int i = 0; i < MPS_DEPTH; i++)
        if (executable->flights[i].commands.all)
            wait_for_piece(executable, &executable->flights[i], &seconds, NULL);
}
