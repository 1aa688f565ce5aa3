/* profiling.c: adding the GPU's ops to a profile, and reporting their runs. */
#include "backend/mps/profiling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/mps/sizes.h"

static double shape_bytes(Shape shape) {
    return (double)shape.channels * shape.height * shape.width * sizeof(float);
}

/* Values between ops are f32, whatever the precision. */
static ProfileOp describe_node(const Graph *network, int index, cleave_precision precision) {
    const Node *node = &network->nodes[index];
    ProfileOp op = {.op = graph_op_name(node->op),
                    .algorithm = "",
                    .output = node->shape,
                    .flops = graph_node_flops(network, index),
                    .bytes = shape_bytes(node->shape),
                    .precision = CLEAVE_PRECISION_F32};
    snprintf(op.name, sizeof(op.name), "%s", node->name);
    for (int i = 0; i < node->input_count; i++)
        op.bytes += shape_bytes(network->nodes[node->inputs[i]].shape);
    op.input = network->nodes[node->inputs[0]].shape;
    op.products = product_flops(network, index);
    if (op.products > 0 && node->op != OP_STFT && !graph_is_edge_conv(network, index))
        op.precision = precision;
    if (node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED)
        memcpy(op.kernel, node->as.conv.kernel, sizeof(op.kernel));
    return op;
}

/* The whole network as one: what stays between ops is MPSGraph's to know. */
static ProfileOp describe_whole(const Graph *network, cleave_precision precision) {
    const Node *last = &network->nodes[network->count - 1];
    ProfileOp op = {.name = "network",
                    .op = "network",
                    .algorithm = "",
                    .input = network->nodes[0].shape,
                    .output = last->shape,
                    .flops = graph_flops(network),
                    .bytes = shape_bytes(network->nodes[0].shape) + shape_bytes(last->shape),
                    .precision = precision};
    for (int i = 0; i < network->count; i++)
        op.products += product_flops(network, i);
    return op;
}

cleave_status mps_profiling_begin(MpsProfiling *profiling, Profile *profile, const Graph *network,
                                  const CompileOptions *options, cleave_error *error) {
    int count = options->fuse ? 1 : network->count;
    *profiling = (MpsProfiling){.profile = profile};
    if (!profile)
        return CLEAVE_OK;
    profiling->ops = calloc((size_t)count, sizeof(*profiling->ops));
    if (!profiling->ops)
        return error_memory(error, "the profile", (size_t)count * sizeof(*profiling->ops));
    cleave_status status = profile_add_row(profile, "GPU", 0, &profiling->row, error);
    for (int i = 0; i < count && status == CLEAVE_OK; i++) {
        if (!options->fuse && network->nodes[i].op == OP_INPUT)
            continue;
        ProfileOp op = options->fuse ? describe_whole(network, options->precision)
                                     : describe_node(network, i, options->precision);
        status = profile_add_op(profile, &op, &profiling->ops[i], error);
    }
    return status;
}

void mps_profiling_end(MpsProfiling *profiling) {
    free(profiling->ops);
    *profiling = (MpsProfiling){0};
}

void mps_profiling_ran(MpsProfiling *profiling, int op, double seconds, double host_begin,
                       int chunks) {
    Profile *profile = profile_active(profiling->profile);
    double end = profile_clock(profile);
    double begin = seconds > 0 ? end - seconds : host_begin;
    if (!profile)
        return;
    if (begin < profiling->last_end)
        begin = profiling->last_end;
    profiling->last_end = end;
    profile_op_ran(profile, profiling->ops[op], profiling->row, begin, end, chunks);
}
