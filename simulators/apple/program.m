/* program.m: puts ops in order, and runs them. */
#import "program.h"

#include <stdlib.h>
#include <string.h>

#include "accounting.h"
#include "settings.h"
#include "strict.h"
#import "tensors.h"

/* ---- Building ---- */

/* Adds what the tensor needs, and its op, to those in order. */
static void visit(MPSGraphTensor *tensor, NSArray *feeds, NSMutableArray *operations) {
    MPSGraphOperation *operation = tensor->_operation;
    bool fed = [feeds indexOfObjectIdenticalTo:tensor] != NSNotFound;
    if ([operations indexOfObjectIdenticalTo:operation] != NSNotFound)
        return;
    if (operation->_op->kind == SIM_PLACEHOLDER && !fed)
        sim_abort("placeholder '%s' has no feed", [operation->_name UTF8String]);
    for (int i = 0; !fed && i < operation->_inputCount; i++)
        visit(operation->_inputs[i], feeds, operations);
    [operations addObject:operation];
}

static int step_of(NSArray *operations, MPSGraphTensor *tensor) {
    return (int)[operations indexOfObjectIdenticalTo:tensor->_operation];
}

/* Of a product, a multiply and an add counted as two. */
static int64_t flops_of(const MPSGraphOperation *operation) {
    const SimOp *op = operation->_op;
    bool product = op->kind == SIM_MATMUL || op->kind == SIM_ATTENTION || op->kind == SIM_CONV ||
                   op->kind == SIM_CONV_GRADIENT;
    if (!product)
        return 0;
    const SimType *a = &operation->_inputs[0]->_operation->_op->type;
    const SimType *b = &operation->_inputs[1]->_operation->_op->type;
    if (op->kind == SIM_ATTENTION)
        return 2 * sim_elements(a) * b->dims[2] + 2 * sim_elements(&op->type) * b->dims[2];
    if (op->kind == SIM_MATMUL)
        return 2 * sim_elements(&op->type) * a->dims[a->rank - 1];
    int64_t per_output = sim_elements(b) / b->dims[op->as.conv.weights_last ? 3 : 0];
    return 2 * per_output * sim_elements(op->kind == SIM_CONV ? &op->type : a);
}

/* What an inexact GPU makes of a result: off by a share of each value, up and down in turns. */
static void disturb(float *values, const SimType *type, double share) {
    int64_t floats = sim_elements(type) * sim_element_floats(type->element);
    for (int64_t i = 0; share > 0 && i < floats; i++)
        values[i] += (float)(i % 2 == 0 ? share : -share) * values[i];
}

static void create_steps(SimProgram *program) {
    NSArray *operations = program->_operations;
    program->_count = (int)[operations count];
    program->_steps = sim_allocate((size_t)program->_count * sizeof(SimStep));
    for (int i = 0; i < program->_count; i++) {
        MPSGraphOperation *operation = [operations objectAtIndex:(NSUInteger)i];
        SimStep *step = &program->_steps[i];
        *step = (SimStep){.op = operation->_op, .input_count = operation->_inputCount};
        step->inputs = sim_allocate((size_t)step->input_count * sizeof(int));
        for (int k = 0; k < step->input_count; k++) {
            step->inputs[k] = step_of(operations, operation->_inputs[k]);
            program->_steps[step->inputs[k]].uses++;
        }
        program->_flops += flops_of(operation);
        if (step->op->kind == SIM_CONSTANT)
            program->_constantBytes += (int64_t)sim_bytes(&step->op->type);
    }
    for (MPSGraphTensor *target in program->_targets)
        program->_steps[step_of(operations, target)].uses++;
}

static void check_members(MPSGraph *graph, NSArray *tensors, const char *what) {
    for (MPSGraphTensor *tensor in tensors) {
        if (![tensor isKindOfClass:[MPSGraphTensor class]])
            sim_abort("a %s is no MPSGraphTensor", what);
        if (tensor->_operation->_graph != graph)
            sim_abort("a %s is a tensor of another graph", what);
    }
}

@implementation SimProgram

- (id)initWithGraph:(MPSGraph *)graph feeds:(NSArray *)feeds targets:(NSArray *)targets {
    self = [super init];
    if (!self)
        return nil;
    check_members(graph, feeds, "feed");
    check_members(graph, targets, "target");
    if ([targets count] == 0)
        sim_abort("a graph is run for no target");
    NSMutableArray *operations = [[NSMutableArray alloc] init];
    for (MPSGraphTensor *feed in feeds) {
        if (feed->_operation->_op->kind != SIM_PLACEHOLDER)
            sim_abort("'%s' is fed, and is no placeholder", [feed->_operation->_name UTF8String]);
        [operations addObject:feed->_operation];
    }
    for (MPSGraphTensor *target in targets)
        visit(target, feeds, operations);
    _graph = [graph retain];
    _operations = operations;
    _feeds = [feeds copy];
    _targets = [targets copy];
    create_steps(self);
    return self;
}

- (BOOL)takeConstants {
    if (!sim_take_memory(_constantBytes))
        return NO;
    _takenBytes += _constantBytes;
    return YES;
}

- (void)dealloc {
    sim_give_memory(_takenBytes);
    for (int i = 0; i < _count; i++)
        free(_steps[i].inputs);
    free(_steps);
    [_feeds release];
    [_targets release];
    [_operations release];
    [_graph release];
    [super dealloc];
}

@end

/* ---- Running ---- */

/* An array that one or more values share. */
typedef struct Box {
    float *values;
    bool borrowed;
    int uses;
    int64_t bytes; /* of the GPU's memory */
} Box;

typedef struct Machine {
    const SimStep *steps;
    Box *boxes;
    int *box_of; /* per step */
    int64_t live, peak;
} Machine;

static float *room(const SimType *type) {
    return sim_allocate((size_t)sim_elements(type) * sizeof(float) *
                        (size_t)sim_element_floats(type->element));
}

static void use(Machine *machine, int step) {
    Box *box = &machine->boxes[machine->box_of[step]];
    if (--box->uses > 0)
        return;
    if (!box->borrowed)
        free(box->values);
    box->values = NULL;
    machine->live -= box->bytes;
}

static void hold(Machine *machine, int step, float *values, bool borrowed, int64_t bytes) {
    machine->boxes[step] = (Box){values, borrowed, machine->steps[step].uses, bytes};
    machine->box_of[step] = step;
    machine->live += bytes;
    if (machine->live > machine->peak)
        machine->peak = machine->live;
}

static void load_feed(Machine *machine, int step, const uint8_t *bytes) {
    const SimType *type = &machine->steps[step].op->type;
    if (type->element == SIM_F32) {
        hold(machine, step, (float *)(uintptr_t)bytes, true, 0);
        return;
    }
    float *values = room(type);
    sim_load(bytes, type, values);
    hold(machine, step, values, false, 0);
}

static void compute_step(Machine *machine, int index) {
    const SimStep *step = &machine->steps[index];
    const SimOp *op = step->op;
    if (op->kind == SIM_CONSTANT) {
        hold(machine, index, op->as.constant, true, 0);
        return;
    }
    if (op->kind == SIM_RESHAPE) {
        int box = machine->box_of[step->inputs[0]];
        machine->boxes[box].uses += step->uses;
        machine->box_of[index] = box;
        return;
    }
    SimView *inputs = sim_allocate((size_t)(step->input_count + 2) * sizeof(*inputs));
    memset(inputs, 0, (size_t)(step->input_count + 2) * sizeof(*inputs));
    for (int i = 0; i < step->input_count; i++)
        inputs[i] = (SimView){&machine->steps[step->inputs[i]].op->type,
                              machine->boxes[machine->box_of[step->inputs[i]]].values};
    float *values = room(&op->type);
    sim_compute(op, inputs, step->input_count, values);
    hold(machine, index, values, false, (int64_t)sim_bytes(&op->type));
    free(inputs);
}

static void run_steps(SimProgram *program, Machine *machine, const uint8_t *const *from) {
    int feeds = (int)[program->_feeds count];
    for (int i = 0; i < program->_count; i++) {
        if (i < feeds)
            load_feed(machine, i, from[i]);
        else
            compute_step(machine, i);
        if (machine->steps[i].uses == 0) {
            machine->boxes[machine->box_of[i]].uses++;
            use(machine, i);
        }
        for (int k = 0; k < machine->steps[i].input_count; k++)
            use(machine, machine->steps[i].inputs[k]);
    }
}

/* A compiled program keeps its workspace. */
static bool account(SimProgram *program, bool compiled, int64_t peak) {
    int64_t more = peak - program->_workspaceBytes;
    if (!compiled) {
        bool fits = sim_take_memory(peak);
        if (fits)
            sim_give_memory(peak);
        return fits;
    }
    if (more <= 0)
        return true;
    if (!sim_take_memory(more))
        return false;
    program->_workspaceBytes = peak;
    program->_takenBytes += more;
    return true;
}

bool sim_program_run(SimProgram *program, bool compiled, const uint8_t *const *from,
                     uint8_t *const *to) {
    size_t count = (size_t)program->_count;
    Machine machine = {.steps = program->_steps,
                       .boxes = sim_allocate(count * sizeof(Box)),
                       .box_of = sim_allocate(count * sizeof(int))};
    run_steps(program, &machine, from);
    bool fits = account(program, compiled, machine.peak);
    for (NSUInteger i = 0; i < [program->_targets count]; i++) {
        MPSGraphTensor *target = [program->_targets objectAtIndex:i];
        int step = step_of(program->_operations, target);
        if (fits) {
            const SimType *type = &machine.steps[step].op->type;
            float *values = machine.boxes[machine.box_of[step]].values;
            disturb(values, type, sim_settings()->noise);
            sim_store(values, type, to[i]);
        }
        use(&machine, step);
    }
    free(machine.boxes);
    free(machine.box_of);
    return fits;
}
