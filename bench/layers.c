/* layers.c: times every step of a model's network on the CPU, and sums them up by kind and size.
 *
 *   layers MODEL [--threads N] [--runs N] [--steps] [--measure]
 *
 * With --measure the plan is measured, and what its candidates took goes to standard error.
 * Effective GFLOP/s count the operations of direct computation, whatever the algorithm did. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/executable.h"
#include "base/clock.h"
#include "cleave.h"
#include "model/builder.h"
#include "model/model.h"
#include "tests/random.h"

#define RUNS_MAX    100
#define CLASSES_MAX 256

typedef struct Options {
    const char *model;
    int threads;
    int runs;
    bool steps;   /* one line each, not summed up */
    bool measure; /* the plan is measured */
} Options;

typedef struct Class {
    char name[64];
    int count;
    double seconds;
    double flops;
} Class;

static int parse(Options *options, int argc, char **argv) {
    *options = (Options){.threads = thread_available_processors(), .runs = 3};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            options->threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            options->runs = atoi(argv[++i]);
        else if (strcmp(argv[i], "--steps") == 0)
            options->steps = true;
        else if (strcmp(argv[i], "--measure") == 0)
            options->measure = true;
        else if (!options->model && argv[i][0] != '-')
            options->model = argv[i];
        else
            return -1;
    }
    return options->model && options->runs >= 1 && options->runs <= RUNS_MAX ? 0 : -1;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[count / 2];
}

/* Seconds of each step of one run. */
static void time_steps(const CpuExecutable *executable, const CpuRun *run, double *seconds) {
    for (int i = 0; i < executable->step_count; i++) {
        const CpuStep *step = executable->steps[i];
        double begin = clock_seconds();
        operand_prepare(&step->operand, run);
        step->run(step, run);
        seconds[i] = clock_seconds() - begin;
    }
}

/* "conv 3x3 winograd 256x1024": what steps are summed up by. */
static void name_step(const CpuStep *step, char *name, size_t size) {
    const Node *node = step->node;
    char kernel[32] = "";
    if (node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED)
        snprintf(kernel, sizeof(kernel), " %dx%d", node->as.conv.kernel[0],
                 node->as.conv.kernel[1]);
    snprintf(name, size, "%s%s %dx%d", graph_op_name(node->op), kernel, node->shape.height,
             node->shape.width);
}

static void add_to_class(Class *classes, int *count, const char *name, double seconds,
                         double flops) {
    int i = 0;
    while (i < *count && strcmp(classes[i].name, name) != 0)
        i++;
    if (i == CLASSES_MAX)
        return;
    if (i == *count) {
        classes[i] = (Class){0};
        snprintf(classes[i].name, sizeof(classes[i].name), "%s", name);
        (*count)++;
    }
    classes[i].count++;
    classes[i].seconds += seconds;
    classes[i].flops += flops;
}

static void print_line(const char *name, int count, double seconds, double total, double flops) {
    printf("%-44s %4d %9.2f ms %5.1f %% %9.2f GFLOP %8.1f GFLOP/s\n", name, count, 1e3 * seconds,
           100 * seconds / total, flops / 1e9, flops / seconds / 1e9);
}

static void report(const CpuExecutable *executable, const Graph *graph, const Options *options,
                   const double *seconds) {
    Class classes[CLASSES_MAX];
    int count = 0;
    double total = 0;
    for (int i = 0; i < executable->step_count; i++)
        total += seconds[i];
    for (int i = 0; i < executable->step_count; i++) {
        const CpuStep *step = executable->steps[i];
        double flops =
            graph_node_flops(&executable->graph, (int)(step->node - executable->graph.nodes));
        char name[64];
        name_step(step, name, sizeof(name));
        if (options->steps) {
            char line[128];
            snprintf(line, sizeof(line), "%s %d>%d", name, step->operand.blocks * CHANNEL_BLOCK,
                     step->node->shape.channels);
            print_line(line, 1, seconds[i], total, flops);
        } else {
            add_to_class(classes, &count, name, seconds[i], flops);
        }
    }
    for (int i = 0; i < count; i++)
        print_line(classes[i].name, classes[i].count, classes[i].seconds, total, classes[i].flops);
    print_line("total", executable->step_count, total, total, graph_flops(graph));
}

static void print_log(void *user, cleave_log_level level, const char *line) {
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", line);
}

static cleave_status measure(NetworkPlan *plan, const Graph *graph, const CompileOptions *options,
                             cleave_error *error) {
    cleave_logger log = {.write = print_log, .level = CLEAVE_LOG_DEBUG};
    CompileOptions own = *options;
    own.log = &log;
    cleave_status status = backend_layers(&backend_cpu, plan, graph, &own, error);
    if (status == CLEAVE_OK)
        status = backend_measure(&backend_cpu, plan, &own, &(PlanProgress){0}, error);
    return status;
}

static cleave_status run(const cleave_model *model, const Options *options, cleave_error *error) {
    Graph graph;
    Executable *head = NULL;
    int samples = model->config.chunk_size;
    cleave_status status = builder_build(&graph, &model->config, model->checkpoint, samples, error);
    if (status != CLEAVE_OK)
        return status;
    CompileOptions compile = {
        .batch = 1, .threads = options->threads, .precision = CLEAVE_PRECISION_F32, .fuse = true};
    NetworkPlan plan = {0};
    if (options->measure) {
        status = measure(&plan, &graph, &compile, error);
        compile.plan = &plan;
    }
    if (status == CLEAVE_OK)
        status = backend_compile(&backend_cpu, &head, &graph, &compile, error);
    network_plan_free(&plan);
    if (status != CLEAVE_OK) {
        graph_free(&graph);
        return status;
    }
    const CpuExecutable *executable = (const CpuExecutable *)head;
    size_t inputs = (size_t)samples * (size_t)graph.nodes[0].shape.channels;
    size_t outputs = (size_t)samples * (size_t)graph.nodes[graph.count - 1].shape.channels;
    size_t steps = (size_t)executable->step_count;
    float *input = malloc(inputs * sizeof(float));
    float *output = malloc(outputs * sizeof(float));
    double *seconds = calloc(steps * RUNS_MAX, sizeof(double));
    if (input && output && seconds) {
        uint64_t state = 1;
        for (size_t i = 0; i < inputs; i++)
            input[i] = (float)((double)(random_next(&state) >> 40) / (double)(1 << 24) - 0.5);
        CpuRun cpu_run = {executable, input, output, 1};
        for (int i = 0; i <= options->runs; i++) /* the first is not counted */
            time_steps(executable, &cpu_run, seconds + steps * (size_t)(i > 0 ? i - 1 : 0));
        for (size_t i = 0; i < steps; i++) {
            double values[RUNS_MAX];
            for (int k = 0; k < options->runs; k++)
                values[k] = seconds[(size_t)k * steps + i];
            seconds[i] = median(values, options->runs);
        }
        report(executable, &graph, options, seconds);
    }
    free(input);
    free(output);
    free(seconds);
    executable_destroy(head);
    graph_free(&graph);
    return CLEAVE_OK;
}

int main(int argc, char **argv) {
    Options options;
    cleave_error error;
    cleave_model *model = NULL;
    if (parse(&options, argc, argv) != 0) {
        fprintf(stderr, "usage: layers MODEL [--threads N] [--runs N] [--steps] [--measure]\n");
        return 2;
    }
    cleave_status status = cleave_model_open(&model, options.model, NULL, &error);
    if (status == CLEAVE_OK)
        status = run(model, &options, &error);
    if (status != CLEAVE_OK)
        fprintf(stderr, "layers: %s\n", error.text);
    cleave_model_close(model);
    return status == CLEAVE_OK ? 0 : 1;
}
