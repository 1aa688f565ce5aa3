/* measure.c: the classes of a network's layers, and their plans by measurement: a class is built as
 * a network of one layer, by the code that builds them all, and its step timed under each candidate
 * plan. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/executable.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/processors.h"

/* Candidates are timed in turns, so that a moment in which the machine is busy hits them all. */
#define ROUNDS 3

/* A candidate that takes that much longer than the fastest so far is not timed again. */
#define HOPELESS 1.25

/* What takes more than this part of the estimate's time is taken for as fast: measured again, it
 * may be slower. */
#define WORTHWHILE 0.95

/* Of a candidate in a round: a layer of some microseconds is timed many times, and one of seconds
 * needs no run that only warms up. */
#define RUNS_LEAST    2
#define SECONDS_LEAST 0.005

#define SECONDS_WARM 2.0

/* A tall layer is cut to rows that make this many tiles or more, and to whole patches. */
#define ENOUGH_TILES 2048
#define ROW_STEP     (8 * WINOGRAD_TILE)

typedef struct Measurement {
    CompileOptions options;
    const PlanProgress *progress;
    double begin;
    double work;      /* what all classes and candidates cost by estimate */
    double work_done; /* of it */
} Measurement;

/* ---- Classes ---- */

static cleave_status add_layer(NetworkPlan *plan, const CpuExecutable *executable, int index,
                               cleave_error *error) {
    const Step *step = &executable->program.steps[index];
    const Node *node = &executable->graph.nodes[step->node];
    LayerPlan layer = {.layer = step_layer_class(executable, step),
                       .conv = *step_plan(executable, step),
                       .flops = graph_node_flops(&executable->graph, step->node)};
    if (node->input_count > 0)
        layer.channels = executable->graph.nodes[node->inputs[0]].shape.channels;
    layer.seconds = 1e-9 * conv_plan_cost(&layer.layer, &layer.conv);
    if (network_plan_add(plan, &layer))
        return CLEAVE_OK;
    return error_memory(error, "the plan of the network", sizeof(layer));
}

cleave_status cpu_layers(NetworkPlan *plan, const Graph *graph, const CompileOptions *options,
                         cleave_error *error) {
    CpuExecutable *executable = NULL;
    CompileOptions estimated = *options;
    estimated.batch = 1;
    estimated.plan = NULL;
    cleave_status status =
        cpu_executable_create(&executable, graph, &estimated, CPU_FOR_SIZES, error);
    if (status != CLEAVE_OK)
        return status;
    for (int i = 0; i < executable->program.count && status == CLEAVE_OK; i++)
        if (executable->graph.nodes[executable->program.steps[i].node].op != OP_INPUT)
            status = add_layer(plan, executable, i, error);
    executable_destroy(&executable->head);
    return status;
}

/* ---- A network of one layer ---- */

static bool can_be_built(const LayerClass *layer) {
    return layer->op == OP_CONV || layer->op == OP_CONV_TRANSPOSED || layer->op == OP_LINEAR;
}

/* Something like what networks compute with: neither zeros nor denormal numbers. */
static void fill(float *to, size_t count) {
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        to[i] = (float)(state >> 8) / (float)(1 << 24) - 0.5f;
    }
}

/* Weights of the layer's shape that overlap each other: a few thousand values stand for all. */
typedef struct Weights {
    Tensor tensor;
    float *values;
} Weights;

static bool create_weights(Weights *weights, const LayerClass *layer) {
    int inputs = layer->blocks * CHANNEL_BLOCK;
    Tensor *tensor = &weights->tensor;
    *tensor = (Tensor){.name = "weights", .dtype = DTYPE_F32, .dim_count = 4};
    if (layer->op == OP_LINEAR) {
        tensor->dim_count = 2;
        tensor->dims[0] = layer->output.width;
        tensor->dims[1] = layer->input_width;
    } else {
        bool transposed = layer->op == OP_CONV_TRANSPOSED;
        tensor->dims[0] = transposed ? inputs : layer->output.channels;
        tensor->dims[1] = transposed ? layer->output.channels : inputs;
        tensor->dims[2] = layer->conv.kernel[0];
        tensor->dims[3] = layer->conv.kernel[1];
    }
    size_t count = 0;
    for (int i = 0; i < tensor->dim_count; i++) {
        tensor->strides[i] = 1;
        count += (size_t)tensor->dims[i];
    }
    weights->values = malloc(count * sizeof(float));
    if (!weights->values)
        return false;
    fill(weights->values, count);
    tensor->data = weights->values;
    return true;
}

static bool build_graph(Graph *graph, const LayerClass *layer, const Tensor *weight) {
    const char *name = "layer";
    int value = graph_input(graph, layer->blocks * CHANNEL_BLOCK, layer->input_width);
    if (value >= 0)
        graph->nodes[value].shape.height = layer->input_height;
    value = graph_act(graph, value, (ActAttributes){layer->act, 1}, name);
    if (layer->op == OP_LINEAR)
        value = graph_linear(graph, value, layer->output.width, weight, name);
    else if (layer->op == OP_CONV_TRANSPOSED)
        value =
            graph_conv_transposed(graph, value, layer->output.channels, layer->conv, weight, name);
    else
        value = graph_conv(graph, value, layer->output.channels, layer->conv, weight, name);
    return value >= 0;
}

static cleave_status build_layer(CpuExecutable **executable, const LayerPlan *layer,
                                 const CompileOptions *options, cleave_error *error) {
    Graph graph = {0};
    Weights weights = {0};
    LayerPlan wanted = *layer;
    NetworkPlan plan = {&wanted, 1};
    CompileOptions own = *options;
    own.plan = &plan;
    cleave_status status = CLEAVE_OK;
    if (create_weights(&weights, &layer->layer) &&
        build_graph(&graph, &layer->layer, &weights.tensor))
        status = cpu_executable_create(executable, &graph, &own, CPU_FOR_LAYER, error);
    else
        status = error_memory(error, "a layer to measure", sizeof(Node));
    graph_free(&graph);
    free(weights.values);
    if (status == CLEAVE_OK) {
        const CpuTensor *input = &(*executable)->tensors[0];
        fill(input->data, tensor_sample_rows(input) * tensor_row_floats(input));
    }
    return status;
}

/* ---- Timing ---- */

static double seconds_since(double begin) {
    return clock_seconds() - begin;
}

/* Tells how far it is; the error where the caller wants no more. */
static cleave_status tell(const Measurement *m, cleave_error *error) {
    double seconds = seconds_since(m->begin);
    double left = PLAN_MEASURE_SECONDS - seconds;
    if (m->work_done > 0)
        left = fmin(left, seconds * (m->work - m->work_done) / m->work_done);
    cleave_plan_progress state = {seconds, fmax(left, 0)};
    if (m->progress->call && m->progress->call(m->progress->user, &state) != 0)
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    return CLEAVE_OK;
}

static double time_step(const CpuExecutable *executable) {
    CpuRun run = {.executable = executable, .batch = 1};
    const CpuStep *step = executable->steps[0];
    double begin = clock_seconds();
    operand_prepare(&step->operand, &run);
    step->run(step, &run);
    return seconds_since(begin);
}

/* The fastest of some runs, the first of which warms up. */
static cleave_status time_runs(const Measurement *m, const CpuExecutable *executable,
                               double *fastest, cleave_error *error) {
    double first = time_step(executable);
    double sum = first > SECONDS_WARM ? first : 0;
    int runs = first > SECONDS_WARM ? RUNS_LEAST : 0;
    cleave_status status = tell(m, error);
    *fastest = runs > 0 ? first : INFINITY;
    for (; status == CLEAVE_OK && (runs < RUNS_LEAST || sum < SECONDS_LEAST); runs++) {
        double seconds = time_step(executable);
        *fastest = fmin(*fastest, seconds);
        sum += seconds;
        status = tell(m, error);
    }
    return status;
}

/* The layer, or as many of its rows as suffice. */
static LayerPlan cut_rows(const LayerPlan *layer) {
    LayerPlan cut = *layer;
    int height = layer->layer.output.height;
    size_t across = size_divide_up((size_t)layer->layer.output.width, WINOGRAD_TILE);
    size_t steps = size_divide_up(ENOUGH_TILES, across * (ROW_STEP / WINOGRAD_TILE));
    if (layer->layer.input_height != height || steps * ROW_STEP >= (size_t)height)
        return cut;
    cut.layer.input_height = cut.layer.output.height = (int)(steps * ROW_STEP);
    return cut;
}

/* Lowers *fastest to the layer's time under its plan, where there is memory for it. */
static cleave_status time_layer(const Measurement *m, const LayerPlan *layer, double *fastest,
                                cleave_error *error) {
    CpuExecutable *executable = NULL;
    LayerPlan cut = cut_rows(layer);
    double seconds = 0;
    cleave_status status = build_layer(&executable, &cut, &m->options, error);
    if (status == CLEAVE_ERROR_MEMORY) {
        error_clear(error);
        return CLEAVE_OK;
    }
    if (status != CLEAVE_OK)
        return status;
    status = time_runs(m, executable, &seconds, error);
    executable_destroy(&executable->head);
    seconds *= (double)layer->layer.output.height / cut.layer.output.height;
    *fastest = fmin(*fastest, seconds);
    return status;
}

/* ---- Choosing ---- */

static int fastest_of(const double *seconds, int count) {
    int fastest = 0;
    for (int i = 1; i < count; i++)
        if (seconds[i] < seconds[fastest])
            fastest = i;
    return fastest;
}

static bool is_hopeless(const double *seconds, int count, int candidate) {
    double fastest = seconds[fastest_of(seconds, count)];
    return isfinite(seconds[candidate]) && seconds[candidate] > HOPELESS * fastest;
}

/* Candidate 0 is the estimate, which stays where the difference is not worth it. */
static void choose(LayerPlan *layer, const ConvPlan *candidates, const double *seconds, int count) {
    int best = fastest_of(seconds, count);
    if (seconds[best] > WORTHWHILE * seconds[0])
        best = 0;
    layer->conv = candidates[best];
    layer->seconds = seconds[best];
}

static void log_candidates(const Measurement *m, const LayerPlan *layer, const ConvPlan *candidates,
                           const double *seconds, int count) {
    const LayerClass *class = &layer->layer;
    for (int i = 0; i < count; i++)
        log_write(m->options.log, CLEAVE_LOG_DEBUG,
                  "plan: %-15s %dx%d %4d>%4d %4dx%4d: %-8s %2dx%2d %-7s %9.3f ms%s",
                  graph_op_name(class->op), class->conv.kernel[0], class->conv.kernel[1],
                  layer->channels, class->output.channels, class->output.height,
                  class->output.width, conv_algorithm_name(candidates[i].algorithm),
                  candidates[i].patch_rows, candidates[i].patch_columns,
                  conv_order_name(&candidates[i]), 1e3 * seconds[i],
                  conv_plan_equal(&candidates[i], &layer->conv) ? " <" : "");
}

static cleave_status measure_layer(Measurement *m, LayerPlan *layer, cleave_error *error) {
    ConvPlan candidates[CONV_CANDIDATES_MAX];
    double seconds[CONV_CANDIDATES_MAX] = {INFINITY};
    int count = conv_plan_candidates(&layer->layer, candidates);
    int rounds = count > 1 ? ROUNDS : 1;
    cleave_status status = CLEAVE_OK;
    for (int i = 1; i < count; i++)
        seconds[i] = INFINITY;
    for (int i = 0; i < rounds * count && status == CLEAVE_OK; i++) {
        LayerPlan tried = *layer;
        tried.conv = candidates[i % count];
        if (seconds_since(m->begin) > PLAN_MEASURE_SECONDS)
            break;
        if (!is_hopeless(seconds, count, i % count))
            status = time_layer(m, &tried, &seconds[i % count], error);
    }
    choose(layer, candidates, seconds, count);
    log_candidates(m, layer, candidates, seconds, count);
    return status;
}

/* What of a class the measurement has to do, by estimate. */
static double class_work(const LayerPlan *layer) {
    ConvPlan candidates[CONV_CANDIDATES_MAX];
    return can_be_built(&layer->layer)
               ? layer->seconds * conv_plan_candidates(&layer->layer, candidates)
               : 0;
}

/* The layers that take most of the time come first, lest the time is up before. */
static int compare_layers(const void *a, const void *b) {
    const LayerPlan *x = *(const LayerPlan *const *)a;
    const LayerPlan *y = *(const LayerPlan *const *)b;
    double difference = x->seconds * x->count - y->seconds * y->count;
    return (difference < 0) - (difference > 0);
}

/* Gives classes that were not timed a time in proportion to those that were. */
static void scale_rest(LayerPlan *layers, const double *estimates, int count) {
    double measured = 0;
    double estimated = 0;
    for (int i = 0; i < count; i++)
        if (can_be_built(&layers[i].layer) && isfinite(layers[i].seconds)) {
            measured += layers[i].seconds;
            estimated += estimates[i];
        }
    for (int i = 0; i < count; i++)
        if (!can_be_built(&layers[i].layer) || !isfinite(layers[i].seconds))
            layers[i].seconds = estimated > 0 ? estimates[i] * measured / estimated : estimates[i];
}

static cleave_status measure_layers(Measurement *m, LayerPlan **order, int count,
                                    cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < count; i++)
        m->work += class_work(order[i]);
    for (int i = 0; i < count && status == CLEAVE_OK; i++) {
        double work = class_work(order[i]);
        if (can_be_built(&order[i]->layer))
            status = measure_layer(m, order[i], error);
        m->work_done += work;
    }
    return status;
}

static int measuring_threads(void) {
    int processors = thread_available_processors();
    return processors < 256 ? processors : 256;
}

cleave_status cpu_measure(NetworkPlan *plan, const CompileOptions *options,
                          const PlanProgress *progress, cleave_error *error) {
    size_t count = (size_t)plan->count;
    Measurement m = {.options = *options, .progress = progress, .begin = clock_seconds()};
    m.options.batch = 1;
    m.options.threads = measuring_threads();
    m.options.fuse = true;
    m.options.weights_read = NULL;
    LayerPlan *layers = malloc(count * sizeof(*layers));
    LayerPlan **order = malloc(count * sizeof(LayerPlan *));
    double *estimates = malloc(count * sizeof(*estimates));
    cleave_status status = CLEAVE_OK;
    if (layers && order && estimates) {
        memcpy(layers, plan->layers, count * sizeof(*layers));
        for (size_t i = 0; i < count; i++) {
            order[i] = &layers[i];
            estimates[i] = layers[i].seconds;
        }
        qsort(order, count, sizeof(LayerPlan *), compare_layers);
        status = measure_layers(&m, order, plan->count, error);
        scale_rest(layers, estimates, plan->count);
    } else {
        status = error_memory(error, "measuring the plan", count * sizeof(*layers));
    }
    if (status == CLEAVE_OK)
        memcpy(plan->layers, layers, count * sizeof(*layers));
    free(layers);
    free(order);
    free(estimates);
    return status;
}
