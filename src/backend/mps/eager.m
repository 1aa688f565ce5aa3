/* eager.m: the network op by op, each a small MPSGraph of its own, in a command buffer of its own:
 * so a failing op has a name, a slow one a time, and one that the GPU cannot do runs on the
 * processor. All values lie in shared buffers. */
#include <stdlib.h>

#include "backend/mps/executable.h"
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

/* A buffer for each node's value; one whose value nobody reads any more serves again. */
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

/* ---- Steps ---- */

bool steps_on_gpu(const MpsExecutable *executable, const Node *node) {
    bool transform = node->op == OP_STFT || node->op == OP_ISTFT;
    return executable->device->transforms || !transform;
}

static void build_step(MpsExecutable *executable, MpsStep *step, int node, int batch) {
    const Node *n = &executable->network.nodes[node];
    step->builder = (OpBuilder){.network = &executable->network,
                                .parameters = &executable->parameters,
                                .batch = batch,
                                .precision = executable->precision};
    if (n->op == OP_INPUT || !steps_on_gpu(executable, n))
        return;
    op_builder_begin(&step->builder);
    for (int i = 0; i < n->input_count; i++) {
        bool again = i > 0 && n->inputs[i] == n->inputs[0];
        step->operands[i] =
            again ? step->operands[0] : op_placeholder(&step->builder, n->inputs[i]);
    }
    step->result = op_build(&step->builder, node, step->operands[0], step->operands[1]);
}

static void end_steps(MpsExecutable *executable) {
    for (int node = 0; executable->steps && node < executable->network.count; node++)
        op_builder_end(&executable->steps[node].builder);
    free(executable->steps);
    executable->steps = NULL;
}

/* The graphs of all ops for a batch: built anew where it is another than the last one's. */
static cleave_status build_steps(MpsExecutable *executable, int batch, cleave_error *error) {
    size_t count = (size_t)executable->network.count;
    cleave_status status = CLEAVE_OK;
    if (executable->steps && executable->steps_batch == batch)
        return CLEAVE_OK;
    end_steps(executable);
    executable->steps = calloc(count, sizeof(*executable->steps));
    if (!executable->steps)
        return error_memory(error, "the network's ops", count * sizeof(*executable->steps));
    executable->steps_batch = batch;
    @autoreleasepool {
        @try {
            for (int node = 0; node < executable->network.count; node++)
                build_step(executable, &executable->steps[node], node, batch);
        } @catch (NSException *exception) {
            status = exception_error(exception, "building the network's ops", error);
        }
    }
    if (status != CLEAVE_OK)
        end_steps(executable);
    return status;
}

cleave_status steps_create(MpsExecutable *executable, cleave_error *error) {
    cleave_status status = create_values(executable, error);
    return status == CLEAVE_OK ? build_steps(executable, executable->max_batch, error) : status;
}

void steps_free(MpsExecutable *executable) {
    end_steps(executable);
    free(executable->values);
    free(executable->fallback);
    [executable->pool release];
}

/* ---- Running ---- */

static MPSGraphTensorData *value_data(const MpsExecutable *executable, const MpsStep *step,
                                      int node) {
    MPSGraphTensorData *data =
        [[MPSGraphTensorData alloc] initWithMTLBuffer:executable->values[node]
                                                shape:op_shape(&step->builder, node)
                                             dataType:MPSDataTypeFloat32];
    return [data autorelease];
}

static void encode(MpsExecutable *executable, const MpsStep *step, int node,
                   const MpsCommands *commands) {
    const Node *n = &executable->network.nodes[node];
    NSMutableDictionary *feeds = [NSMutableDictionary dictionaryWithDictionary:step->builder.feeds];
    for (int i = 0; i < n->input_count; i++)
        [feeds setObject:value_data(executable, step, n->inputs[i]) forKey:step->operands[i]];
    NSMutableDictionary *results =
        [NSMutableDictionary dictionaryWithObject:value_data(executable, step, node)
                                           forKey:step->result];
    [step->builder.graph encodeToCommandBuffer:commands->all
                                         feeds:feeds
                              targetOperations:nil
                             resultsDictionary:results
                           executionDescriptor:graph_descriptor(executable->device, commands)];
    commands_commit(commands);
}

static cleave_status run_on_gpu(MpsExecutable *executable, const MpsStep *step, int node,
                                double *seconds, cleave_error *error) {
    const char *name = executable->network.nodes[node].name;
    MpsCommands commands = commands_begin(executable);
    cleave_status status = CLEAVE_OK;
    @try {
        encode(executable, step, node, &commands);
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
    return host_transform(&executable->network, node, executable->steps_batch,
                          [executable->values[from] contents], [executable->values[node] contents],
                          error);
}

/* An assertion of MPS ends the process: which op it was can only be told beforehand. */
static void tell_step(const MpsExecutable *executable, int node) {
    const Node *n = &executable->network.nodes[node];
    if (!executable->steps_ran)
        log_write(&executable->log, CLEAVE_LOG_DEBUG, "mps: first run of %s (%s)", n->name,
                  graph_op_name(n->op));
}

static cleave_status run_step(MpsExecutable *executable, int node, cleave_error *error) {
    const MpsStep *step = &executable->steps[node];
    cleave_status status = CLEAVE_OK;
    double begin = profile_clock(executable->profiling.profile);
    double seconds = 0;
    if (!steps_on_gpu(executable, &executable->network.nodes[node])) {
        status = run_on_host(executable, node, error);
    } else {
        @autoreleasepool {
            status = run_on_gpu(executable, step, node, &seconds, error);
        }
    }
    if (status == CLEAVE_OK)
        mps_profiling_ran(&executable->profiling, node, seconds, begin, executable->steps_batch);
    return status;
}

cleave_status steps_run(MpsExecutable *executable, int batch, const atomic_bool *cancel,
                        cleave_error *error) {
    cleave_status status = build_steps(executable, batch, error);
    for (int node = 0; node < executable->network.count && status == CLEAVE_OK; node++) {
        if (cancel_is_set(cancel))
            return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
        if (executable->network.nodes[node].op == OP_INPUT)
            continue;
        tell_step(executable, node);
        status = run_step(executable, node, error);
    }
    if (batch == 1)
        status = command_took_too_long(status, executable->head.failure, error);
    if (status == CLEAVE_OK)
        executable->steps_ran = true;
    return status;
}
