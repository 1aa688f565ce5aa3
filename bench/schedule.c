/* schedule.c: how the CPU backend's work would be shared out among more threads than the machine
 * has processors. It compiles a network as if for 1, 2, 4, … 32 threads, measures each task of a
 * chunk while one thread runs them one after the other (recording_pool.c), and simulates threads
 * that take them as thread_pool.c hands them out: in order, the next one to whoever is free, with a
 * barrier behind each loop (step_times.c).
 *
 *   schedule MODEL [--config YAML] [--precision f32|f16|bf16] [--runs N] [--json] */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/step.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/model.h"
#include "model/network.h"
#include "step_times.h"

static const int thread_counts[] = {1, 2, 4, 8, 16, 32};

enum {
    COUNTS = sizeof(thread_counts) / sizeof(thread_counts[0]),
    ONE = 0,           /* the index of one thread */
    FEW = COUNTS - 2,  /* classes are shown for this many threads */
    MANY = COUNTS - 1, /* and for this many */
    DEFAULT_RUNS = 3,  /* measured at each number of threads */
    CLASS_NAME_SIZE = 80
};

static const char *const left_out[] = {
    "memory bandwidth, and caches that cores share", "clock rates, which fall when many cores work",
    "NUMA: memory that is nearer to some cores than to others",
    "waking threads, the barriers' own time, and cores that take turns at the counter of tasks"};

typedef struct Options {
    const char *model;
    const char *config;
    cleave_precision precision;
    int runs;
    bool json;
} Options;

typedef struct Schedule {
    cleave_model *model;
    Graph graph;
    Profile *profile; /* describes the steps */
    float *input;
    float *output;
    Recording recording;
    StepTimes *steps;
    int *ops; /* per step, its index in the profile */
    int step_count;
    const char *kernels;
} Schedule;

/* ---- Measuring ---- */

static cleave_status run_step(Schedule *schedule, const CpuRun *run, int step, unsigned bit,
                              cleave_error *error) {
    recording_clear(&schedule->recording);
    double begin = clock_seconds();
    step_run(run->executable->steps[step], run);
    double serial = clock_seconds() - begin - schedule->recording.inside;
    if (schedule->recording.failed ||
        !step_times_add(&schedule->steps[step], &schedule->recording, serial, bit))
        return error_memory(error, "the times of tasks", schedule->recording.count);
    return CLEAVE_OK;
}

static cleave_status begin_times(Schedule *schedule, const CpuExecutable *executable,
                                 cleave_error *error) {
    size_t count = (size_t)executable->step_count;
    if (schedule->steps)
        return CLEAVE_OK;
    schedule->kernels = executable->head.kernels;
    schedule->steps = calloc(count, sizeof(*schedule->steps));
    schedule->ops = calloc(count, sizeof(*schedule->ops));
    if (!schedule->steps || !schedule->ops)
        return error_memory(error, "the steps' times", count * sizeof(*schedule->steps));
    schedule->step_count = executable->step_count;
    for (size_t i = 0; i < count; i++) {
        schedule->steps[i].serial = -1;
        schedule->ops[i] = executable->profiling.ops[i];
    }
    return CLEAVE_OK;
}

/* The first run touches the memory, and is not measured. */
static cleave_status measure_runs(Schedule *schedule, CpuExecutable *executable, unsigned bit,
                                  int runs, cleave_error *error) {
    const CpuRun run = {executable, schedule->input, schedule->output, 1};
    cleave_status status = begin_times(schedule, executable, error);
    if (status == CLEAVE_OK)
        status =
            executable_run(&executable->head, schedule->input, schedule->output, 1, NULL, error);
    recording_pool_record(executable->pool, &schedule->recording);
    for (int i = 0; i < runs; i++)
        for (int step = 0; step < executable->step_count && status == CLEAVE_OK; step++)
            status = run_step(schedule, &run, step, bit, error);
    return status;
}

static cleave_status measure_threads(Schedule *schedule, int index, const Options *options,
                                     cleave_error *error) {
    CompileOptions compile = {.batch = 1,
                              .threads = thread_counts[index],
                              .precision = options->precision,
                              .fuse = true,
                              .profile = schedule->profile};
    Executable *executable = NULL;
    fprintf(stderr, "schedule: as cut for %d threads\n", thread_counts[index]);
    cleave_status status =
        backend_compile(&backend_cpu, &executable, &schedule->graph, &compile, error);
    if (status == CLEAVE_OK)
        status =
            measure_runs(schedule, (CpuExecutable *)executable, 1U << index, options->runs, error);
    executable_destroy(executable);
    return status;
}

static size_t shape_floats(Shape shape) {
    return (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width;
}

static cleave_status make_signals(Schedule *schedule, cleave_error *error) {
    size_t input = shape_floats(schedule->graph.nodes[0].shape);
    size_t output = shape_floats(schedule->graph.nodes[schedule->graph.count - 1].shape);
    schedule->input = memory_allocate_aligned(input * sizeof(float));
    schedule->output = memory_allocate_aligned(output * sizeof(float));
    if (!schedule->input || !schedule->output)
        return error_memory(error, "a chunk and its stems", (input + output) * sizeof(float));
    random_noise(schedule->input, input, 0.5F);
    return CLEAVE_OK;
}

static cleave_status measure(Schedule *schedule, const Options *options, cleave_error *error) {
    cleave_precision precision = options->precision;
    cleave_model_settings settings;
    cleave_model_settings_default(&settings);
    settings.config_path = options->config;
    cleave_status status = cleave_model_open(&schedule->model, options->model, &settings, error);
    if (status == CLEAVE_OK)
        status = backend_precision(&backend_cpu, 0, precision, &precision, error);
    if (status != CLEAVE_OK)
        return status;
    NetworkUse use = {.checkpoint = schedule->model->checkpoint,
                      .samples = schedule->model->config.chunk_size};
    status = network_graph(&schedule->graph, &schedule->model->config, &use, error);
    if (status == CLEAVE_OK)
        status = make_signals(schedule, error);
    if (status == CLEAVE_OK)
        status = profile_create(&schedule->profile, error);
    for (int i = 0; i < COUNTS && status == CLEAVE_OK; i++)
        status = measure_threads(schedule, i, options, error);
    return status;
}

static void schedule_free(Schedule *schedule) {
    for (int i = 0; i < schedule->step_count; i++)
        step_times_free(&schedule->steps[i]);
    free(schedule->steps);
    free(schedule->ops);
    recording_free(&schedule->recording);
    memory_free_aligned(schedule->input);
    memory_free_aligned(schedule->output);
    profile_destroy(schedule->profile);
    graph_free(&schedule->graph);
    cleave_model_close(schedule->model);
}

/* ---- Sums ---- */

/* The steps of one kind and size, as `cleave bench --profile` has them. */
typedef struct Class {
    const ProfileOp *op; /* of the first */
    int layers;
    double serial;
    double spans[COUNTS]; /* seconds on so many threads */
    size_t loops;         /* as cut for MANY */
    size_t tasks;         /* of the longest loop, likewise; the fewest of all layers */
} Class;

typedef struct Sums {
    Class *classes;
    int count;
    Class all;
} Sums;

static double efficiency(const Class *class, int index) {
    return class->spans[ONE] / (class->spans[index] * thread_counts[index]);
}

/* Seconds beyond those of threads that are never idle. */
static double lost_seconds(const Class *class, int index) {
    return class->spans[index] - class->spans[ONE] / thread_counts[index];
}

static bool is_of_class(const ProfileOp *a, const ProfileOp *b) {
    return strcmp(a->op, b->op) == 0 && strcmp(a->algorithm, b->algorithm) == 0 &&
           memcmp(a->kernel, b->kernel, sizeof(a->kernel)) == 0 &&
           a->output.height == b->output.height && a->output.width == b->output.width;
}

static void add_step(Class *class, const StepTimes *step) {
    size_t tasks = step_times_tasks(step, 1U << MANY);
    class->tasks = class->layers == 0 ? tasks : size_min(class->tasks, tasks);
    class->layers++;
    class->serial += step->serial;
    for (int i = 0; i < COUNTS; i++)
        class->spans[i] += step_times_span(step, 1U << i, thread_counts[i]);
    for (size_t i = 0; i < step->cut_count; i++)
        class->loops += (step->cuts[i].threads >> MANY) & 1U;
}

/* Those that lose the most first. */
static int compare_classes(const void *left, const void *right) {
    double a = lost_seconds(left, MANY);
    double b = lost_seconds(right, MANY);
    return (b > a) - (b < a);
}

static cleave_status make_sums(Sums *sums, const Schedule *schedule, cleave_error *error) {
    *sums = (Sums){.classes = calloc((size_t)schedule->step_count, sizeof(Class))};
    if (!sums->classes)
        return error_memory(error, "the classes of layers", sizeof(Class));
    for (int step = 0; step < schedule->step_count; step++) {
        const ProfileOp *op = &schedule->profile->ops[schedule->ops[step]];
        int at = 0;
        while (at < sums->count && !is_of_class(sums->classes[at].op, op))
            at++;
        if (at == sums->count)
            sums->classes[sums->count++].op = op;
        add_step(&sums->classes[at], &schedule->steps[step]);
        add_step(&sums->all, &schedule->steps[step]);
    }
    qsort(sums->classes, (size_t)sums->count, sizeof(Class), compare_classes);
    return CLEAVE_OK;
}

/* "conv 3x3 winograd 1024x256": bins by frames. */
static void class_name(const ProfileOp *op, char *name) {
    char kernel[32] = "";
    char size[32];
    const char *kind = strcmp(op->op, "conv_transposed") == 0 ? "up" : op->op;
    bool is_winograd = strncmp(op->algorithm, "winograd", 8) == 0;
    if (op->kernel[0] > 0)
        snprintf(kernel, sizeof(kernel), " %dx%d", op->kernel[1], op->kernel[0]);
    if (op->output.height > 1)
        snprintf(size, sizeof(size), "%dx%d", op->output.width, op->output.height);
    else
        snprintf(size, sizeof(size), "%d", op->output.width);
    snprintf(name, CLASS_NAME_SIZE, "%s%s%s%s %s", kind, kernel, is_winograd ? " " : "",
             is_winograd ? op->algorithm : "", size);
}

/* ---- For people ---- */

static void print_class(const Class *class, const char *name) {
    printf("| %s | %d | %.2f | %.3f | %zu | %zu | %.0f %% | %.2f | %.0f %% | %.2f |\n", name,
           class->layers, 1e3 * class->spans[ONE], 1e3 * class->serial, class->loops, class->tasks,
           100 * efficiency(class, FEW), 1e3 * lost_seconds(class, FEW),
           100 * efficiency(class, MANY), 1e3 * lost_seconds(class, MANY));
}

static void print_threads(const Class *all) {
    printf("| threads | ms | speed-up | efficiency |\n| ---: | ---: | ---: | ---: |\n");
    for (int i = 0; i < COUNTS; i++)
        printf("| %d | %.2f | %.2f | %.0f %% |\n", thread_counts[i], 1e3 * all->spans[i],
               all->spans[ONE] / all->spans[i], 100 * efficiency(all, i));
}

static void print_classes(const Sums *sums) {
    char name[CLASS_NAME_SIZE];
    printf("\n| layers | count | ms on one | serial ms | loops | tasks | at %d | lost ms | at %d | "
           "lost ms |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
           thread_counts[FEW], thread_counts[MANY]);
    for (int i = 0; i < sums->count; i++) {
        class_name(sums->classes[i].op, name);
        print_class(&sums->classes[i], name);
    }
    print_class(&sums->all, "network");
    printf("\nSimulated, from the times of tasks on one thread. tasks: of the longest loop, as cut "
           "for %d threads,\nof the layer that has the fewest. Left out:\n",
           thread_counts[MANY]);
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
        printf("- %s\n", left_out[i]);
}

static void print_tables(const Schedule *schedule, const Sums *sums, const Options *options) {
    printf("%s, %s, %s\n\n", options->model, precision_name(options->precision), schedule->kernels);
    print_threads(&sums->all);
    print_classes(sums);
}

/* ---- For programs ---- */

static json_t *threads_json(const Class *class) {
    json_t *list = json_array();
    for (int i = 0; i < COUNTS; i++)
        json_array_append_new(list, json_pack("{s:i, s:f, s:f, s:f}", "threads", thread_counts[i],
                                              "seconds", class->spans[i], "speed_up",
                                              class->spans[ONE] / class->spans[i], "efficiency",
                                              efficiency(class, i)));
    return list;
}

static json_t *class_json(const Class *class) {
    char name[CLASS_NAME_SIZE] = "network";
    if (class->op)
        class_name(class->op, name);
    return json_pack("{s:s, s:i, s:f, s:I, s:I, s:o}", "layers", name, "count", class->layers,
                     "serial_seconds", class->serial, "loops", (json_int_t) class->loops, "tasks",
                     (json_int_t) class->tasks, "threads", threads_json(class));
}

static void print_json(const Schedule *schedule, const Sums *sums, const Options *options) {
    json_t *classes = json_array();
    json_t *missing = json_array();
    for (int i = 0; i < sums->count; i++)
        json_array_append_new(classes, class_json(&sums->classes[i]));
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
        json_array_append_new(missing, json_string(left_out[i]));
    json_t *page =
        json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o}", "model", options->model, "precision",
                  precision_name(options->precision), "kernels", schedule->kernels, "simulated", 1,
                  "left_out", missing, "network", class_json(&sums->all), "classes", classes);
    json_dumpf(page, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(page);
}

/* ---- The program ---- */

static bool read_precision(const char *text, cleave_precision *precision) {
    for (int i = CLEAVE_PRECISION_F32; i <= CLEAVE_PRECISION_BF16; i++)
        if (strcmp(text, precision_name((cleave_precision)i)) == 0) {
            *precision = (cleave_precision)i;
            return true;
        }
    return false;
}

static bool read_options(int count, char **words, Options *options) {
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"precision", required_argument, NULL, 'p'},
                                          {"runs", required_argument, NULL, 'r'},
                                          {"json", no_argument, NULL, 'j'},
                                          {NULL, 0, NULL, 0}};
    int option;
    bool valid = true;
    while ((option = getopt_long(count, words, "c:p:", known, NULL)) != -1) {
        if (option == 'c')
            options->config = optarg;
        else if (option == 'r')
            options->runs = atoi(optarg);
        else if (option == 'j')
            options->json = true;
        else
            valid = option == 'p' && read_precision(optarg, &options->precision) && valid;
    }
    options->model = optind < count ? words[optind] : NULL;
    return valid && options->runs > 0 && optind + 1 == count;
}

int main(int count, char **words) {
    Options options = {.precision = CLEAVE_PRECISION_F32, .runs = DEFAULT_RUNS};
    Schedule schedule = {0};
    Sums sums = {0};
    cleave_error error;
    if (!read_options(count, words, &options)) {
        fprintf(stderr, "usage: schedule MODEL [--config YAML] [--precision f32|f16|bf16] "
                        "[--runs N] [--json]\n");
        return 2;
    }
    cleave_status status = measure(&schedule, &options, &error);
    if (status == CLEAVE_OK)
        status = make_sums(&sums, &schedule, &error);
    if (status != CLEAVE_OK)
        fprintf(stderr, "schedule: %s\n", error.text);
    else if (options.json)
        print_json(&schedule, &sums, &options);
    else
        print_tables(&schedule, &sums, &options);
    free(sums.classes);
    schedule_free(&schedule);
    return status == CLEAVE_OK ? 0 : 1;
}
