/* test_faults.c: every call of the library that can fail is made to fail in turn: allocations,
 * reads, writes, renames, threads. Each run must end with one clear line or with the right bits,
 * leak nothing, leave no partial output and no temporary file, and lose no journal; afterwards the
 * same separator works as before.
 *
 * By default only some of the calls fail, drawn by a fixed seed; with an argument "all", or
 * CLEAVE_FAULTS=all, every one. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleave/extra.h"
#include "src/base/random.h"
#include "tests/faults/faults.h"
#include "tests/support/files.h"

#define PATH_SIZE 1024

/* Runs of each scenario and mode, unless all are made. */
#define SOME_RUNS 40

#if defined(__SANITIZE_ADDRESS__)
int __lsan_do_recoverable_leak_check(void);
#endif

static bool run_all;
static char root[PATH_SIZE]; /* the folder of all files made here */
static uint64_t random_state = 20240607;

/* Printed when a run breaks a rule. */
static char context[512];

#define CHECK(condition, ...)             \
    do {                                  \
        if (!(condition)) {               \
            print_error("%s\n", context); \
            fail_msg(__VA_ARGS__);        \
        }                                 \
    } while (0)

/* ---- Files ---- */

typedef struct Bytes {
    unsigned char *data;
    size_t size;
    bool found;
} Bytes;

static Bytes read_file(const char *path) {
    Bytes bytes = {.found = access(path, F_OK) == 0};
    if (bytes.found)
        bytes.data = read_bytes(path, &bytes.size);
    return bytes;
}

static bool is_same(const Bytes *a, const Bytes *b) {
    return a->found && b->found && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* Calls visit for everything below a folder; for what is in a folder before the folder. */
static void walk(const char *folder, void (*visit)(void *user, const char *path, bool is_folder),
                 void *user) {
    DIR *directory = opendir(folder);
    const struct dirent *entry = directory ? readdir(directory) : NULL;
    for (; entry; entry = readdir(directory)) {
        char path[PATH_SIZE];
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (lstat(path, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode))
            walk(path, visit, user);
        visit(user, path, S_ISDIR(status.st_mode));
    }
    if (directory)
        closedir(directory);
}

static void count_one(void *user, const char *path, bool is_folder) {
    (void)path;
    (void)is_folder;
    ++*(int *)user;
}

static int open_descriptors(void) {
    int count = 0;
    walk("/proc/self/fd", count_one, &count);
    return count;
}

/* ---- Scenarios ---- */

typedef struct Scenario {
    const char *folder; /* of the model and mix below the test data */
    const char *model;  /* file name of the checkpoint */
    const char *input;  /* below the test data; NULL: the folder's mix.wav */
    const char *residual;
    int sample_rate; /* the mix's header is changed to say so; 0: left */
    int overlap;
    cleave_blend blend;
    int tta;
    cleave_format format;
    int output_rate; /* as in cleave_file_settings.sample_rate */
    cleave_bits bits;
    bool resume;
    bool resumed; /* with the journal of an interrupted run */
    bool replace; /* outputs of an earlier run are there */
    bool profile;
} Scenario;

typedef struct Bench {
    const Scenario *scenario;
    char input[PATH_SIZE];
    char output[PATH_SIZE];
    cleave_file_settings settings;
    cleave_model *model;
    cleave_separator *separator;
    cleave_outputs list;
    Bytes *expected; /* (list.count) */
    Bytes old;       /* what the run replaces */
    char journal_path[PATH_SIZE];
    Bytes journal;
} Bench;

static void make_parent(const char *path) {
    char folder[PATH_SIZE];
    snprintf(folder, sizeof(folder), "%s", path);
    for (char *p = folder + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(folder, 0777);
            *p = '/';
        }
}

/* A copy of the input, with the sample rate that the scenario asks for in its header. */
static void make_input(Bench *bench) {
    const Scenario *scenario = bench->scenario;
    char path[PATH_SIZE];
    const char *name = scenario->input ? scenario->input : "mix.wav";
    snprintf(path, sizeof(path), "%s/%s/%s", test_data("").text,
             scenario->input ? "" : scenario->folder, name);
    snprintf(bench->input, sizeof(bench->input), "%.500s/a%s", root, strrchr(name, '.'));
    Bytes bytes = read_file(path);
    assert_true(bytes.found);
    for (int i = 0; i < 4 && bytes.data && scenario->sample_rate > 0; i++)
        bytes.data[24 + i] = (unsigned char)(scenario->sample_rate >> 8 * i & 0xff);
    write_bytes(bench->input, bytes.data, bytes.size);
    free(bytes.data);
}

static int stop_half_way(void *user, const cleave_progress *progress) {
    (void)user;
    return progress->samples_done > 0 && 2 * progress->samples_done >= progress->samples_total;
}

static void interrupt(Bench *bench) {
    cleave_error error;
    cleave_file_settings settings = bench->settings;
    settings.progress = stop_half_way;
    assert_int_equal(
        cleave_separator_separate_file(bench->separator, bench->input, &settings, NULL, &error),
        CLEAVE_ERROR_CANCELLED);
    bench->journal = read_file(bench->journal_path);
    assert_true(bench->journal.found);
}

static void open_model(Bench *bench) {
    const Scenario *scenario = bench->scenario;
    cleave_error error;
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s/%s", test_data("").text, scenario->folder, scenario->model);
    if (cleave_model_open(&bench->model, path, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
}

static cleave_separator_settings separator_settings(const Scenario *scenario) {
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.threads = 2;
    settings.overlap = scenario->overlap;
    settings.blend = scenario->blend;
    settings.tta = scenario->tta;
    settings.profile = scenario->profile;
    return settings;
}

/* Opens model and separator, and makes the undisturbed run that the others are compared with. */
static void set_up(Bench *bench, const Scenario *scenario) {
    cleave_error error;
    *bench = (Bench){.scenario = scenario};
    open_model(bench);
    cleave_separator_settings settings = separator_settings(scenario);
    if (cleave_separator_open(&bench->separator, bench->model, &settings, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    make_input(bench);
    snprintf(bench->output, sizeof(bench->output), "%.500s/out", root);
    cleave_file_settings_default(&bench->settings);
    bench->settings.directory = bench->output;
    bench->settings.format = scenario->format;
    bench->settings.sample_rate = scenario->output_rate;
    bench->settings.bits = scenario->bits;
    bench->settings.residual = scenario->residual;
    bench->settings.resume = scenario->resume;
    if (cleave_outputs_list(bench->model, bench->input, &bench->settings, &bench->list, &error) !=
        CLEAVE_OK)
        fail_msg("%s", error.text);
    const char *first = bench->list.paths[0];
    for (int i = 1; i < bench->list.count; i++)
        if (strcmp(bench->list.paths[i], first) < 0)
            first = bench->list.paths[i];
    const char *name = strrchr(first, '/') + 1;
    snprintf(bench->journal_path, sizeof(bench->journal_path), "%.*s.%s.resume",
             (int)(name - first), first, name);
    if (cleave_separator_separate_file(bench->separator, bench->input, &bench->settings, NULL,
                                       &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    bench->expected = calloc((size_t)bench->list.count, sizeof(Bytes));
    assert_non_null(bench->expected);
    for (int i = 0; i < bench->list.count; i++) {
        bench->expected[i] = read_file(bench->list.paths[i]);
        assert_true(bench->expected[i].found);
    }
    remove_tree(bench->output);
    if (scenario->resumed)
        interrupt(bench);
    bench->old = (Bytes){.data = copy_bytes("from an earlier run", 19), .size = 19, .found = true};
}

static void tear_down(Bench *bench) {
    for (int i = 0; i < bench->list.count; i++)
        free(bench->expected[i].data);
    free(bench->expected);
    free(bench->journal.data);
    free(bench->old.data);
    cleave_outputs_free(&bench->list);
    cleave_separator_close(bench->separator);
    cleave_model_close(bench->model);
    remove_tree(bench->output);
    remove(bench->input);
}

/* ---- Rules ---- */

static void check_text(const cleave_error *error) {
    CHECK(error->text[0] != '\0', "the error has no text");
    CHECK(!strpbrk(error->text, "\r\n"), "more than one line: %s", error->text);
    CHECK(!strstr(error->text, "Success") && !strstr(error->text, "No Error") &&
              !strstr(error->text, "No error"),
          "the cause is lost: %s", error->text);
}

/* A failed allocation is reported as such, wherever it was. */
static void check_status(const FaultReport *report, FaultMode mode, const cleave_error *error) {
    check_text(error);
    if (mode == FAULT_ONCE && report->class == FAULT_MEMORY)
        CHECK(error->status == CLEAVE_ERROR_MEMORY, "%s, but: %s: %s", report->function,
              cleave_status_name(error->status), error->text);
    CHECK(error->status != CLEAVE_ERROR_INTERNAL, "%s", error->text);
}

typedef struct Remains {
    const Bench *bench;
    int whole; /* outputs as expected */
    int old;   /* outputs of an earlier run */
    int stray;
    bool journal;
    char first_stray[PATH_SIZE];
} Remains;

static void judge_one(void *user, const char *path, bool is_folder) {
    Remains *remains = user;
    const Bench *bench = remains->bench;
    for (int i = 0; i < bench->list.count; i++) {
        if (is_folder || strcmp(path, bench->list.paths[i]) != 0)
            continue;
        Bytes bytes = read_file(path);
        bool whole = is_same(&bytes, &bench->expected[i]);
        bool old = is_same(&bytes, &bench->old);
        free(bytes.data);
        CHECK(whole || old, "%s is neither whole nor an earlier run's", path);
        remains->whole += whole;
        remains->old += old;
        return;
    }
    if (!is_folder && strcmp(path, bench->journal_path) == 0)
        remains->journal = true;
    else if (!is_folder || rmdir(path) == 0) /* an empty folder is stray, too */
        if (remains->stray++ == 0)
            snprintf(remains->first_stray, sizeof(remains->first_stray), "%s", path);
}

static Remains look_at_remains(const Bench *bench) {
    Remains remains = {.bench = bench};
    walk(bench->output, judge_one, &remains);
    if (rmdir(bench->output) == 0)
        snprintf(remains.first_stray, sizeof(remains.first_stray), "%s", bench->output);
    return remains;
}

static void check_done(const Bench *bench, const FaultReport *report) {
    bool cannot_remove = report->failed > 0 && report->class == FAULT_REMOVE;
    Remains remains = look_at_remains(bench);
    CHECK(remains.whole == bench->list.count, "%d of %d outputs", remains.whole, bench->list.count);
    CHECK(!remains.first_stray[0] || cannot_remove, "left behind: %s", remains.first_stray);
    CHECK(!remains.journal || cannot_remove, "left behind: %s", bench->journal_path);
}

static void check_undone(const Bench *bench, const FaultReport *report) {
    const Scenario *scenario = bench->scenario;
    bool cannot_rename = report->class == FAULT_RENAME;
    bool cannot_remove = report->class == FAULT_REMOVE;
    Remains remains = look_at_remains(bench);
    CHECK(remains.whole == 0 || cannot_rename, "%d outputs of a failed run", remains.whole);
    CHECK(remains.whole < bench->list.count, "all outputs, but a failure");
    CHECK(!scenario->replace || remains.old + remains.whole == bench->list.count,
          "an earlier run's output is gone");
    CHECK(!remains.first_stray[0] || cannot_remove, "left behind: %s", remains.first_stray);
    CHECK(!remains.journal || scenario->resume || cannot_remove, "a journal nobody asked for");
    if (!scenario->resumed)
        return;
    struct stat status;
    CHECK(stat(bench->journal_path, &status) == 0, "the journal is lost");
    CHECK((size_t)status.st_size >= bench->journal.size, "the journal was cut");
}

/* ---- One run ---- */

static void prepare(const Bench *bench) {
    remove_tree(bench->output);
    make_parent(bench->scenario->replace || bench->scenario->resumed ? bench->list.paths[0]
                                                                     : bench->output);
    for (int i = 0; i < bench->list.count && bench->scenario->replace; i++)
        write_bytes(bench->list.paths[i], bench->old.data, bench->old.size);
    if (bench->scenario->resumed)
        write_bytes(bench->journal_path, bench->journal.data, bench->journal.size);
}

static void check_undisturbed(const Bench *bench) {
    cleave_error error;
    FaultReport none = {.failed = 0};
    cleave_status status = cleave_separator_separate_file(bench->separator, bench->input,
                                                          &bench->settings, NULL, &error);
    CHECK(status == CLEAVE_OK, "the next run fails: %s", error.text);
    check_done(bench, &none);
}

static void describe(const Bench *bench, FaultMode mode, int64_t at, const FaultReport *report,
                     const cleave_error *error) {
    static const char *const modes[] = {"none", "once", "from", "partial", "signal"};
    snprintf(context, sizeof(context), "%s, %s, call %lld (%s, %lld failed): %.200s",
             bench->scenario->folder, modes[mode], (long long)at,
             report->function ? report->function : "not reached", (long long)report->failed,
             error->status == CLEAVE_OK ? "done" : error->text);
}

static void check_leaks(void) {
#if defined(__SANITIZE_ADDRESS__)
    CHECK(__lsan_do_recoverable_leak_check() == 0, "memory leaked");
#endif
}

static FaultReport run_once(Bench *bench, FaultMode mode, int64_t at) {
    cleave_error error;
    cleave_result result;
    prepare(bench);
    int descriptors = open_descriptors();
    int64_t blocks = faults_live_blocks();
    faults_arm(mode, at);
    cleave_status status = cleave_separator_separate_file(bench->separator, bench->input,
                                                          &bench->settings, &result, &error);
    FaultReport report = faults_disarm();
    describe(bench, mode, at, &report, &error);
    CHECK(status == error.status, "status %d, but error %d", status, error.status);
    CHECK((status == CLEAVE_OK) == (result.stems != NULL), "a result without success");
    cleave_result_free(&result);
    CHECK(faults_live_blocks() == blocks, "%lld blocks leaked",
          (long long)(faults_live_blocks() - blocks));
    CHECK(open_descriptors() == descriptors, "a descriptor leaked");
    if (status == CLEAVE_OK) {
        check_done(bench, &report);
    } else {
        check_status(&report, mode, &error);
        check_undone(bench, &report);
    }
    check_undisturbed(bench);
    return report;
}

/* ---- All runs ---- */

/* The next call to fail: each in turn, or one of each stretch of `stride`. */
static int64_t next_call(int64_t at, int64_t stride) {
    int64_t stretch = (at - 1) / stride + 1;
    return stride == 1
               ? at + 1
               : stretch * stride + 1 + (int64_t)(random_next(&random_state) % (uint64_t)stride);
}

/* Runs until one is over before the call that is to fail; returns the number of runs. */
static int64_t enumerate(void *bench, FaultMode mode, int64_t calls,
                         FaultReport (*run)(void *bench, FaultMode mode, int64_t at)) {
    int64_t stride = run_all || calls <= SOME_RUNS ? 1 : (calls + SOME_RUNS - 1) / SOME_RUNS;
    int64_t runs = 0;
    int64_t at = stride == 1 ? 1 : next_call(0, stride) - stride;
    for (FaultReport report = {.failed = 1}; report.failed > 0; at = next_call(at, stride)) {
        report = run(bench, mode, at < 1 ? 1 : at);
        runs++;
    }
    check_leaks();
    return runs;
}

static FaultReport run_bench(void *bench, FaultMode mode, int64_t at) {
    return run_once(bench, mode, at);
}

static void must_succeed(Bench *bench, FaultMode mode) {
    for (int i = 0; i < 5; i++) {
        FaultReport report = run_once(bench, mode, i);
        CHECK(report.failed > 0, "nothing was disturbed");
        CHECK(strstr(context, ": done"), "not survived");
    }
}

static void fault_separation(void **state) {
    Bench bench;
    set_up(&bench, *state);
    int64_t calls = run_once(&bench, FAULT_NONE, 0).calls;
    int64_t runs = enumerate(&bench, FAULT_ONCE, calls, run_bench);
    runs += enumerate(&bench, FAULT_FROM, calls, run_bench);
    must_succeed(&bench, FAULT_PARTIAL);
    must_succeed(&bench, FAULT_SIGNAL);
    print_message("%s: %lld calls that can fail, %lld runs with a fault\n", bench.scenario->folder,
                  (long long)calls, (long long)runs);
    tear_down(&bench);
}

/* ---- Opening ---- */

typedef struct Opening {
    const Scenario *scenario;
    float *expected; /* (stems, channels, samples) */
    size_t bytes;
} Opening;

#define OPENING_SAMPLES 2000

/* The stems of a ramp; to be freed. */
static float *separate_ramp(cleave_separator *separator, const cleave_model *model, size_t *bytes) {
    cleave_model_info info;
    cleave_error error;
    cleave_model_get_info(model, &info);
    float ramp[OPENING_SAMPLES];
    const float *planes[2] = {ramp, ramp};
    for (int i = 0; i < OPENING_SAMPLES; i++)
        ramp[i] = (float)(i % 97) / 97.0f - 0.5f;
    *bytes = (size_t)info.stem_count * (size_t)info.channels * sizeof(ramp);
    float *stems = malloc(*bytes);
    assert_non_null(stems);
    if (cleave_separator_separate_memory(separator, planes, info.channels, OPENING_SAMPLES, stems,
                                         NULL, NULL, &error) != CLEAVE_OK)
        fail_msg("%s: %s", context, error.text);
    return stems;
}

/* Opens model and separator, and closes them again; *stems, unless NULL, is what they compute. */
static void open_both(const Scenario *scenario, FaultMode mode, int64_t at, float **stems,
                      size_t *bytes, FaultReport *report, cleave_error *error) {
    char path[PATH_SIZE];
    cleave_model *model = NULL;
    cleave_separator *separator = NULL;
    cleave_separator_settings settings = separator_settings(scenario);
    snprintf(path, sizeof(path), "%s/%s/%s", test_data("").text, scenario->folder, scenario->model);
    faults_arm(mode, at);
    cleave_status status = cleave_model_open(&model, path, NULL, error);
    if (status == CLEAVE_OK)
        status = cleave_separator_open(&separator, model, &settings, error);
    *report = faults_disarm();
    assert_int_equal(status, error->status);
    *stems = status == CLEAVE_OK ? separate_ramp(separator, model, bytes) : NULL;
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static FaultReport run_opening(void *user, FaultMode mode, int64_t at) {
    Opening *opening = user;
    Bench bench = {.scenario = opening->scenario};
    FaultReport report;
    cleave_error error;
    float *stems = NULL;
    size_t bytes = 0;
    int descriptors = open_descriptors();
    int64_t blocks = faults_live_blocks();
    open_both(opening->scenario, mode, at, &stems, &bytes, &report, &error);
    describe(&bench, mode, at, &report, &error);
    if (stems && opening->expected)
        CHECK(memcmp(stems, opening->expected, opening->bytes) == 0, "other bits");
    else
        check_status(&report, mode, &error);
    free(stems);
    CHECK(faults_live_blocks() == blocks, "%lld blocks leaked",
          (long long)(faults_live_blocks() - blocks));
    CHECK(open_descriptors() == descriptors, "a descriptor leaked");
    return report;
}

static void fault_opening(void **state) {
    Opening opening = {.scenario = *state};
    FaultReport report;
    cleave_error error;
    open_both(opening.scenario, FAULT_NONE, 0, &opening.expected, &opening.bytes, &report, &error);
    assert_non_null(opening.expected);
    int64_t runs = enumerate(&opening, FAULT_ONCE, report.calls, run_opening);
    runs += enumerate(&opening, FAULT_FROM, report.calls, run_opening);
    run_opening(&opening, FAULT_SIGNAL, 0);
    CHECK(strstr(context, ": done"), "not survived");
    print_message("opening %s: %lld calls that can fail, %lld runs with a fault\n",
                  opening.scenario->folder, (long long)report.calls, (long long)runs);
    free(opening.expected);
}

/* ---- Exporting ---- */

typedef struct Exporting {
    const Scenario *scenario;
    cleave_model *model;
    char path[PATH_SIZE]; /* in a folder that the export makes */
    Bytes expected;
} Exporting;

/* The file is whole or missing, and nothing else is left. */
static FaultReport run_exporting(void *user, FaultMode mode, int64_t at) {
    Exporting *exporting = user;
    Bench bench = {.scenario = exporting->scenario};
    cleave_error error;
    int strays = 0;
    int descriptors = open_descriptors();
    int64_t blocks = faults_live_blocks();
    faults_arm(mode, at);
    cleave_status status =
        cleave_model_export_onnx(exporting->model, exporting->path, NULL, NULL, &error);
    FaultReport report = faults_disarm();
    describe(&bench, mode, at, &report, &error);
    CHECK(status == error.status, "status %d, but error %d", status, error.status);
    CHECK(faults_live_blocks() == blocks, "%lld blocks leaked",
          (long long)(faults_live_blocks() - blocks));
    CHECK(open_descriptors() == descriptors, "a descriptor leaked");
    Bytes bytes = read_file(exporting->path);
    if (status == CLEAVE_OK) {
        CHECK(!exporting->expected.found || is_same(&bytes, &exporting->expected), "other bytes");
    } else {
        check_status(&report, mode, &error);
        CHECK(!bytes.found, "a file in spite of an error");
    }
    free(bytes.data);
    remove(exporting->path);
    walk(root, count_one, &strays);
    CHECK(strays == (status == CLEAVE_OK) || report.class == FAULT_REMOVE,
          "%d files or folders left", strays);
    remove_tree(root);
    mkdir(root, 0777);
    return report;
}

static void fault_exporting(void **state) {
    Exporting exporting = {.scenario = *state};
    char path[PATH_SIZE];
    cleave_error error;
    snprintf(path, sizeof(path), "%s/%s/%s", test_data("").text, exporting.scenario->folder,
             exporting.scenario->model);
    snprintf(exporting.path, sizeof(exporting.path), "%s/new/network.onnx", root);
    assert_int_equal(cleave_model_open(&exporting.model, path, NULL, &error), CLEAVE_OK);
    assert_int_equal(cleave_model_export_onnx(exporting.model, exporting.path, NULL, NULL, &error),
                     CLEAVE_OK);
    exporting.expected = read_file(exporting.path);
    assert_true(exporting.expected.found);
    int64_t calls = run_exporting(&exporting, FAULT_NONE, 0).calls;
    int64_t runs = enumerate(&exporting, FAULT_ONCE, calls, run_exporting);
    runs += enumerate(&exporting, FAULT_FROM, calls, run_exporting);
    run_exporting(&exporting, FAULT_PARTIAL, 0);
    CHECK(strstr(context, ": done"), "not survived");
    run_exporting(&exporting, FAULT_SIGNAL, 0);
    CHECK(strstr(context, ": done"), "not survived");
    print_message("exporting %s: %lld calls that can fail, %lld runs with a fault\n",
                  exporting.scenario->folder, (long long)calls, (long long)runs);
    free(exporting.expected.data);
    cleave_model_close(exporting.model);
}

/* ---- Reading, comparing, checking ---- */

/* What `cleave verify` and `cleave doctor` call beside a separator. */
static cleave_status check_and_compare(const char *path, cleave_error *error) {
    cleave_audio audio = {0};
    cleave_comparison comparison;
    cleave_model *model = NULL;
    cleave_status status = cleave_audio_read(path, 2, 22050, 0.05, &audio, NULL, NULL, error);
    if (status == CLEAVE_OK)
        status = cleave_audio_compare((const float *const *)audio.planes,
                                      (const float *const *)audio.planes, audio.channels,
                                      audio.samples, &comparison, error);
    if (status == CLEAVE_OK)
        status = cleave_model_open_sample(&model, NULL, error);
    cleave_model_close(model);
    cleave_audio_free(&audio);
    return status;
}

static FaultReport run_checking(void *user, FaultMode mode, int64_t at) {
    Bench *bench = user;
    cleave_error error;
    int strays = 0;
    int descriptors = open_descriptors();
    int64_t blocks = faults_live_blocks();
    faults_arm(mode, at);
    cleave_status status = check_and_compare(bench->input, &error);
    FaultReport report = faults_disarm();
    describe(bench, mode, at, &report, &error);
    CHECK(status == error.status, "status %d, but error %d", status, error.status);
    if (status != CLEAVE_OK)
        check_status(&report, mode, &error);
    CHECK(faults_live_blocks() == blocks, "%lld blocks leaked",
          (long long)(faults_live_blocks() - blocks));
    CHECK(open_descriptors() == descriptors, "a descriptor leaked");
    walk(bench->output, count_one, &strays);
    CHECK(strays == 0 || report.class == FAULT_REMOVE, "%d files or folders left", strays);
    remove_tree(bench->output);
    mkdir(bench->output, 0777);
    return report;
}

/* The sample network's temporary folder is made in one of the test's. */
static void fault_checking(void **state) {
    Bench bench = {.scenario = *state};
    const char *before = getenv("TMPDIR");
    char *kept = before ? strdup(before) : NULL;
    snprintf(bench.output, sizeof(bench.output), "%.500s/temporary", root);
    mkdir(bench.output, 0777);
    setenv("TMPDIR", bench.output, 1);
    make_input(&bench);
    int64_t calls = run_checking(&bench, FAULT_NONE, 0).calls;
    CHECK(strstr(context, ": done"), "does not work undisturbed");
    int64_t runs = enumerate(&bench, FAULT_ONCE, calls, run_checking);
    runs += enumerate(&bench, FAULT_FROM, calls, run_checking);
    run_checking(&bench, FAULT_PARTIAL, 0);
    CHECK(strstr(context, ": done"), "not survived");
    print_message("checking: %lld calls that can fail, %lld runs with a fault\n", (long long)calls,
                  (long long)runs);
    remove_tree(bench.output);
    remove(bench.input);
    if (kept)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    free(kept);
}

/* ---- All ---- */

static Scenario checkings[] = {{.folder = "cases/two-chunks-overlap-one"}};

static Scenario exportings[] = {
    {.folder = "cases/batch-norm-four-scales", .model = "model.ckpt"},
    {.folder = "cases/group-norm-straddle", .model = "model.ckpt"},
};

static Scenario openings[] = {
    {.folder = "cases/two-chunks-overlap-one", .model = "model.safetensors", .profile = true},
    {.folder = "cases/overlap-fifty", .model = "model.ckpt"},
    {.folder = "cases/one-sample-stream-views", .model = "model.th"},
    {.folder = "cases/batch-norm-four-scales", .model = "model.ckpt"},
};

/* Of an interrupted run, and fresh; of every kind of output, and over what is there. */
static Scenario separations[] = {
    {.folder = "cases/two-chunks-overlap-one", .model = "model.safetensors", .residual = "rest"},
    {.folder = "cases/two-chunks-overlap-one",
     .model = "model.safetensors",
     .residual = "rest",
     .replace = true,
     .profile = true},
    {.folder = "cases/three-channels-normalize",
     .model = "model.safetensors",
     .overlap = 4,
     .format = CLEAVE_FORMAT_FLAC,
     .resume = true},
    {.folder = "cases/two-chunks-overlap-one",
     .model = "model.safetensors",
     .overlap = 4,
     .format = CLEAVE_FORMAT_FLAC,
     .residual = "rest",
     .resume = true,
     .resumed = true},
    {.folder = "cases/mean-tta-normalize",
     .model = "model.ckpt",
     .sample_rate = 48000,
     .overlap = 2,
     .blend = CLEAVE_BLEND_MEAN,
     .tta = 1,
     .format = CLEAVE_FORMAT_OGG},
#ifdef HAVE_FFMPEG
    {.folder = "cases/overlap-fifty",
     .model = "model.ckpt",
     .input = "audio/tone.wma",
     .overlap = 2,
     .format = CLEAVE_FORMAT_AIFF,
     .bits = CLEAVE_BITS_16},
    {.folder = "cases/two-chunks-overlap-one",
     .model = "model.safetensors",
     .residual = "rest",
     .format = CLEAVE_FORMAT_M4A,
     .output_rate = 48000},
    {.folder = "cases/two-chunks-overlap-one",
     .model = "model.safetensors",
     .format = CLEAVE_FORMAT_ALAC},
#endif
    {.folder = "cases/two-chunks-overlap-one",
     .model = "model.safetensors",
     .format = CLEAVE_FORMAT_OPUS},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(int argc, char **argv) {
    struct CMUnitTest
        tests[COUNT(openings) + COUNT(separations) + COUNT(exportings) + COUNT(checkings)];
    size_t count = 0;
    const char *temporary = getenv("TMPDIR");
    const char *wanted = argc > 1 ? argv[1] : getenv("CLEAVE_FAULTS");
    run_all = wanted && strcmp(wanted, "all") == 0;
    for (size_t i = 0; i < COUNT(openings); i++)
        tests[count++] =
            (struct CMUnitTest){openings[i].folder, fault_opening, NULL, NULL, &openings[i]};
    for (size_t i = 0; i < COUNT(separations); i++)
        tests[count++] = (struct CMUnitTest){separations[i].folder, fault_separation, NULL, NULL,
                                             &separations[i]};
    for (size_t i = 0; i < COUNT(exportings); i++)
        tests[count++] =
            (struct CMUnitTest){exportings[i].folder, fault_exporting, NULL, NULL, &exportings[i]};
    for (size_t i = 0; i < COUNT(checkings); i++)
        tests[count++] = (struct CMUnitTest){"checking", fault_checking, NULL, NULL, &checkings[i]};
    snprintf(root, sizeof(root), "%.900s/cleave-faults-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(root))
        return 1;
    int failed = cmocka_run_group_tests_name("faults", tests, NULL, NULL);
    remove_tree(root);
    return failed;
}
