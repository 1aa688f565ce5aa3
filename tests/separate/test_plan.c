/* test_plan.c: plans and their cache: what is measured is kept and found again; what is damaged,
 * stale or made up is not used; and whatever the plan, bits depend on nothing else. */
#include <dirent.h>
#include <limits.h>
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
#include <zlib.h>

#include <cmocka.h>

#include "cleave/extra.h"
#include "separate/separator.h"
#include "tests/between.h"
#include "tests/random.h"
#include "tests/separate/forced_plan.h"

#define CHANNELS 2
#define STEMS    2
#define SAMPLES  9000
#define FLOATS   ((size_t)CHANNELS * STEMS * SAMPLES)

static const ConvPlan direct = {.algorithm = CONV_DIRECT};
static const ConvPlan tiles_first = {CONV_WINOGRAD, 1, 1, false};
static const ConvPlan weights_first = {CONV_WINOGRAD, 2, 3, true};

/* ---- Fixture: a model, and an empty cache ---- */

typedef struct Fixture {
    cleave_model *model;
    char input[1024];
    char folder[64]; /* of the test's files; the cache is below it */
    cleave_separator_settings settings;
    char log[4096]; /* lines so far */
    CacheEntry entry;
} Fixture;

static void keep_line(void *user, cleave_log_level level, const char *line) {
    Fixture *f = user;
    size_t used = strlen(f->log);
    if (level == CLEAVE_LOG_WARNING || strncmp(line, "plan:", 5) == 0)
        snprintf(f->log + used, sizeof(f->log) - used, "%s\n", line);
}

static int set_up(void **state) {
    char path[1024];
    cleave_error error;
    Fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    snprintf(path, sizeof(path), "%s/golden/short-input/model.ckpt", getenv("CLEAVE_TEST_DATA"));
    snprintf(f->input, sizeof(f->input), "%s/golden/short-input/mix.wav",
             getenv("CLEAVE_TEST_DATA"));
    if (cleave_model_open(&f->model, path, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    snprintf(f->folder, sizeof(f->folder), "/tmp/cleave-plan-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    setenv("XDG_CACHE_HOME", f->folder, 1);
    cleave_separator_settings_default(&f->settings);
    f->settings.log = (cleave_logger){.write = keep_line, .user = f, .level = CLEAVE_LOG_INFO};
    assert_int_equal(cache_entry(&f->entry, f->model, &f->settings, &error), CLEAVE_OK);
    assert_non_null(f->entry.path);
    *state = f;
    return 0;
}

static void remove_all(const char *path) {
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, NULL);
    for (int i = 0; i < count; i++) {
        char below[1024];
        snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
        if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
            remove_all(below);
        free(entries[i]);
    }
    free(entries);
    remove(path);
}

static int tear_down(void **state) {
    Fixture *f = *state;
    chmod(f->folder, 0777);
    remove_all(f->folder);
    cache_entry_free(&f->entry);
    cleave_model_close(f->model);
    free(f);
    return 0;
}

/* Files anywhere below a folder. */
static int count_files(const char *path) {
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, NULL);
    int files = 0;
    for (int i = 0; i < count; i++) {
        char below[1024];
        snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_type == DT_REG)
            files++;
        else if (entries[i]->d_name[0] != '.')
            files += count_files(below);
        free(entries[i]);
    }
    free(entries);
    return files;
}

static cleave_separator *open_separator(Fixture *f) {
    cleave_separator *separator = NULL;
    cleave_error error;
    if (cleave_separator_open(&separator, f->model, &f->settings, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return separator;
}

static void assert_source(Fixture *f, const char *source) {
    cleave_separator_info info;
    cleave_separator *separator = open_separator(f);
    cleave_separator_get_info(separator, &info);
    assert_string_equal(info.plan, source);
    cleave_separator_close(separator);
}

static uint64_t digest(Fixture *f) {
    cleave_separator *separator = open_separator(f);
    uint64_t plan_digest = separator->executable->plan_digest;
    cleave_separator_close(separator);
    return plan_digest;
}

static void force(Fixture *f, const ConvPlan *plan) {
    cleave_error error;
    if (force_cached_plan(f->model, &f->settings, plan, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
}

/* ---- What is kept ---- */

static void a_measured_plan_is_kept_and_found_again(void **state) {
    Fixture *f = *state;
    f->settings.plan = CLEAVE_PLAN_MEASURE;
    assert_source(f, "measurement");
    assert_non_null(strstr(f->log, "plan: measured in "));
    assert_non_null(strstr(f->log, "plan: kept in "));
    assert_int_equal(count_files(f->folder), 1);
    assert_int_equal(access(f->entry.path, F_OK), 0);
    f->log[0] = '\0';
    uint64_t first = digest(f);
    f->settings.threads = 1;
    f->settings.batch = 3;
    assert_source(f, "cache");
    assert_null(strstr(f->log, "measured in"));
    assert_true(digest(f) == first);
}

static void an_estimate_neither_reads_nor_writes(void **state) {
    Fixture *f = *state;
    assert_source(f, "estimate");
    assert_int_equal(count_files(f->folder), 0);
    uint64_t estimate = digest(f);
    force(f, &tiles_first);
    assert_true(digest(f) != estimate);
    f->settings.plan = CLEAVE_PLAN_ESTIMATE;
    f->log[0] = '\0';
    assert_source(f, "estimate");
    assert_true(digest(f) == estimate);
    assert_string_equal(f->log, "");
}

static void every_key_has_a_plan_of_its_own(void **state) {
    Fixture *f = *state;
    PlanKey other = f->entry.key;
    const char **fields[] = {&other.precision, &other.kernels, &other.machine};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        other = f->entry.key;
        *fields[i] = "another";
        char *path = plan_cache_path(&f->entry.plan, &other);
        assert_string_not_equal(path, f->entry.path);
        free(path);
        assert_true(plan_cache_write(&f->entry.plan, &other, f->entry.path, NULL));
        assert_false(plan_cache_read(&f->entry.plan, &f->entry.key, f->entry.path, NULL));
    }
}

/* ---- What is not used ---- */

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    *size = fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

static void write_file(const char *path, const char *text, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static bool is_read(Fixture *f) {
    size_t bytes = (size_t)f->entry.plan.count * sizeof(LayerPlan);
    LayerPlan *before = malloc(bytes);
    assert_non_null(before);
    memcpy(before, f->entry.plan.layers, bytes);
    bool read = plan_cache_read(&f->entry.plan, &f->entry.key, f->entry.path, &f->settings.log);
    if (!read) /* what was not used has left nothing behind */
        assert_memory_equal(before, f->entry.plan.layers, bytes);
    free(before);
    return read;
}

static void damaged_files_are_not_used(void **state) {
    Fixture *f = *state;
    size_t size = 0;
    force(f, &weights_first);
    char *text = read_file(f->entry.path, &size);
    assert_true(is_read(f));
    for (size_t cut = 0; cut < size; cut++) {
        write_file(f->entry.path, text, cut);
        assert_false(is_read(f));
    }
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        write_file(f->entry.path, text, size);
        assert_false(is_read(f));
        text[i] ^= 1;
    }
    text[size] = '\n';
    write_file(f->entry.path, text, size + 1);
    assert_false(is_read(f));
    write_file(f->entry.path, text, size);
    assert_true(is_read(f));
    free(text);
}

static void a_damaged_file_is_measured_anew(void **state) {
    Fixture *f = *state;
    size_t size = 0;
    force(f, &weights_first);
    char *text = read_file(f->entry.path, &size);
    write_file(f->entry.path, text, size / 2);
    assert_source(f, "measurement");
    assert_non_null(strstr(f->log, "is damaged"));
    assert_source(f, "cache");
    free(text);
}

/* Puts `to` in the place of the first `from`, and a check sum that is right at the end. */
static void lie(Fixture *f, const char *from, const char *to) {
    size_t size = 0;
    char *text = read_file(f->entry.path, &size);
    size_t room = size + strlen(to) + 64;
    char *changed = calloc(1, room);
    char *place = strstr(text, from);
    assert_non_null(changed);
    assert_non_null(place);
    snprintf(changed, room, "%.*s%s%s", (int)(place - text), text, to, place + strlen(from));
    char *check = strstr(changed, "check ");
    assert_non_null(check);
    size_t length = (size_t)(check - changed);
    snprintf(check, room - length, "check %08lx\n",
             crc32_z(0, (const unsigned char *)changed, length));
    write_file(f->entry.path, changed, strlen(changed));
    free(changed);
    free(text);
}

static void plans_that_do_not_fit_are_not_used(void **state) {
    Fixture *f = *state;
    static const char *const lies[] = {
        "winograd 0x3 weights ",
        "winograd 2x0 weights ",
        "winograd 9999x9999 weights ",
        "winograd 99999x3 weights ",
        "winograd -2x3 weights ",
        "winograd 2147483647x3 weights ",
        "winograd 2x4294967299 weights ",
        "winograd 02x3 weights ",
        "winograd 2x3 - ",
        "winograd 2x3 Weights ",
        "winograd 2x3 weightsweights ",
        "direct 2x3 weights ",
        "direct 2x3 - ",
        "strassen 2x3 weights ",
        "winograd  2x3 weights ",
        "winograd 2x3 weights -",
        "winograd 2x3 weights 99999999999999999999",
        "winograd 2x3 weights 0",
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        force(f, &weights_first);
        lie(f, "winograd 2x3 weights ", lies[i]);
        if (is_read(f))
            fail_msg("\"%s\" was taken for a plan", lies[i]);
    }
    force(f, &weights_first);
    lie(f, "direct 0x0 - ", "winograd 1x1 weights "); /* of a layer that is none for Winograd */
    assert_false(is_read(f));
    force(f, &weights_first);
    lie(f, "winograd 2x3 weights ", "winograd 1x3 patches "); /* another plan, but a sound one */
    assert_true(is_read(f));
}

/* Sizes that only a made-up plan has must not overflow, whatever the layer. */
static void no_size_overflows(void **state) {
    Fixture *f = *state;
    LayerClass layer = {.op = OP_CONV,
                        .conv = {{3, 3}, {1, 1}, {1, 1}},
                        .blocks = 1 << 20,
                        .input_height = 1 << 20,
                        .input_width = 1 << 20,
                        .output = {1 << 24, 1 << 20, 1 << 20}};
    const ConvPlan plans[] = {{CONV_WINOGRAD, 1 << 18, 1 << 18, true},
                              {CONV_WINOGRAD, 1 << 18, 1 << 18, false},
                              {CONV_WINOGRAD, 1, 1, false},
                              {CONV_WINOGRAD, 1, 1, true},
                              {CONV_WINOGRAD, INT_MAX, INT_MAX, true},
                              {(ConvAlgorithm)7, 0, 0, false}};
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
        assert_false(f->entry.key.backend->fits(&layer, &plans[i]));
    assert_true(f->entry.key.backend->fits(&layer, &direct));
}

static void what_is_no_file_is_not_waited_for(void **state) {
    Fixture *f = *state;
    char folder[128];
    snprintf(folder, sizeof(folder), "%s/cleave", f->folder);
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(mkfifo(f->entry.path, 0666), 0);
    assert_false(is_read(f));
    assert_non_null(strstr(f->log, "cannot be read"));
    assert_int_equal(unlink(f->entry.path), 0);
    assert_int_equal(mkdir(f->entry.path, 0777), 0);
    assert_false(is_read(f));
}

static void a_cache_that_cannot_be_written_is_no_error(void **state) {
    Fixture *f = *state;
    char file[128];
    snprintf(file, sizeof(file), "%s/file", f->folder);
    write_file(file, "", 0);
    setenv("XDG_CACHE_HOME", file, 1); /* which is no folder: nobody can write below it, not even
                                          the superuser */
    f->settings.plan = CLEAVE_PLAN_MEASURE;
    assert_source(f, "measurement");
    assert_non_null(strstr(f->log, "plan: it cannot be kept"));
    assert_source(f, "measurement");
}

static bool begins(const char *text, const char *beginning) {
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static void folders_are_found_by_the_environment(void **state) {
    Fixture *f = *state;
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", "/home/somebody", 1);
    char *path = plan_cache_path(&f->entry.plan, &f->entry.key);
    assert_true(begins(path, "/home/somebody/.cache/cleave/plan-") ||
                begins(path, "/home/somebody/Library/Caches/cleave/plan-"));
    free(path);
    unsetenv("HOME");
    assert_null(plan_cache_path(&f->entry.plan, &f->entry.key));
}

/* ---- Measuring ---- */

static int count_and_cancel(void *user, const cleave_plan_progress *progress) {
    int *calls = user;
    assert_true(progress->seconds >= 0 && progress->seconds_left >= 0);
    return ++*calls == 3;
}

static void measuring_can_be_cancelled(void **state) {
    Fixture *f = *state;
    cleave_separator *separator = NULL;
    cleave_error error;
    int calls = 0;
    f->settings.plan = CLEAVE_PLAN_MEASURE;
    f->settings.plan_progress = count_and_cancel;
    f->settings.plan_progress_user = &calls;
    assert_int_equal(cleave_separator_open(&separator, f->model, &f->settings, &error),
                     CLEAVE_ERROR_CANCELLED);
    assert_null(separator);
    assert_int_equal(calls, 3);
    assert_int_equal(count_files(f->folder), 0);
}

static void unknown_plans_are_refused(void **state) {
    Fixture *f = *state;
    cleave_separator *separator = NULL;
    cleave_error error;
    f->settings.plan = (cleave_plan)2;
    assert_int_equal(cleave_separator_open(&separator, f->model, &f->settings, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_non_null(strstr(error.text, "plan"));
}

static void a_plan_lists_all_layers(void **state) {
    Fixture *f = *state;
    cleave_layer_list list;
    cleave_model_info info;
    cleave_error error;
    double flops = 0;
    double share = 0;
    int tiled = 0;
    force(f, &weights_first);
    assert_int_equal(cleave_model_plan(f->model, &f->settings, &list, &error), CLEAVE_OK);
    assert_string_equal(list.source, "cache");
    for (int i = 0; i < list.count; i++) {
        flops += list.layers[i].flops;
        share += list.layers[i].share;
        if (strcmp(list.layers[i].algorithm, "winograd") == 0) {
            assert_string_equal(list.layers[i].first, "weights");
            assert_between(list.layers[i].patch[0], 1, 3);
            assert_between(list.layers[i].patch[1], 1, 2);
            tiled++;
        }
    }
    cleave_model_get_info(f->model, &info);
    assert_true(tiled > 0);
    assert_true(share > 0.999 && share < 1.001);
    /* Norms and activations are no layers of their own, and the first convolution may run twice. */
    assert_true(flops > 0.9 * info.flops_per_chunk && flops < 1.1 * info.flops_per_chunk);
    cleave_layer_list_free(&list);
}

/* ---- Bits ---- */

static float *separate(Fixture *f, const float *const *mix) {
    cleave_error error;
    cleave_separator *separator = open_separator(f);
    float *stems = malloc(FLOATS * sizeof(float));
    assert_non_null(stems);
    if (cleave_separator_separate_memory(separator, mix, CHANNELS, SAMPLES, stems, NULL, NULL,
                                         &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    cleave_separator_close(separator);
    return stems;
}

static void bits_depend_on_the_plan_alone(void **state) {
    Fixture *f = *state;
    static float noise[CHANNELS][SAMPLES];
    const float *const mix[CHANNELS] = {noise[0], noise[1]};
    static const ConvPlan *const plans[] = {&direct, &tiles_first, &weights_first};
    uint64_t random = 3;
    for (int i = 0; i < CHANNELS * SAMPLES; i++)
        noise[i / SAMPLES][i % SAMPLES] = (float)(random_next(&random) >> 40) / (1 << 24) - 0.5f;
    for (size_t p = 0; p < sizeof(plans) / sizeof(plans[0]); p++) {
        force(f, plans[p]);
        f->settings.threads = 1;
        f->settings.batch = 1;
        float *expected = separate(f, mix);
        for (int variation = 1; variation < 4; variation++) {
            f->settings.threads = 1 + variation;
            f->settings.batch = 2 * variation - 1;
            float *stems = separate(f, mix);
            assert_memory_equal(stems, expected, FLOATS * sizeof(float));
            free(stems);
        }
        free(expected);
    }
}

/* ---- Resuming ---- */

static int cancel_third_call(void *user, const cleave_progress *progress) {
    int *calls = user;
    (void)progress;
    return ++*calls == 3;
}

static void run_file(Fixture *f, bool interrupt) {
    cleave_error error;
    cleave_output_settings output;
    char folder[128];
    int calls = interrupt ? 0 : 3;
    cleave_separator *separator = open_separator(f);
    cleave_output_settings_default(&output);
    snprintf(folder, sizeof(folder), "%s/stems", f->folder);
    output.directory = folder;
    output.resume = 1;
    output.progress = cancel_third_call;
    output.progress_user = &calls;
    cleave_status status =
        cleave_separator_separate_file(separator, f->input, &output, NULL, &error);
    if (status != (interrupt ? CLEAVE_ERROR_CANCELLED : CLEAVE_OK))
        fail_msg("%s", error.text);
    cleave_separator_close(separator);
}

static void another_plan_starts_over(void **state) {
    Fixture *f = *state;
    f->settings.overlap = 20;
    force(f, &weights_first);
    run_file(f, true);
    run_file(f, false);
    assert_null(strstr(f->log, "starting over"));
    run_file(f, true);
    force(f, &direct);
    run_file(f, false);
    assert_non_null(strstr(f->log, "starting over"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_measured_plan_is_kept_and_found_again),
        TEST(an_estimate_neither_reads_nor_writes),
        TEST(every_key_has_a_plan_of_its_own),
        TEST(damaged_files_are_not_used),
        TEST(a_damaged_file_is_measured_anew),
        TEST(plans_that_do_not_fit_are_not_used),
        TEST(no_size_overflows),
        TEST(what_is_no_file_is_not_waited_for),
        TEST(a_cache_that_cannot_be_written_is_no_error),
        TEST(measuring_can_be_cancelled),
        TEST(unknown_plans_are_refused),
        TEST(a_plan_lists_all_layers),
        TEST(bits_depend_on_the_plan_alone),
        TEST(another_plan_starts_over),
        TEST(folders_are_found_by_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
