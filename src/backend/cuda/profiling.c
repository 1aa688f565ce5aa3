/* profiling.c: adding a plan's steps to a profile, and reporting their runs. */
#include "backend/cuda/profiling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/plan_tokens.h"

static double value_bytes(const PlannedValue *value) {
    return value->exists
               ? (double)value->height * value->width * padded_channels(&value->channels) *
                     (double)plan_stored_bytes(value->stored)
               : 0;
}

/* What a step of tokens writes for itself, and reads again. */
static double rooms_bytes(const CudaPlan *plan, int step) {
    double bytes = 0;
    for (int room = 0; room < TOKENS_ROOMS; room++) {
        size_t factors[4];
        plan_tokens_room(plan, step, (TokensRoom)room, factors);
        bytes += 2 * (double)factors[0] * (double)factors[1] * (double)factors[2];
    }
    return bytes;
}

static double step_bytes(const CudaPlan *plan, int step) {
    const Step *s = &plan->program.steps[step];
    double bytes = value_bytes(plan_output(plan, step));
    if (plan_is_tokens(plan->steps[step].kind))
        bytes += rooms_bytes(plan, step);
    for (int i = 0; i < s->source_count; i++) {
        bytes += value_bytes(&plan->values[s->sources[i].node]);
        if (s->sources[i].mul >= 0)
            bytes += value_bytes(&plan->values[s->sources[i].mul]);
    }
    if (s->add >= 0)
        bytes += value_bytes(&plan->values[s->add]);
    return bytes;
}

static cleave_precision type_precision(int type) {
    return type == STORED_F16    ? CLEAVE_PRECISION_F16
           : type == STORED_BF16 ? CLEAVE_PRECISION_BF16
                                 : CLEAVE_PRECISION_F32;
}

static const char *algorithm_of(const PlannedStep *step) {
    if (step->kind == STEP_KIND_CONV_HALO)
        return step->split ? "halo, split" : "halo";
    return step->kind == STEP_KIND_CONV ? "gather" : "";
}

static ProfileOp describe_step(const CudaPlan *plan, int step, double flops) {
    const Node *node = plan_node(plan, step);
    const PlannedStep *planned = &plan->steps[step];
    ProfileOp op = {.op = graph_op_name(node->op),
                    .algorithm = algorithm_of(planned),
                    .output = node->shape,
                    .flops = flops,
                    .bytes = step_bytes(plan, step),
                    .weight_bytes = (double)planned->weight_bytes,
                    .precision = type_precision(planned->type)};
    snprintf(op.name, sizeof(op.name), "%s", node->name);
    if (node->input_count > 0)
        op.input = plan->graph.nodes[node->inputs[0]].shape;
    if (graph_is_product(node) || plan_is_multiplying(planned->kind))
        op.products = graph_node_flops(&plan->graph, plan->program.steps[step].node);
    if (node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED)
        memcpy(op.kernel, node->as.conv.kernel, sizeof(op.kernel));
    return op;
}

static cleave_status add_steps(CudaProfiling *profiling, const CudaPlan *plan,
                               cleave_error *error) {
    int count = plan->program.count;
    double *flops = calloc((size_t)count, sizeof(*flops));
    if (!flops)
        return error_memory(error, "the profile", (size_t)count * sizeof(*flops));
    cleave_status status = program_flops(&plan->program, &plan->graph, flops, error);
    for (int i = 0; i < count && status == CLEAVE_OK; i++) {
        if (plan->steps[i].kind == STEP_KIND_NONE)
            continue;
        ProfileOp op = describe_step(plan, i, flops[i]);
        status = profile_add_op(profiling->profile, &op, &profiling->ops[i], error);
    }
    free(flops);
    return status;
}

cleave_status cuda_profiling_begin(CudaProfiling *profiling, Profile *profile,
                                   const CudaDriver *driver, const CudaPlan *plan,
                                   DeviceFailure *failure, cleave_error *error) {
    size_t count = (size_t)plan->program.count;
    size_t events = CUDA_FLIGHTS * (count + 1);
    *profiling = (CudaProfiling){.profile = profile};
    if (!profile)
        return CLEAVE_OK;
    profiling->ops = calloc(count, sizeof(*profiling->ops));
    profiling->events = calloc(events, sizeof(*profiling->events));
    profiling->recorded = calloc(CUDA_FLIGHTS, sizeof(*profiling->recorded));
    if (!profiling->ops || !profiling->events || !profiling->recorded)
        return error_memory(error, "the profile", events * sizeof(*profiling->events));
    cleave_status status = profile_add_row(profile, "GPU", 0, &profiling->row, error);
    if (status == CLEAVE_OK)
        status = add_steps(profiling, plan, error);
    for (size_t i = 0; i < events && status == CLEAVE_OK; i++)
        status = cuda_check(driver->event_create(&profiling->events[i], CUDA_EVENT_DEFAULT),
                            STEP_COMPILE, "creating events", failure, error);
    return status;
}

void cuda_profiling_release(CudaProfiling *profiling, const CudaDriver *driver,
                            const CudaPlan *plan) {
    int count = CUDA_FLIGHTS * (plan->program.count + 1);
    for (int i = 0; profiling->events && i < count; i++)
        if (profiling->events[i])
            driver->event_destroy(profiling->events[i]);
}

void cuda_profiling_end(CudaProfiling *profiling) {
    free(profiling->recorded);
    free(profiling->events);
    free(profiling->ops);
    *profiling = (CudaProfiling){.profile = NULL};
}

/* Seconds between two events of a run. */
static double seconds_between(const CudaDriver *driver, CudaEvent from, CudaEvent to) {
    float milliseconds = 0;
    if (driver->event_elapsed(&milliseconds, from, to) != CUDA_OK)
        return 0;
    return (double)milliseconds * 1e-3;
}

/* The GPU's clock is set so that the last step ends now. */
void cuda_profiling_ran(CudaProfiling *profiling, const CudaDriver *driver, const CudaPlan *plan,
                        int flight, int batch) {
    Profile *profile = profile_active(profiling->profile);
    int count = plan->program.count;
    if (!profile || !profiling->recorded[flight])
        return;
    const CudaEvent *events = cuda_profiling_events(profiling, plan, flight);
    double begin = profile_clock(profile) - seconds_between(driver, events[0], events[count]);
    if (begin < profiling->last_end)
        begin = profiling->last_end;
    for (int i = 0; i < count; i++) {
        double end = begin + seconds_between(driver, events[i], events[i + 1]);
        if (plan->steps[i].kind != STEP_KIND_NONE)
            profile_op_ran(profile, profiling->ops[i], profiling->row, begin, end, batch);
        begin = end;
    }
    profiling->last_end = begin;
}
