/* bench_run.c: runs the configurations of `cleave bench` one after the other. Each is opened,
 * warmed up, and then timed; the clock is read once the device has finished. Then all that it holds
 * is released. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/platform.h"
#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/failure.h"
#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/console/text.h"
#include "cli/show/profile.h"
#include "cli/trials/bench.h"
#include "cli/trials/trial_progress.h"

/* ---- One configuration ---- */

static cleave_separator_settings settings_of(const Bench *bench, const BenchResult *result) {
    cleave_separator_settings settings = bench->options->trial.separator;
    mode_apply(&result->mode, &settings);
    settings.overlap = result->overlap;
    settings.batch = result->batch;
    settings.profile = 0;
    if (bench->options->trial.line.verbosity >= VERBOSITY_INFO) /* warnings are of speed */
        settings.log = message_logger();
    return settings;
}

/* Opens and warms up; the result gets the time of both. */
static cleave_status open_warm(const Bench *bench, const cleave_model *model, BenchResult *result,
                               cleave_separator **separator) {
    cleave_separator_settings settings = settings_of(bench, result);
    double begin = trial_clock();
    cleave_status status = cleave_separator_open(separator, model, &settings, &result->error);
    result->open_seconds = trial_clock() - begin;
    if (status != CLEAVE_OK)
        return status;
    signals_watch(*separator);
    return cleave_separator_warm_up(*separator, &result->warm_seconds, &result->error);
}

/* The clock is read once the device has finished (R8). */
static cleave_status time_run(const Bench *bench, cleave_separator *separator, BenchResult *result,
                              float *stems, TrialProgress *progress) {
    const cleave_audio *audio = &bench->trial.audio;
    cleave_status status = cleave_separator_synchronize(separator, &result->error);
    double begin = trial_clock();
    if (status == CLEAVE_OK)
        status = cleave_separator_separate_memory(separator, (const float *const *)audio->planes,
                                                  audio->channels, audio->samples, stems,
                                                  trial_progress_update, progress, &result->error);
    if (status == CLEAVE_OK)
        status = cleave_separator_synchronize(separator, &result->error);
    if (status == CLEAVE_OK)
        result->seconds[result->runs++] = trial_clock() - begin;
    progress->done++;
    return status;
}

static void take_info(BenchResult *result, const cleave_separator *separator) {
    cleave_separator_info info;
    cleave_separator_get_info(separator, &info);
    snprintf(result->kernels, sizeof result->kernels, "%s", info.kernels);
    result->overlap = info.overlap;
    result->batch = info.batch;
    result->compiled = info.compiled;
    result->device_memory = info.peak_device_memory;
    result->fallback_ops = info.fallback_ops;
    result->host_memory = platform_recent_peak();
}

/* For a signal that came while nothing was running. */
static cleave_status interrupted(BenchResult *result) {
    failure_set(&result->error, CLEAVE_ERROR_CANCELLED, NULL, "interrupted", NULL);
    return result->error.status;
}

static cleave_status run_configuration(const Bench *bench, const cleave_model *model,
                                       BenchResult *result, float *stems, TrialProgress *progress) {
    cleave_separator *separator = NULL;
    int runs = bench->options->runs;
    result->began = true;
    result->seconds = allocate((size_t)runs, sizeof *result->seconds);
    platform_reset_recent_peak();
    cleave_status status =
        signals_caught() != 0 ? interrupted(result) : open_warm(bench, model, result, &separator);
    for (int run = 0; run < runs && status == CLEAVE_OK; run++)
        status = signals_caught() != 0 ? interrupted(result)
                                       : time_run(bench, separator, result, stems, progress);
    if (separator != NULL) {
        take_info(result, separator);
        signals_watch(NULL);
        cleave_separator_release_cache(separator, NULL);
        cleave_separator_close(separator);
    }
    return status;
}

/* ---- All ---- */

/* The first use of a device in a process is slow. So before anything is timed, the first
 * configuration that works is warmed up and released again (R9). */
static void warm_process(const Bench *bench, const cleave_model *model) {
    for (int i = 0; i < bench->count && signals_caught() == 0; i++) {
        cleave_separator *separator = NULL;
        BenchResult trial = bench->results[i];
        cleave_status status = open_warm(bench, model, &trial, &separator);
        signals_watch(NULL);
        if (status == CLEAVE_OK)
            cleave_separator_release_cache(separator, NULL);
        cleave_separator_close(separator);
        if (status == CLEAVE_OK || status == CLEAVE_ERROR_CANCELLED)
            return;
    }
}

static char *label_of(const Bench *bench, const BenchResult *result, int number) {
    return format_text("[%d/%d] %s", number, bench->count, result->mode.name);
}

/* After the first configuration, so that people can stop a long list early. */
static void say_expected(const Bench *bench, const BenchResult *first, double seconds) {
    double expected = seconds * bench->count;
    if (bench->count > 1 && expected >= 2.0)
        message_note("bench: about %s for all, if each takes as long as %s",
                     text_duration(expected).text, first->mode.name);
}

int bench_run(Bench *bench, const cleave_model *model, ProgressStyle style) {
    const cleave_audio *audio = &bench->trial.audio;
    int runs = bench->options->runs;
    size_t floats =
        (size_t)bench->model.stem_count * (size_t)bench->model.channels * (size_t)audio->samples;
    float *stems = allocate(floats, sizeof *stems);
    int code = EXIT_DONE;
    warm_process(bench, model);
    TrialProgress progress = {.style = style,
                              .sample_rate = bench->model.sample_rate,
                              .samples = audio->samples,
                              .count = bench->count * runs,
                              .begin = trial_clock()};
    bool expectation_said = false;
    for (int i = 0; i < bench->count && code < EXIT_SIGNAL; i++) {
        double begin = trial_clock();
        BenchResult *result = &bench->results[i];
        char *label = label_of(bench, result, i + 1);
        progress_begin(&progress.line, style, label, bench->model.sample_rate);
        cleave_status status = run_configuration(bench, model, result, stems, &progress);
        progress_end(&progress.line);
        progress.done = (i + 1) * runs;
        if (status == CLEAVE_OK && !expectation_said) {
            say_expected(bench, result, trial_clock() - begin);
            expectation_said = true;
        }
        if (status != CLEAVE_OK) {
            int failed = exit_code_of(status);
            if (status == CLEAVE_ERROR_CANCELLED)
                message_error("interrupted; what was measured until then:");
            else
                message_error("%s: %s", result->mode.name, result->error.text);
            code = failed > code ? failed : code;
        }
        free(label);
    }
    free(stems);
    return code;
}

/* ---- The profile ---- */

bool bench_profile(const Bench *bench, const cleave_model *model, const BenchResult *result) {
    BenchResult again = *result;
    cleave_separator_settings settings = settings_of(bench, result);
    cleave_separator *separator = NULL;
    cleave_error error;
    const cleave_audio *audio = &bench->trial.audio;
    float *stems = allocate((size_t)bench->model.stem_count * (size_t)bench->model.channels *
                                (size_t)audio->samples,
                            sizeof *stems);
    Profiling profiling;
    cleave_profile profile = {0};
    settings.profile = 1;
    cleave_status status = cleave_separator_open(&separator, model, &settings, &error);
    if (status == CLEAVE_OK)
        status = cleave_separator_warm_up(separator, &again.warm_seconds, &error);
    if (status == CLEAVE_OK) {
        signals_watch(separator);
        status = cleave_separator_separate_memory(separator, (const float *const *)audio->planes,
                                                  audio->channels, audio->samples, stems, NULL,
                                                  NULL, &error);
        signals_watch(NULL);
    }
    bool good = status == CLEAVE_OK;
    bool shows_table = profile_shows_table(&bench->options->trial.line);
    if (good) {
        if (shows_table)
            printf("\n%s, overlap %d, batch %d:\n", result->mode.name, result->overlap,
                   result->batch);
        profile_begin(&profiling, bench->options->profile, shows_table);
        profile_take(&profiling, separator, &profile);
        good = profile_tell(&profiling, separator);
        cleave_profile_free(&profile);
        profile_end(&profiling);
    } else {
        message_error("--profile: %s", error.text);
    }
    cleave_separator_close(separator);
    free(stems);
    return good;
}
