/* test_plan.c: how layers are computed: the list that people are shown, and that whatever the plan,
 * bits depend on nothing else. */
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

#include <cmocka.h>

#include "backend/cpu/conv_plan.h"
#include "base/random.h"
#include "cleave/extra.h"
#include "tests/support/between.h"
#include "tests/support/files.h"
#include "tests/support/separator.h"

#define CHANNELS 2
#define STEMS    2
#define SAMPLES  9000
#define FLOATS   ((size_t)CHANNELS * STEMS * SAMPLES)

static const ConvPlan direct = {.algorithm = CONV_DIRECT};
static const ConvPlan tiles_first = {CONV_WINOGRAD_4X4, 1, 1, false};
static const ConvPlan weights_first = {CONV_WINOGRAD_4X4, 2, 3, true};

/* ---- Fixture: a model, and a folder for stems ---- */

typedef struct Fixture {
    cleave_model *model;
    char input[1024];
    char folder[64]; /* of the test's files */
    cleave_separator_settings settings;
    char log[4096]; /* lines so far */
} Fixture;

static void keep_line(void *user, cleave_log_level level, const char *line) {
    Fixture *f = user;
    size_t used = strlen(f->log);
    if (level == CLEAVE_LOG_WARNING)
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
    cleave_separator_settings_default(&f->settings);
    f->settings.log = (cleave_logger){.write = keep_line, .user = f, .level = CLEAVE_LOG_INFO};
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    assert_true(remove_tree(f->folder));
    conv_plan_force(NULL);
    cleave_model_close(f->model);
    free(f);
    return 0;
}

/* ---- What people are shown ---- */

static void a_plan_lists_all_layers(void **state) {
    Fixture *f = *state;
    cleave_layer_list list;
    cleave_model_info info;
    cleave_error error;
    double flops = 0;
    double share = 0;
    int tiled = 0;
    conv_plan_force(&weights_first);
    assert_int_equal(cleave_model_plan(f->model, &f->settings, &list, &error), CLEAVE_OK);
    for (int i = 0; i < list.count; i++) {
        const cleave_layer *layer = list.layers[i];
        char end[64] = "";
        int columns = 0;
        int rows = 0;
        flops += layer->flops;
        share += layer->share;
        if (sscanf(layer->how, "winograd %dx%d%63c", &columns, &rows, end) == 3) {
            assert_string_equal(end, ", weights first");
            assert_between(columns, 1, 3);
            assert_between(rows, 1, 2);
            tiled++;
        } else {
            assert_string_equal(layer->how, layer->kernel[0] > 0 ? "direct" : "");
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
    cleave_separator *separator = must_open_separator(f->model, &f->settings);
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
        conv_plan_force(plans[p]);
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
    cleave_file_settings output;
    char folder[128];
    int calls = interrupt ? 0 : 3;
    cleave_separator *separator = must_open_separator(f->model, &f->settings);
    cleave_file_settings_default(&output);
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
    conv_plan_force(&weights_first);
    run_file(f, true);
    run_file(f, false);
    assert_null(strstr(f->log, "starting over"));
    run_file(f, true);
    conv_plan_force(&direct);
    run_file(f, false);
    assert_non_null(strstr(f->log, "starting over"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_plan_lists_all_layers),
        TEST(bits_depend_on_the_plan_alone),
        TEST(another_plan_starts_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
