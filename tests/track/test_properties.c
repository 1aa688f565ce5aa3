/* test_properties.c: what must hold for any length, overlap, batch size and number of threads, and
 * what the API promises about progress, cancelling and errors. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "cleave/extra.h"
#include "tests/support/separator.h"

#define CHANNELS 2
#define STEMS    2

/* ---- Fixtures ---- */

static uint64_t random_state = 42;

static int random_between(int low, int high) {
    return low + (int)(random_next(&random_state) % (uint64_t)(high - low + 1));
}

/* A mix of two channels with a tone, noise and a silent stretch. */
typedef struct Mix {
    int64_t samples;
    float *data;
    const float *planes[CHANNELS];
} Mix;

static Mix create_mix(int64_t samples) {
    Mix mix = {.samples = samples};
    mix.data = malloc((size_t)samples * CHANNELS * sizeof(float));
    assert_non_null(mix.data);
    for (int channel = 0; channel < CHANNELS; channel++) {
        float *plane = mix.data + channel * samples;
        mix.planes[channel] = plane;
        for (int64_t i = 0; i < samples; i++) {
            double noise = (double)(random_next(&random_state) >> 40) / (1 << 24) - 0.5;
            bool silent = i % 5000 > 4200;
            plane[i] = silent ? 0 : (float)(0.3 * sin((double)i * 0.05 * (channel + 1)) + noise);
        }
    }
    return mix;
}

static cleave_model *open_model(void) {
    return must_open_model("golden/short-input/model.ckpt");
}

/* (stems, channels, samples), the caller's to free. */
static float *separate(cleave_separator *separator, const Mix *mix) {
    cleave_error error;
    float *stems = malloc((size_t)mix->samples * CHANNELS * STEMS * sizeof(float));
    assert_non_null(stems);
    if (cleave_separator_separate_memory(separator, mix->planes, CHANNELS, mix->samples, stems,
                                         NULL, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return stems;
}

static float *separate_with(const cleave_model *model, const cleave_separator_settings *settings,
                            const Mix *mix) {
    cleave_separator *separator = must_open_separator(model, settings);
    float *stems = separate(separator, mix);
    cleave_separator_close(separator);
    return stems;
}

/* ---- Properties ---- */

/* Sanitizers take ten times as long. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TRIALS 6
#else
#define TRIALS 12
#endif

/* T3: the bits of the stems depend neither on the batch size nor on the number of threads. */
static void t3_bits_are_independent_of_batch_and_threads(void **state) {
    (void)state;
    cleave_model *model = open_model();
    for (int trial = 0; trial < TRIALS; trial++) {
        cleave_separator_settings settings;
        cleave_separator_settings_default(&settings);
        settings.overlap = trial == 0 ? 50 : random_between(1, trial % 2 == 0 ? 50 : 12);
        settings.blend = (cleave_blend)((trial + trial / 3) % 3);
        settings.tta = trial % 4 == 3;
        settings.precision = (cleave_precision)(CLEAVE_PRECISION_F32 + trial % 3);
        settings.batch = 1;
        settings.threads = 1;
        Mix mix = create_mix(random_between(1, settings.overlap > 12 ? 3000 : 16000));
        float *expected = separate_with(model, &settings, &mix);
        for (int variation = 0; variation < 3; variation++) {
            settings.batch = random_between(2, 7);
            settings.threads = random_between(1, 4);
            float *stems = separate_with(model, &settings, &mix);
            assert_memory_equal(stems, expected,
                                (size_t)mix.samples * CHANNELS * STEMS * sizeof(float));
            free(stems);
        }
        free(expected);
        free(mix.data);
    }
    cleave_model_close(model);
}

/* A separator has no memory: the same input gives the same bits whatever came before. */
static void a_separator_can_be_used_again(void **state) {
    (void)state;
    cleave_model *model = open_model();
    cleave_separator *separator = must_open_separator(model, NULL);
    Mix first = create_mix(9000);
    Mix second = create_mix(3000);
    float *once = separate(separator, &first);
    free(separate(separator, &second));
    float *again = separate(separator, &first);
    assert_memory_equal(again, once, (size_t)first.samples * CHANNELS * STEMS * sizeof(float));
    free(once);
    free(again);
    free(first.data);
    free(second.data);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static double energy(const float *samples, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)samples[i] * (double)samples[i];
    return sum;
}

/* Fused and op by op are the same network: equal to rounding. */
static void compiled_and_op_by_op_agree(void **state) {
    (void)state;
    cleave_model *model = open_model();
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    Mix mix = create_mix(12000);
    float *compiled = separate_with(model, &settings, &mix);
    settings.compile = 0;
    float *plain = separate_with(model, &settings, &mix);
    int64_t count = mix.samples * CHANNELS * STEMS;
    double signal = energy(compiled, count);
    for (int64_t i = 0; i < count; i++)
        plain[i] -= compiled[i];
    assert_true(signal > 0);
    assert_true(energy(plain, count) < signal * 1e-11);
    free(compiled);
    free(plain);
    free(mix.data);
    cleave_model_close(model);
}

static void silence_gives_exact_zeros(void **state) {
    (void)state;
    cleave_model *model = open_model();
    Mix mix = create_mix(10000);
    memset(mix.data, 0, (size_t)mix.samples * CHANNELS * sizeof(float));
    float *stems = separate_with(model, NULL, &mix);
    for (int64_t i = 0; i < mix.samples * CHANNELS * STEMS; i++)
        assert_true(stems[i] == 0);
    free(stems);
    free(mix.data);
    cleave_model_close(model);
}

/* ---- Threads ---- */

typedef struct Job {
    const cleave_model *model;
    const Mix *mix;
    float *stems;
} Job;

static void *run_job(void *argument) {
    Job *job = argument;
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.threads = 2;
    job->stems = separate_with(job->model, &settings, job->mix);
    return NULL;
}

/* One model, two separators, two threads: no shared state, equal results. */
static void two_separators_run_side_by_side(void **state) {
    (void)state;
    cleave_model *model = open_model();
    Mix mix = create_mix(8000);
    Job jobs[2] = {{model, &mix, NULL}, {model, &mix, NULL}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_memory_equal(jobs[0].stems, jobs[1].stems,
                        (size_t)mix.samples * CHANNELS * STEMS * sizeof(float));
    free(jobs[0].stems);
    free(jobs[1].stems);
    free(mix.data);
    cleave_model_close(model);
}

/* ---- Progress and cancelling ---- */

typedef struct Watch {
    int calls;
    int cancel_at; /* 0: never */
    int64_t done;
    int64_t total;
    bool went_back;
} Watch;

static int watch_progress(void *user, const cleave_progress *progress) {
    Watch *watch = user;
    watch->calls++;
    watch->went_back = watch->went_back || progress->samples_done < watch->done;
    watch->done = progress->samples_done;
    watch->total = progress->samples_total;
    return watch->calls == watch->cancel_at;
}

static cleave_status separate_watched(cleave_separator *separator, const Mix *mix, Watch *watch) {
    cleave_error error;
    float *stems = calloc((size_t)mix->samples * CHANNELS * STEMS, sizeof(float));
    assert_non_null(stems);
    cleave_status status = cleave_separator_separate_memory(
        separator, mix->planes, CHANNELS, mix->samples, stems, watch_progress, watch, &error);
    assert_int_equal(status, error.status);
    free(stems);
    return status;
}

static void progress_rises_to_the_end(void **state) {
    (void)state;
    cleave_model *model = open_model();
    cleave_separator *separator = must_open_separator(model, NULL);
    Mix mix = create_mix(20000);
    Watch watch = {0};
    assert_int_equal(separate_watched(separator, &mix, &watch), CLEAVE_OK);
    assert_true(watch.calls > 3);
    assert_false(watch.went_back);
    assert_int_equal(watch.done, mix.samples);
    assert_int_equal(watch.total, mix.samples);
    free(mix.data);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static void a_callback_and_a_call_can_cancel(void **state) {
    (void)state;
    cleave_model *model = open_model();
    cleave_separator *separator = must_open_separator(model, NULL);
    Mix mix = create_mix(20000);
    Watch watch = {.cancel_at = 3};
    assert_int_equal(separate_watched(separator, &mix, &watch), CLEAVE_ERROR_CANCELLED);
    assert_int_equal(watch.calls, 3);
    cleave_separator_cancel(separator);
    watch = (Watch){0};
    assert_int_equal(separate_watched(separator, &mix, &watch), CLEAVE_ERROR_CANCELLED);
    watch = (Watch){0};
    assert_int_equal(separate_watched(separator, &mix, &watch), CLEAVE_OK);
    free(mix.data);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

/* ---- Arguments ---- */

static void expect_refusal(const cleave_model *model, const cleave_separator_settings *settings,
                           cleave_status expected, const char *word) {
    cleave_separator *separator = NULL;
    cleave_error error;
    cleave_status status = cleave_separator_open(&separator, model, settings, &error);
    assert_int_equal(status, expected);
    assert_null(separator);
    assert_non_null(strstr(error.text, word));
}

static void bad_settings_are_refused_by_name(void **state) {
    (void)state;
    cleave_model *model = open_model();
    cleave_separator_settings defaults;
    cleave_separator_settings_default(&defaults);
    cleave_separator_settings settings = defaults;
    settings.overlap = 51;
    expect_refusal(model, &settings, CLEAVE_ERROR_ARGUMENT, "overlap");
    settings = defaults;
    settings.batch = -1;
    expect_refusal(model, &settings, CLEAVE_ERROR_ARGUMENT, "batch");
    settings = defaults;
    settings.threads = 1000;
    expect_refusal(model, &settings, CLEAVE_ERROR_ARGUMENT, "threads");
    settings = defaults;
    settings.device = "tpu";
    expect_refusal(model, &settings, CLEAVE_ERROR_ARGUMENT, "tpu");
    settings = defaults;
    settings.device = "cuda";
    settings.strict_device = 1;
    expect_refusal(model, &settings, CLEAVE_ERROR_DEVICE, "cuda");
    settings = defaults;
    settings.precision = (cleave_precision)99;
    expect_refusal(model, &settings, CLEAVE_ERROR_ARGUMENT, "99");
    cleave_model_close(model);
}

/* What is listed is what gets written. */
static void outputs_are_listed_beforehand(void **state) {
    (void)state;
    static const char *const stems[] = {"other"};
    cleave_model *model = open_model();
    cleave_file_settings settings;
    cleave_outputs list;
    cleave_file_settings_default(&settings);
    settings.stems = stems;
    settings.stem_count = 1;
    settings.residual = "rest/of it";
    settings.format = CLEAVE_FORMAT_FLAC;
    settings.name_template = "{model}-{track}/{stem}";
    assert_int_equal(cleave_outputs_list(model, "a/b.c.wav", &settings, &list, NULL), CLEAVE_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.stems[0], "other");
    assert_string_equal(list.paths[0], "separated/model-b.c/other.flac");
    assert_string_equal(list.paths[1], "separated/model-b.c/rest_of it.flac");
    cleave_outputs_free(&list);
    settings.directory = "";
    assert_int_equal(cleave_outputs_list(model, "a.wav", &settings, &list, NULL),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(list.count, 0);
    cleave_outputs_free(&list);
    cleave_model_close(model);
}

static void names_are_filled_in(void **state) {
    (void)state;
    static const char *const stems[] = {"other"};
    static const struct {
        const char *template;
        const char *folder;
        const char *path; /* below the output folder */
    } names[] = {{"{track}/{stem}.{ext}", NULL, "song/other.flac"},
                 {"{ext}/{track}-{stem}", NULL, "flac/song-other.flac"},
                 {"{ext}/{track}-{stem}.{ext}.x", NULL, "flac/song-other.flac.x.flac"},
                 {"{stem}/{folder}/{track}", "live/1999", "other/live/1999/song.flac"},
                 {"{stem}/{folder}/{track}", "live", "other/live/song.flac"},
                 {"{stem}/{folder}/{track}", "", "other/song.flac"},
                 {"{folder}/{stem}/{track}", NULL, "other/song.flac"},
                 {"{stem}/{track} {folder}/x", NULL, "other/song /x.flac"},
                 {"{stem}/{track}/{folder}", NULL, "other/song.flac"},
                 {"{stem}{folder}", NULL, "other.flac"},
                 {"{folder}/{stem}", "/../a\\b//.", "__/a_b/_/other.flac"}};
    cleave_model *model = open_model();
    cleave_file_settings settings;
    cleave_file_settings_default(&settings);
    assert_null(settings.folder);
    settings.directory = "out";
    settings.stems = stems;
    settings.stem_count = 1;
    settings.format = CLEAVE_FORMAT_FLAC;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[200];
        cleave_outputs list;
        settings.name_template = names[i].template;
        settings.folder = names[i].folder;
        snprintf(path, sizeof(path), "out/%s", names[i].path);
        assert_int_equal(cleave_outputs_list(model, "a/song.wav", &settings, &list, NULL),
                         CLEAVE_OK);
        assert_string_equal(list.paths[0], path);
        cleave_outputs_free(&list);
    }
    cleave_model_close(model);
}

typedef struct Output {
    const char *const *stems;
    int stem_count;
    const char *residual;
    const char *name_template;
    const char *word;
} Output;

static void bad_outputs_are_refused_before_any_work(void **state) {
    (void)state;
    static const char *const missing[] = {"kazoo"};
    static const char *const twice[] = {"vocals", "Vocals"};
    static const Output outputs[] = {
        {missing, 1, NULL, "{stem}", "kazoo"},     {twice, 2, NULL, "{stem}", "twice"},
        {NULL, 0, "vocals", "{stem}", "residual"}, {NULL, 0, "", "{stem}", "empty"},
        {NULL, 0, NULL, "{track}", "{stem}"},
    };
    char input[4096];
    snprintf(input, sizeof(input), "%s/golden/short-input/mix.wav", getenv("CLEAVE_TEST_DATA"));
    cleave_model *model = open_model();
    cleave_separator *separator = must_open_separator(model, NULL);
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        cleave_file_settings settings;
        cleave_error error;
        cleave_file_settings_default(&settings);
        settings.directory = "/nonexistent/cleave";
        settings.stems = outputs[i].stems;
        settings.stem_count = outputs[i].stem_count;
        settings.residual = outputs[i].residual;
        settings.name_template = outputs[i].name_template;
        assert_int_equal(cleave_separator_separate_file(separator, input, &settings, NULL, &error),
                         CLEAVE_ERROR_ARGUMENT);
        assert_non_null(strstr(error.text, outputs[i].word));
    }
    cleave_separator_close(separator);
    cleave_model_close(model);
}

/* Samples that no frame covers would be silent in every chunk. */
static void chunks_are_what_their_frames_cover(void **state) {
    (void)state;
    static const struct {
        const char *checkpoint;
        int samples; /* of all blends: each case has as many frames for one as for the others */
    } cases[] = {{"cases/chunk-not-of-hops/model.ckpt", 15 * 120},
                 {"cases/odd-transform/model.ckpt", 15 * 135 + 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleave_model *model = must_open_model(cases[i].checkpoint);
        for (int blend = CLEAVE_BLEND_FADE; blend <= CLEAVE_BLEND_HAMMING; blend++) {
            cleave_separator_settings settings;
            cleave_separator_info info;
            cleave_separator_settings_default(&settings);
            settings.blend = (cleave_blend)blend;
            cleave_separator *separator = must_open_separator(model, &settings);
            cleave_separator_get_info(separator, &info);
            assert_int_equal(info.chunk_size, cases[i].samples);
            cleave_separator_close(separator);
        }
        cleave_model_close(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t3_bits_are_independent_of_batch_and_threads),
        cmocka_unit_test(a_separator_can_be_used_again),
        cmocka_unit_test(compiled_and_op_by_op_agree),
        cmocka_unit_test(silence_gives_exact_zeros),
        cmocka_unit_test(two_separators_run_side_by_side),
        cmocka_unit_test(progress_rises_to_the_end),
        cmocka_unit_test(a_callback_and_a_call_can_cancel),
        cmocka_unit_test(bad_settings_are_refused_by_name),
        cmocka_unit_test(outputs_are_listed_beforehand),
        cmocka_unit_test(names_are_filled_in),
        cmocka_unit_test(bad_outputs_are_refused_before_any_work),
        cmocka_unit_test(chunks_are_what_their_frames_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
