/* eager.m: each op is a small MPSGraph in a command buffer of its own: so a failing op
 * has a name, a slow one a time, and one that the GPU cannot do runs on the processor. All values
 * lie in shared buffers. */
#include "backend/mps/eager.h"

#include <stdlib.h>

#include "backend/mps/host_transforms.h"
#include "backend/mps/sizes.h"

/* ---- Values ---- */

static int64_t value_bytes(const MpsExecutable *executable, int node) {
    return (int64_t)mps_value_bytes(executable, node, executable->max_batch);
}

/* The smallest free buffer that is large enough, taken out of `idle`, or a new one. */
static id<MTLBuffer> take_buffer(MpsExecutable *executable, NSMutableArray *idle, int64_t bytes) {
    id<MTLBuffer> best = nil;
    for (id<MTLBuffer> buffer in idle)
        if ((int64_t)[buffer length] >= bytes && (!best || [buffer length] < [best length]))
            best = buffer;
    if (best) {
        [[best retain] autorelease];
        [idle removeObjectIdenticalTo:best];
        return best;
    }
    best = [executable->device->device newBufferWithLength:(NSUInteger)bytes
                                                   options:MTLResourceStorageModeShared];
    if (!best)
        return nil;
    [executable->pool addObject:best];
    [best release];
    executable->value_bytes += bytes;
    return best;
}

/* A buffer for each node's value. A buffer serves again once its value has been read for the last
 * time. */
static cleave_status assign_values(MpsExecutable *executable, const int *free_after,
                                   cleave_error *error) {
    const Graph *network = &executable->network;
    NSMutableArray *idle = [NSMutableArray array];
    for (int node = 0; node < network->count; node++) {
        if (network->nodes[node].op == OP_INPUT)
            executable->values[node] = executable->flights[0].input;
        else if (node == network->count - 1)
            executable->values[node] = executable->flights[0].output;
        else
            executable->values[node] = take_buffer(executable, idle, value_bytes(executable, node));
        if (!executable->values[node])
            return error_memory(error, network->nodes[node].name,
                                (size_t)value_bytes(executable, node));
        for (int before = 0; before <= node; before++) {
            bool pooled = [executable->pool indexOfObjectIdenticalTo:executable->values[before]] !=
                          NSNotFound;
            if (free_after[before] == node && pooled)
                [idle addObject:executable->values[before]];
        }
    }
    return CLEAVE_OK;
}

static cleave_status create_values(MpsExecutable *executable, cleave_error *error) {
    size_t count = (size_t)executable->network.count;
    int *free_after = malloc(count * sizeof(*free_after));
    cleave_status status = CLEAVE_OK;
    executable->values = calloc(count, sizeof(*executable->values));
    executable->fallback = calloc(count, sizeof(*executable->fallback));
    executable->pool = [[NSMutableArray alloc] init];
    if (!free_after || !executable->values || !executable->fallback) {
        free(free_after);
        return error_memory(error, "the network's values", count * sizeof(*free_after));
    }
    find_last_uses(&executable->network, free_after);
    @autoreleasepool {
        status = assign_values(executable, free_after, error);
    }
    free(free_after);
    return status;
}

/* ---- Ops ---- */

bool eager_on_gpu(const MpsExecutable *executable, const Node *node) {
    bool transform = (node->op == OP_STFT && !node->as.stft.tokens) || node->op == OP_ISTFT;
    return executable->device->transforms || !transform;
}

static void build_op(MpsExecutable *executable, EagerOp *op, int node, int batch) {
    const Node *n = &executable->network.nodes[node];
    op->builder = (OpBuilder){.device = executable->device,
                              .network = &executable->network,
                              .parameters = &executable->parameters,
                              .batch = batch,
                              .precision = executable->precision};
    if (n->op == OP_INPUT || !eager_on_gpu(executable, n))
        return;
    op_builder_begin(&op->builder);
    for (int i = 0; i < n->input_count; i++) {
        bool again = i > 0 && n->inputs[i] == n->inputs[0];
        op->operands[i] = again ? op->operands[0] : op_placeholder(&op->builder, n->inputs[i]);
    }
    op->result = op_build(&op->builder, node, op->operands[0], op->operands[1]);
}

static void end_ops(MpsExecutable *executable) {
    for (int node = 0; executable->eager && node < executable->network.count; node++)
        op_builder_end(&executable->eager[node].builder);
    free(executable->eager);
    executable->eager = NULL;
}

/* The graphs of all ops for a batch: built anew where it is another than the last one's. */
static cleave_status build_ops(MpsExecutable *executable, int batch, cleave_error *error) {
    size_t count = (size_t)executable->network.count;
    cleave_status status = CLEAVE_OK;
    if (executable->eager && executable->eager_batch == batch)
        return CLEAVE_OK;
    end_ops(executable);
    executable->eager = calloc(count, sizeof(*executable->eager));
    if (!executable->eager)
        return error_memory(error, "the network's ops", count * sizeof(*executable->eager));
    executable->eager_batch = batch;
    @autoreleasepool {
        @try {
            for (int node = 0; node < executable->network.count; node++)
                build_op(executable, &executable->eager[node], node, batch);
        } @catch (NSException *exception) {
            status = exception_error(exception, "building the network's ops", error);
        }
    }
    if (status != CLEAVE_OK)
        end_ops(executable);
    return status;
}

cleave_status eager_create(MpsExecutable *executable, cleave_error *error) {
    cleave_status status = create_values(executable, error);
    return status == CLEAVE_OK ? build_ops(executable, executable->max_batch, error) : status;
}

void eager_free(MpsExecutable *executable) {
    end_ops(executable);
    free(executable->values);
    free(executable->fallback);
    [executable->pool release];
}

/* ---- Running ---- */

static MPSGraphTensorData *value_data(const MpsExecutable *executable, const EagerOp *op,
                                      int node) {
    MPSGraphTensorData *data =
        [[MPSGraphTensorData alloc] initWithMTLBuffer:executable->values[node]
                                                shape:op_shape(&op->builder, node)
                                             dataType:MPSDataTypeFloat32];
    return [data autorelease];
}

static void encode_op(MpsExecutable *executable, const EagerOp *op, int node,
                      const MpsCommands *commands) {
    const Node *n = &executable->network.nodes[node];
    NSMutableDictionary *feeds = [NSMutableDictionary dictionaryWithDictionary:op->builder.feeds];
    for (int i = 0; i < n->input_count; i++)
        [feeds setObject:value_data(executable, op, n->inputs[i]) forKey:op->operands[i]];
    NSMutableDictionary *results =
        [NSMutableDictionary dictionaryWithObject:value_data(executable, op, node)
                                           forKey:op->result];
    [op->builder.graph encodeToCommandBuffer:commands->all
                                       feeds:feeds
                            targetOperations:nil
                           resultsDictionary:results
                         executionDescriptor:graph_descriptor(executable->device, commands)];
    commands_commit(commands);
}

static cleave_status run_on_gpu(MpsExecutable *executable, const EagerOp *op, int node,
                                double *seconds, cleave_error *error) {
    const char *name = executable->network.nodes[node].name;
    MpsCommands commands = commands_begin(executable);
    cleave_status status = CLEAVE_OK;
    @try {
        encode_op(executable, op, node, &commands);
        status = commands_wait(executable, &commands, name, seconds, error);
    } @catch (NSException *exception) {
        status = exception_error(exception, name, error);
    }
    commands_end(&commands);
    return status;
}

static cleave_status run_on_host(MpsExecutable *executable, int node, cleave_error *error) {
    int from = executable->network.nodes[node].inputs[0];
    executable->fallback[node]++;
    return host_transform(&executable->network, node, executable->eager_batch,
                          [executable->values[from] contents], [executable->values[node] contents],
                          error);
}

/* Before the op runs: an assertion of MPS would end the process without naming it. */
static void log_first_run(const MpsExecutable *executable, int node) {
    const Node *n = &executable->network.nodes[node];
    if (!executable->eager_ran)
        log_write(&executable->log, CLEAVE_LOG_DEBUG, "mps: first run of %s (%s)", n->name,
                  graph_op_name(n->op));
}

static cleave_status run_op(MpsExecutable *executable, int node, cleave_error *error) {
    const EagerOp *op = &executable->eager[node];
    cleave_status status = CLEAVE_OK;
    double begin = profile_clock(executable->profiling.profile);
    double seconds = 0;
    if (!eager_on_gpu(executable, &executable->network.nodes[node])) {
        status = run_on_host(executable, node, error);
    } else {
        @autoreleasepool {
            status = run_on_gpu(executable, op, node, &seconds, error);
        }
    }
    if (status == CLEAVE_OK)
        mps_profiling_ran(&executable->profiling, node, seconds, begin, executable->eager_batch);
    return status;
}

cleave_status eager_run(MpsExecutable *executable, int batch, const atomic_bool *cancel,
                        cleave_error *error) {
    cleave_status status = build_ops(executable, batch, error);
    for (int node = 0; node < executable->network.count && status == CLEAVE_OK; node++) {
        if (cancel_is_set(cancel))
            return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
        if (executable->network.nodes[node].op == OP_INPUT)
            continue;
        log_first_run(executable, node);
        status = run_op(executable, node, error);
    }
    if (batch == 1)
        status = command_took_too_long(status, executable->head.failure, error);
    if (status == CLEAVE_OK)
        executable->eager_ran = true;
    return status;
}
