/* test_profile.c: what a profile says must add up: the network's work to the model's, times to the
 * run's, and the events of the trace to what the sums say. Nothing here is bounded by a time that a
 * machine takes. */
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "cleave/extra.h"
#include "session/trace.h"
#include "tests/support/separator.h"

#define SAMPLES   20000
#define PATH_SIZE 1024

static char folder[64]; /* of the files that are made here */

/* ---- Fixtures ---- */

static cleave_separator_settings profiling_settings(void) {
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.profile = 1;
    settings.threads = 2;
    return settings;
}

/* Noise without a silent chunk, separated in memory; the stems are the caller's to free. */
static float *separate(cleave_separator *separator, const cleave_model *model, int64_t samples) {
    cleave_model_info info;
    cleave_error error;
    uint64_t state = 7;
    cleave_model_get_info(model, &info);
    size_t floats = (size_t)info.channels * (size_t)samples;
    float *mix = malloc(floats * sizeof(float));
    float *stems = malloc(floats * (size_t)info.stem_count * sizeof(float));
    assert_non_null(mix);
    assert_non_null(stems);
    for (size_t i = 0; i < floats; i++)
        mix[i] = (float)((double)(random_next(&state) >> 40) / (1 << 24) - 0.5);
    const float *planes[2] = {mix, mix + (info.channels - 1) * samples};
    if (cleave_separator_separate_memory(separator, planes, info.channels, samples, stems, NULL,
                                         NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    free(mix);
    return stems;
}

static cleave_profile profile_of(cleave_separator *separator) {
    cleave_profile profile;
    cleave_error error;
    if (cleave_separator_profile(separator, &profile, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return profile;
}

static bool is_near(double a, double b) {
    return fabs(a - b) <= 1e-9 * fabs(b);
}

/* ---- Figures ---- */

static void check_profile(const cleave_profile *profile, const cleave_model_info *info) {
    double flops = 0;
    double seconds = 0;
    int ops = 0;
    for (int i = 0; i < profile->count; i++) {
        const cleave_profile_op *op = profile->ops[i];
        assert_true(op->name[0] != '\0' && op->op[0] != '\0');
        assert_true(op->seconds >= 0 && op->seconds <= profile->seconds);
        assert_true(is_near(op->share * profile->seconds, op->seconds));
        assert_true(isnan(op->peak_share) || op->peak_share > 0);
        assert_true(op->host || op->calls > 0);
        assert_true(op->host == (op->output[0] == 0));
        assert_true(op->host ? op->flops == 0 && op->bytes == 0 : op->bytes > 0);
        flops += op->flops;
        seconds += op->host ? 0 : op->seconds;
        ops += !op->host;
    }
    assert_true(ops > 0);
    assert_true(profile->chunks > 1);
    assert_true(is_near(flops, profile->flops));
    assert_true(is_near(flops, info->flops_per_chunk * (double)profile->chunks));
    assert_true(is_near(seconds, profile->network_seconds));
    assert_true(profile->network_seconds < profile->seconds);
    assert_true(profile->peak_flops > 0);
    assert_int_equal(profile->events_left_out, 0);
}

/* The work of all ops is the model's, whatever is fused, repeated or done by another algorithm;
 * and their times come to less than the run's. */
static void b2_work_is_the_models_and_times_add_up(void **state) {
    static const char *const models[] = {
        "golden/short-input/model.ckpt", "cases/batch-norm-four-scales/model.ckpt",
        "cases/no-norm-short-hop/model.ckpt", "cases/group-norm-straddle/model.ckpt",
        "cases/mono-network-tta/model.th"};
    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        cleave_model *model = must_open_model(models[i]);
        cleave_model_info info;
        cleave_model_get_info(model, &info);
        for (int variation = 0; variation < 4; variation++) {
            cleave_separator_settings settings = profiling_settings();
            settings.compile = variation % 2;
            settings.batch = variation < 2 ? 1 : 3;
            settings.threads = 1 + variation % 3;
            settings.overlap = 2;
            cleave_separator *separator = must_open_separator(model, &settings);
            free(separate(separator, model, 3 * (int64_t)info.chunk_size));
            cleave_profile profile = profile_of(separator);
            check_profile(&profile, &info);
            cleave_profile_free(&profile);
            cleave_separator_close(separator);
        }
        cleave_model_close(model);
    }
}

/* Every op runs once per batch; decoding and blending once and more per chunk. */
static void b2_calls_are_counted(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    cleave_separator_settings settings = profiling_settings();
    settings.batch = 1;
    cleave_separator *separator = must_open_separator(model, &settings);
    free(separate(separator, model, SAMPLES));
    cleave_profile once = profile_of(separator);
    free(separate(separator, model, SAMPLES));
    cleave_profile twice = profile_of(separator);
    assert_int_equal(once.count, twice.count);
    assert_int_equal(twice.chunks, 2 * once.chunks);
    for (int i = 0; i < once.count; i++) {
        const cleave_profile_op *op = once.ops[i];
        assert_string_equal(op->name, twice.ops[i]->name);
        assert_int_equal(twice.ops[i]->calls, 2 * op->calls);
        if (!op->host)
            assert_int_equal(op->calls, once.chunks);
        if (strcmp(op->op, "decode") == 0 || strcmp(op->op, "blend") == 0)
            assert_true(op->host && op->calls >= once.chunks);
    }
    assert_true(twice.seconds > once.seconds);
    cleave_profile_free(&once);
    cleave_profile_free(&twice);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static void b2_a_profile_can_be_reset(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    cleave_model_info info;
    cleave_error error;
    cleave_model_get_info(model, &info);
    cleave_separator_settings settings = profiling_settings();
    cleave_separator *separator = must_open_separator(model, &settings);
    free(separate(separator, model, SAMPLES));
    assert_int_equal(cleave_separator_profile_reset(separator, &error), CLEAVE_OK);
    cleave_profile profile = profile_of(separator);
    assert_int_equal(profile.chunks, 0);
    assert_int_equal(profile.events, 0);
    assert_true(profile.seconds == 0 && profile.flops == 0);
    for (int i = 0; i < profile.count; i++)
        assert_int_equal(profile.ops[i]->calls, 0);
    cleave_profile_free(&profile);
    free(separate(separator, model, SAMPLES));
    profile = profile_of(separator);
    check_profile(&profile, &info);
    cleave_profile_free(&profile);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static const cleave_profile_op *find_op(const cleave_profile *profile, const char *name) {
    for (int i = 0; i < profile->count; i++)
        if (strcmp(profile->ops[i]->name, name) == 0)
            return profile->ops[i];
    fail_msg("no op %s", name);
    return NULL;
}

/* A warm-up is not counted; a network that is compiled again has the same ops. */
static void b2_warm_ups_are_left_out_and_compiling_is_told(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    cleave_model_info info;
    cleave_error error;
    cleave_model_get_info(model, &info);
    cleave_separator_settings settings = profiling_settings();
    cleave_separator *separator = must_open_separator(model, &settings);
    assert_int_equal(cleave_separator_warm_up(separator, NULL, &error), CLEAVE_OK);
    cleave_profile profile = profile_of(separator);
    int count = profile.count;
    assert_true(profile.seconds == 0 && profile.flops == 0);
    assert_int_equal(profile.events + profile.chunks, 0);
    cleave_profile_free(&profile);
    free(separate(separator, model, SAMPLES));
    assert_int_equal(cleave_separator_release_cache(separator, &error), CLEAVE_OK);
    profile = profile_of(separator); /* the peak was measured before */
    check_profile(&profile, &info);
    assert_int_equal(find_op(&profile, "compile")->calls, 0);
    cleave_profile_free(&profile);
    free(separate(separator, model, SAMPLES));
    profile = profile_of(separator);
    check_profile(&profile, &info);
    assert_int_equal(profile.count, count);
    assert_int_equal(find_op(&profile, "compile")->calls, 1);
    cleave_profile_free(&profile);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

/* Chunks of silence take no run, so they are neither work nor chunks. */
static void b2_silence_is_no_work(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    cleave_error error;
    cleave_separator_settings settings = profiling_settings();
    cleave_separator *separator = must_open_separator(model, &settings);
    float *mix = calloc(SAMPLES, sizeof(float));
    float *stems = calloc((size_t)SAMPLES * 4, sizeof(float));
    const float *planes[1] = {mix};
    assert_int_equal(
        cleave_separator_separate_memory(separator, planes, 1, SAMPLES, stems, NULL, NULL, &error),
        CLEAVE_OK);
    cleave_profile profile = profile_of(separator);
    assert_int_equal(profile.chunks, 0);
    assert_true(profile.flops == 0 && profile.seconds > 0);
    cleave_profile_free(&profile);
    free(mix);
    free(stems);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

/* ---- Off ---- */

static void refuses(cleave_status status, const cleave_error *error) {
    assert_int_equal(status, CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(error->status, CLEAVE_ERROR_ARGUMENT);
    assert_non_null(strstr(error->text, "settings.profile"));
}

static void b2_there_is_no_profile_unless_asked_for(void **state) {
    (void)state;
    char path[PATH_SIZE];
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    cleave_separator_settings settings;
    cleave_error error;
    cleave_profile profile;
    memset(&profile, 1, sizeof(profile));
    cleave_separator_settings_default(&settings);
    assert_int_equal(settings.profile, 0);
    cleave_separator *separator = must_open_separator(model, &settings);
    free(separate(separator, model, SAMPLES));
    refuses(cleave_separator_profile(separator, &profile, &error), &error);
    assert_null(profile.ops);
    assert_int_equal(profile.count, 0);
    refuses(cleave_separator_profile_reset(separator, &error), &error);
    snprintf(path, sizeof(path), "%s/none.json", folder);
    refuses(cleave_separator_write_trace(separator, path, &error), &error);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(cleave_separator_profile(NULL, &profile, &error), CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(cleave_separator_profile(separator, NULL, &error), CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(cleave_separator_profile_reset(NULL, &error), CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(cleave_separator_write_trace(NULL, path, &error), CLEAVE_ERROR_ARGUMENT);
    cleave_profile_free(&profile);
    cleave_profile_free(NULL);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static void b2_a_profile_changes_no_bit(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/inst-gelu-2stem/model.ckpt");
    cleave_model_info info;
    cleave_model_get_info(model, &info);
    float *stems[2];
    for (int profile = 0; profile < 2; profile++) {
        cleave_separator_settings settings = profiling_settings();
        settings.profile = profile;
        cleave_separator *separator = must_open_separator(model, &settings);
        stems[profile] = separate(separator, model, SAMPLES);
        cleave_separator_close(separator);
    }
    assert_memory_equal(stems[0], stems[1],
                        sizeof(float) * SAMPLES * (size_t)(info.stem_count * info.channels));
    free(stems[0]);
    free(stems[1]);
    cleave_model_close(model);
}

/* ---- The trace ---- */

static json_t *read_trace(const char *path) {
    json_error_t error;
    json_t *trace = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!trace)
        fail_msg("%s, line %d: %s", path, error.line, error.text);
    return trace;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static double number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

#define ROWS_MAX 32

typedef struct Row {
    char name[64];
    double end;     /* microseconds, of its last event */
    double network; /* microseconds in ops of the network */
    int64_t events;
} Row;

typedef struct Rows {
    Row rows[ROWS_MAX];
    double end;
    int64_t events;
} Rows;

static void add_event(Rows *rows, const json_t *event) {
    size_t thread = (size_t)number_of(event, "tid");
    assert_true(thread < ROWS_MAX);
    Row *row = &rows->rows[thread];
    if (strcmp(text_of(event, "ph"), "M") == 0) {
        if (strcmp(text_of(event, "name"), "thread_name") == 0)
            snprintf(row->name, sizeof(row->name), "%s",
                     text_of(json_object_get(event, "args"), "name"));
        return;
    }
    assert_string_equal(text_of(event, "ph"), "X");
    double begin = number_of(event, "ts");
    double duration = number_of(event, "dur");
    assert_true(row->name[0] != '\0'); /* metadata come first */
    assert_true(text_of(event, "name")[0] != '\0');
    assert_true(begin >= 0 && duration >= 0);
    assert_true(begin >= row->end - 1e-4); /* the file has nanoseconds */
    bool network = strcmp(text_of(event, "cat"), "network") == 0;
    if (network)
        assert_true(text_of(json_object_get(event, "args"), "layer")[0] != '\0');
    row->network += network ? duration : 0;
    row->end = begin + duration;
    row->events++;
    rows->events++;
    rows->end = row->end > rows->end ? row->end : rows->end;
}

static Rows read_rows(const char *path) {
    Rows rows = {0};
    json_t *trace = read_trace(path);
    const json_t *events = json_object_get(trace, "traceEvents");
    for (size_t i = 0; i < json_array_size(events); i++)
        add_event(&rows, json_array_get(events, i));
    json_decref(trace);
    return rows;
}

static const Row *find_row(const Rows *rows, const char *name) {
    for (int i = 0; i < ROWS_MAX; i++)
        if (strcmp(rows->rows[i].name, name) == 0)
            return &rows->rows[i];
    return NULL;
}

static void write_trace(cleave_separator *separator, const char *path) {
    cleave_error error;
    if (cleave_separator_write_trace(separator, path, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
}

/* Separates a file twice; the writers of its stems are threads, too. */
static void separate_files(cleave_separator *separator) {
    char input[PATH_SIZE];
    cleave_file_settings settings;
    cleave_error error;
    snprintf(input, sizeof(input), "%s/golden/inst-gelu-2stem/mix.wav", getenv("CLEAVE_TEST_DATA"));
    cleave_file_settings_default(&settings);
    settings.directory = folder;
    settings.resume = 1;
    for (int i = 0; i < 2; i++)
        if (cleave_separator_separate_file(separator, input, &settings, NULL, &error) != CLEAVE_OK)
            fail_msg("%s", error.text);
}

static void b2_the_trace_has_a_row_for_each_thread(void **state) {
    (void)state;
    char path[PATH_SIZE];
    cleave_model *model = must_open_model("golden/inst-gelu-2stem/model.ckpt");
    cleave_separator_settings settings = profiling_settings();
    settings.threads = 4;
    settings.batch = 2;
    cleave_separator *separator = must_open_separator(model, &settings);
    separate_files(separator);
    cleave_profile profile = profile_of(separator);
    snprintf(path, sizeof(path), "%s/made/here/trace.json", folder);
    write_trace(separator, path);
    write_trace(separator, path); /* over the first */
    Rows rows = read_rows(path);
    const char *const names[] = {"caller", "feed", "collect", "worker 1", "worker 2", "worker 3"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(find_row(&rows, names[i]));
    assert_true(find_row(&rows, "feed")->events > 0 && find_row(&rows, "feed")->network == 0);
    assert_true(find_row(&rows, "collect")->events > 0);
    assert_int_equal(rows.events, profile.events);
    double network = find_row(&rows, "caller")->network;
    double rounding = 0.002 * (double)find_row(&rows, "caller")->events;
    assert_true(fabs(network - 1e6 * profile.network_seconds) < rounding);
    assert_true(rows.end >= network);
    cleave_profile_free(&profile);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

/* What threads worked on an op is no more than all of them could have. */
static void b2_threads_work_no_longer_than_there_are_threads(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/inst-gelu-2stem/model.ckpt");
    cleave_separator_settings settings = profiling_settings();
    settings.threads = 3;
    cleave_separator *separator = must_open_separator(model, &settings);
    free(separate(separator, model, SAMPLES));
    cleave_profile profile = profile_of(separator);
    for (int i = 0; i < profile.count; i++) {
        const cleave_profile_op *op = profile.ops[i];
        if (op->calls > 0 && !op->host) {
            assert_true(op->thread_seconds > 0);
            assert_true(op->thread_seconds <= 3 * op->seconds * (1 + 1e-9));
        }
    }
    cleave_profile_free(&profile);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

/* A folder that is a file: an error, and nothing is left; what was there stays. */
static void b2_a_trace_is_written_whole_or_not_at_all(void **state) {
    (void)state;
    char path[PATH_SIZE];
    char below[PATH_SIZE + 16];
    cleave_error error;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    cleave_separator_settings settings = profiling_settings();
    cleave_separator *separator = must_open_separator(model, &settings);
    snprintf(path, sizeof(path), "%s/a-file.json", folder);
    write_trace(separator, path); /* nothing has run: rows without events */
    Rows rows = read_rows(path);
    assert_int_equal(rows.events, 0);
    struct stat before;
    struct stat after;
    assert_int_equal(stat(path, &before), 0);
    snprintf(below, sizeof(below), "%s/trace.json", path);
    assert_int_equal(cleave_separator_write_trace(separator, below, &error), CLEAVE_ERROR_OUTPUT);
    assert_non_null(strstr(error.text, path));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(cleave_separator_write_trace(separator, NULL, &error), CLEAVE_ERROR_ARGUMENT);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

/* ---- The profile by itself ---- */

static Profile *new_profile(void) {
    cleave_error error;
    Profile *profile = NULL;
    if (profile_create(&profile, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return profile;
}

static int add_op(Profile *profile, const char *name, double flops) {
    cleave_error error;
    int index = -1;
    ProfileOp op = {.op = "conv", .algorithm = "", .flops = flops};
    snprintf(op.name, sizeof(op.name), "%s", name);
    assert_int_equal(profile_add_op(profile, &op, &index, &error), CLEAVE_OK);
    return index;
}

/* More events than there is room for: the sums have all, the trace the first, and says so. */
static void b2_the_trace_is_capped_and_says_so(void **state) {
    (void)state;
    char path[PATH_SIZE];
    cleave_error error;
    Profile *profile = new_profile();
    int op = add_op(profile, "layer", 1);
    profile_start(profile);
    for (int i = 0; i < CLEAVE_PROFILE_EVENTS_MAX + 5; i++)
        profile_op_ran(profile, op, ROW_CALLER, 0.25, 0.5, 1);
    profile_stop(profile);
    assert_int_equal(profile->event_count, CLEAVE_PROFILE_EVENTS_MAX);
    assert_int_equal(profile->left_out, 5);
    assert_int_equal(profile->sums[op].calls, CLEAVE_PROFILE_EVENTS_MAX + 5);
    snprintf(path, sizeof(path), "%s/capped.json", folder);
    assert_int_equal(trace_write(profile, path, &error), CLEAVE_OK);
    json_t *trace = read_trace(path);
    const json_t *data = json_object_get(trace, "otherData");
    assert_int_equal(number_of(data, "events"), CLEAVE_PROFILE_EVENTS_MAX);
    assert_int_equal(number_of(data, "events_left_out"), 5);
    assert_non_null(strstr(text_of(data, "note"), "full"));
    json_decref(trace);
    unlink(path);
    profile_reset(profile);
    assert_int_equal(profile->left_out, 0);
    profile_destroy(profile);
}

/* Ops are known again when a network is compiled anew, and told apart where they differ. */
static void b2_ops_and_rows_are_known_again(void **state) {
    (void)state;
    cleave_error error;
    Profile *profile = new_profile();
    int first = add_op(profile, "layer", 1);
    assert_int_equal(first, STAGE_COUNT);
    assert_int_equal(add_op(profile, "other", 1), first + 1);
    assert_int_equal(add_op(profile, "layer", 2), first + 2);
    assert_int_equal(add_op(profile, "layer", 1), first);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "layer %d", i);
        assert_int_equal(add_op(profile, name, 1), first + 3 + i);
    }
    assert_string_equal(profile->ops[first + 1].name, "other");
    profile->peaks[CLEAVE_PRECISION_F32] = 1e9;
    profile_change_device(profile); /* its ops are others, and its peaks not known */
    assert_int_equal(add_op(profile, "layer", 1), first + 103);
    assert_int_equal(add_op(profile, "layer", 1), first + 103);
    assert_true(profile->peaks[CLEAVE_PRECISION_F32] == 0);
    profile_change_device(NULL);
    int row = -1;
    assert_int_equal(profile_add_row(profile, "worker", 1, &row, &error), CLEAVE_OK);
    assert_int_equal(row, ROW_COUNT);
    assert_int_equal(profile_add_row(profile, "worker", 2, &row, &error), CLEAVE_OK);
    assert_int_equal(row, ROW_COUNT + 1);
    assert_int_equal(profile_add_row(profile, "worker", 1, &row, &error), CLEAVE_OK);
    assert_int_equal(row, ROW_COUNT);
    profile_destroy(profile);
}

/* A layer's name comes from a file: whatever is in it, the trace stays JSON. */
static void b2_names_of_layers_are_quoted(void **state) {
    (void)state;
    char path[PATH_SIZE];
    char name[NODE_NAME_SIZE];
    cleave_error error;
    Profile *profile = new_profile();
    memset(name, '"', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    const char *const names[] = {"a\"b\\c", "line\nfeed\x7f\x01", "\xff\xfe not UTF-8", name};
    profile_start(profile);
    for (int i = 0; i < 4; i++)
        profile_op_ran(profile, add_op(profile, names[i], 1), ROW_CALLER, 0.5, 0.25, 1);
    profile_stop(profile);
    snprintf(path, sizeof(path), "%s/quoted.json", folder);
    assert_int_equal(trace_write(profile, path, &error), CLEAVE_OK);
    json_t *trace = read_trace(path);
    const json_t *events = json_object_get(trace, "traceEvents");
    size_t count = json_array_size(events);
    const char *layers[4];
    for (size_t i = 0; i < 4; i++)
        layers[i] =
            text_of(json_object_get(json_array_get(events, count - 4 + i), "args"), "layer");
    assert_string_equal(layers[0], names[0]);
    assert_string_equal(layers[1], "line?feed??");
    assert_string_equal(layers[2], "?? not UTF-8");
    assert_int_equal(layers[3][0], '"');
    json_decref(trace);
    profile_destroy(profile);
}

/* Between calls nothing is recorded, as warm-ups are not. */
static void b2_only_calls_are_profiled(void **state) {
    (void)state;
    Profile *profile = new_profile();
    assert_null(profile_active(profile));
    assert_null(profile_active(NULL));
    profile_start(profile);
    assert_ptr_equal(profile_active(profile), profile);
    profile_stop(profile);
    assert_null(profile_active(profile));
    double seconds = profile->seconds;
    profile_stop(profile);
    assert_true(profile->seconds == seconds);
    profile_stage_ran(NULL, STAGE_BLEND, ROW_COLLECT, 0);
    profile_chunks_ran(NULL, 3);
    assert_true(profile_clock(NULL) == 0);
    profile_destroy(profile);
}

/* ---- Threads ---- */

typedef struct Watch {
    pthread_mutex_t mutex;
    int told[4]; /* per thread */
    int wrong;
    atomic_int done[4];
} Watch;

static void do_task(void *context, size_t task, int thread) {
    (void)task;
    atomic_fetch_add(&((Watch *)context)->done[thread], 1);
}

static void watch(void *context, int thread, double begin, double end) {
    Watch *w = context;
    pthread_mutex_lock(&w->mutex);
    w->told[thread]++;
    w->wrong += end < begin || atomic_load(&w->done[thread]) == 0;
    pthread_mutex_unlock(&w->mutex);
}

/* The observer hears of every thread that had a task, once a loop, and of no other. */
static void b2_a_pool_tells_who_worked(void **state) {
    (void)state;
    cleave_error error;
    ThreadPool *pool = NULL;
    Watch w = {0};
    pthread_mutex_init(&w.mutex, NULL);
    assert_int_equal(thread_pool_create(&pool, 4, &error), CLEAVE_OK);
    thread_pool_run(pool, 100, do_task, &w);
    for (int i = 0; i < 4; i++)
        assert_int_equal(w.told[i], 0);
    thread_pool_observe(pool, watch, &w);
    for (int loop = 0; loop < 200; loop++) {
        int before[4];
        memcpy(before, w.told, sizeof(before));
        for (int i = 0; i < 4; i++)
            atomic_store(&w.done[i], 0);
        thread_pool_run(pool, (size_t)(loop % 7), do_task, &w);
        for (int i = 0; i < 4; i++)
            assert_int_equal(w.told[i] - before[i], atomic_load(&w.done[i]) > 0);
    }
    assert_int_equal(w.wrong, 0);
    thread_pool_observe(pool, NULL, NULL);
    int told = w.told[0];
    thread_pool_run(pool, 10, do_task, &w);
    assert_int_equal(w.told[0], told);
    thread_pool_destroy(pool);
    pthread_mutex_destroy(&w.mutex);
}

static void *profile_by_itself(void *argument) {
    const cleave_model *model = argument;
    cleave_separator_settings settings = profiling_settings();
    cleave_separator *separator = must_open_separator(model, &settings);
    free(separate(separator, model, SAMPLES));
    cleave_profile profile = profile_of(separator);
    int64_t chunks = profile.chunks;
    cleave_profile_free(&profile);
    cleave_separator_close(separator);
    return (void *)(intptr_t)chunks;
}

static void b2_separators_side_by_side_have_profiles_of_their_own(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    pthread_t threads[2];
    void *chunks[3];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, profile_by_itself, model), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &chunks[i]);
    chunks[2] = profile_by_itself(model);
    assert_ptr_equal(chunks[0], chunks[2]);
    assert_ptr_equal(chunks[1], chunks[2]);
    cleave_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b2_work_is_the_models_and_times_add_up),
        cmocka_unit_test(b2_calls_are_counted),
        cmocka_unit_test(b2_a_profile_can_be_reset),
        cmocka_unit_test(b2_warm_ups_are_left_out_and_compiling_is_told),
        cmocka_unit_test(b2_silence_is_no_work),
        cmocka_unit_test(b2_there_is_no_profile_unless_asked_for),
        cmocka_unit_test(b2_a_profile_changes_no_bit),
        cmocka_unit_test(b2_the_trace_has_a_row_for_each_thread),
        cmocka_unit_test(b2_threads_work_no_longer_than_there_are_threads),
        cmocka_unit_test(b2_a_trace_is_written_whole_or_not_at_all),
        cmocka_unit_test(b2_the_trace_is_capped_and_says_so),
        cmocka_unit_test(b2_ops_and_rows_are_known_again),
        cmocka_unit_test(b2_names_of_layers_are_quoted),
        cmocka_unit_test(b2_only_calls_are_profiled),
        cmocka_unit_test(b2_a_pool_tells_who_worked),
        cmocka_unit_test(b2_separators_side_by_side_have_profiles_of_their_own),
    };
    snprintf(folder, sizeof(folder), "/tmp/cleave-profile-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests_name("profile", tests, NULL, NULL);
    char command[PATH_SIZE];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) == 0 ? failed : 1;
}
