/* layers.c: times every step of a model's network on the CPU, and sums them up by kind and size.
 *
 *   layers MODEL [--threads N] [--runs N] [--precision f32|f16|bf16] [--steps] [--measure]
 *
 * GFLOP are those of direct computation, whatever the algorithm does, with all that is fused into a
 * step; "peak" is the share of the gemm's own speed in the first cache, on as many threads, that
 * the multiplications really done come to. GB are the activations that a step reads and writes, and
 * its weights, each counted once. With --measure the plan is measured, and what its candidates took
 * goes to standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/executable.h"
#include "base/clock.h"
#include "base/processors.h"
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
    cleave_precision precision;
    bool steps;   /* one line each, not summed up */
    bool measure; /* the plan is measured */
} Options;

typedef struct Class {
    char name[64];
    int count;
    double seconds;
    double flops; /* of direct computation */
    double done;  /* of these, what is really done in products */
    double bytes;
} Class;

static cleave_precision precision_of(const char *name) {
    return strcmp(name, "bf16") == 0  ? CLEAVE_PRECISION_BF16
           : strcmp(name, "f16") == 0 ? CLEAVE_PRECISION_F16
                                      : CLEAVE_PRECISION_F32;
}

static int parse(Options *options, int argc, char **argv) {
    *options = (Options){
        .threads = thread_available_processors(), .runs = 3, .precision = CLEAVE_PRECISION_F32};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            options->threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            options->runs = atoi(argv[++i]);
        else if (strcmp(argv[i], "--precision") == 0 && i + 1 < argc)
            options->precision = precision_of(argv[++i]);
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

/* "conv 3x3 256x1024": what steps are summed up by. */
static void name_step(const ProfileOp *op, char *name, size_t size) {
    char kernel[32] = "";
    if (op->kernel[0] > 0)
        snprintf(kernel, sizeof(kernel), " %dx%d", op->kernel[0], op->kernel[1]);
    snprintf(name, size, "%s%s %dx%d", op->op, kernel, op->output.height, op->output.width);
}

/* ---- Reporting ---- */

static void add(Class *sum, const Class *step) {
    sum->count += step->count;
    sum->seconds += step->seconds;
    sum->flops += step->flops;
    sum->done += step->done;
    sum->bytes += step->bytes;
}

static void add_to_class(Class *classes, int *count, const Class *step) {
    int i = 0;
    while (i < *count && strcmp(classes[i].name, step->name) != 0)
        i++;
    if (i == CLASSES_MAX)
        return;
    if (i == *count) {
        classes[i] = (Class){0};
        memcpy(classes[i].name, step->name, sizeof(classes[i].name));
        (*count)++;
    }
    add(&classes[i], step);
}

static void print_line(const Class *line, double total, double peak) {
    char share[16] = "";
    if (line->done > 0)
        snprintf(share, sizeof(share), "%.0f %%", 100 * line->done / line->seconds / peak);
    printf("%-32s %4d %9.2f ms %5.1f %% %9.2f GFLOP %7.1f GFLOP/s %6s %7.3f GB %6.1f GB/s\n",
           line->name, line->count, 1e3 * line->seconds, 100 * line->seconds / total,
           line->flops / 1e9, line->flops / line->seconds / 1e9, share, line->bytes / 1e9,
           line->bytes / line->seconds / 1e9);
}

static Class describe(const ProfileOp *op, double seconds, bool channels) {
    Class one = {.count = 1,
                 .seconds = seconds,
                 .flops = op->flops,
                 .done = op->products,
                 .bytes = op->bytes + op->weight_bytes};
    char name[48];
    name_step(op, name, sizeof(name));
    snprintf(one.name, sizeof(one.name), "%s", name);
    if (channels)
        snprintf(one.name, sizeof(one.name), "%s %d>%d", name, op->input.channels,
                 op->output.channels);
    return one;
}

static void print_steps(const CpuExecutable *executable, const Options *options,
                        const ProfileOp *ops, const double *seconds) {
    Class classes[CLASSES_MAX];
    Class total = {.name = "total"};
    int count = 0;
    double peak = cpu_peak(executable, executable->precision);
    for (int i = 0; i < executable->step_count; i++) {
        Class one = describe(&ops[i], seconds[i], options->steps);
        add(&total, &one);
        if (!options->steps)
            add_to_class(classes, &count, &one);
    }
    for (int i = 0; i < executable->step_count && options->steps; i++) {
        Class one = describe(&ops[i], seconds[i], true);
        print_line(&one, total.seconds, peak);
    }
    for (int i = 0; i < count; i++)
        print_line(&classes[i], total.seconds, peak);
    print_line(&total, total.seconds, peak);
    printf("peak: %.1f GFLOP/s, %s kernels, %s, %d threads\n", peak / 1e9,
           executable->kernels->name, precision_name(executable->precision), executable->threads);
}

static cleave_status report(const CpuExecutable *executable, const Options *options,
                            const double *seconds, cleave_error *error) {
    ProfileOp *ops = calloc((size_t)executable->step_count, sizeof(*ops));
    if (!ops)
        return error_memory(error, "the steps", (size_t)executable->step_count * sizeof(*ops));
    cleave_status status = cpu_describe_steps(executable, ops, error);
    if (status == CLEAVE_OK)
        print_steps(executable, options, ops, seconds);
    free(ops);
    return status;
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
        .batch = 1, .threads = options->threads, .precision = options->precision, .fuse = true};
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
        status = report(executable, options, seconds, error);
    }
    free(input);
    free(output);
    free(seconds);
    executable_destroy(head);
    graph_free(&graph);
    return status;
}

int main(int argc, char **argv) {
    Options options;
    cleave_error error;
    cleave_model *model = NULL;
    if (parse(&options, argc, argv) != 0) {
        fprintf(stderr, "usage: layers MODEL [--threads N] [--runs N] [--precision f32|f16|bf16] "
                        "[--steps] [--measure]\n");
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
