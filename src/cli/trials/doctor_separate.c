/* doctor_separate.c: the separation that `cleave doctor` tries on each device: two seconds of
 * generated audio, with the user's network or the library's sample, compared with the slowest and
 * simplest way to compute it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/message.h"
#include "cli/console/progress.h"
#include "cli/console/signals.h"
#include "cli/console/text.h"
#include "cli/trials/doctor.h"
#include "cli/trials/trial_audio.h"
#include "cli/trials/trial_modes.h"
#include "cli/trials/trial_progress.h"
#include "cli/trials/verdict.h"

#define SECONDS       2
#define QUIET_SECONDS 2.0 /* shorter separations show no progress */

typedef struct Trials {
    const DoctorOptions *options;
    json_t *list; /* the results */
    cleave_model *model;
    cleave_model_info info;
    TrialAudio audio;
    float *reference; /* (stems, channels, samples), like the next */
    float *stems;
} Trials;

/* Text in which the user's home folder is "~": a bug report should not contain a user's name. The
 * caller's. */
static char *without_home(const char *text) {
    const char *value = getenv("HOME");
    char *home = text_printable(value != NULL ? value : "");
    size_t length = strlen(home);
    while (length > 0 && home[length - 1] == '/')
        home[--length] = '\0';
    char *clean = text_printable(text);
    char *at = length > 1 ? strstr(clean, home) : NULL;
    for (; at != NULL; at = strstr(at + 1, home)) {
        if (strchr("/: ", at[length]) == NULL)
            continue;
        *at = '~';
        memmove(at + 1, at + length, strlen(at + length) + 1);
    }
    free(home);
    return clean;
}

/* `error` is NULL where all is well; `snr` is NaN where there is nothing to compare. */
static void add_trial(Trials *trials, const char *device, double seconds, double snr,
                      const char *error) {
    json_t *trial = json_new_object();
    char *shown = error != NULL ? without_home(error) : NULL;
    json_put_text(trial, "device", device);
    json_put_bool(trial, "ok", error == NULL);
    json_put_text(trial, "error", shown);
    json_put_number(trial, "seconds", seconds);
    json_put_number(trial, "snr", snr);
    json_append(trials->list, trial);
    free(shown);
}

/* A cleave_progress_callback. */
static int trials_update(void *user, const cleave_progress *state) {
    return state->seconds < QUIET_SECONDS ? signals_caught() != 0 : progress_update(user, state);
}

static cleave_status trials_separate(const Trials *trials, const char *device, int compile,
                                     float *stems, cleave_error *error) {
    const DoctorOptions *options = trials->options;
    const cleave_audio *audio = &trials->audio.audio;
    Mode mode = mode_of(device, CLEAVE_PRECISION_F32, compile);
    cleave_separator *separator = NULL;
    cleave_separator_settings settings;
    Progress progress;
    cleave_separator_settings_default(&settings);
    mode_apply(&mode, &settings);
    settings.overlap = 1;
    char *label = format_text("trying %s", device);
    progress_begin(&progress,
                   progress_style(options->line.verbosity < VERBOSITY_NORMAL, options->line.json),
                   label, trials->info.sample_rate);
    cleave_status status = cleave_separator_open(&separator, trials->model, &settings, error);
    if (status == CLEAVE_OK) {
        signals_watch(separator);
        status = cleave_separator_separate_memory(separator, (const float *const *)audio->planes,
                                                  audio->channels, audio->samples, stems,
                                                  trials_update, &progress, error);
        signals_watch(NULL);
    }
    cleave_separator_close(separator);
    progress_end(&progress);
    free(label);
    return status;
}

static void try_device(Trials *trials, const char *device) {
    int planes = trials->info.stem_count * trials->info.channels;
    cleave_comparison comparison;
    cleave_error error;
    double begin = trial_clock();
    cleave_status status = trials_separate(trials, device, 1, trials->stems, &error);
    double seconds = trial_clock() - begin;
    if (status == CLEAVE_OK)
        status = trial_audio_compare(&trials->audio, trials->reference, trials->stems, planes,
                                     &comparison, &error);
    if (status != CLEAVE_OK) {
        add_trial(trials, device, 0, (double)NAN, error.text);
        return;
    }
    double snr = verdict_snr(&comparison);
    char *reason =
        format_text("the result differs from what the CPU computes op by op (SNR %.1f dB)", snr);
    add_trial(trials, device, seconds, snr, snr >= TRANSPARENT_SNR ? NULL : reason);
    free(reason);
}

static void try_devices(Trials *trials, const json_t *devices) {
    cleave_error error;
    if (trials_separate(trials, "cpu", 0, trials->reference, &error) != CLEAVE_OK) {
        add_trial(trials, "cpu, op by op", 0, (double)NAN, error.text);
        return;
    }
    for (size_t i = 0; i < json_array_size(devices) && signals_caught() == 0; i++) {
        const json_t *device = json_array_get(devices, i);
        if (json_is_true(json_object_get(device, "available")))
            try_device(trials, json_string_value(json_object_get(device, "id")));
    }
}

static cleave_status open_network(cleave_model **model, const DoctorOptions *options,
                                  cleave_error *error) {
    cleave_model_settings settings;
    if (options->model.path == NULL)
        return cleave_model_open_sample(model, NULL, error);
    cleave_model_settings_default(&settings);
    settings.config_path = options->model.config;
    return cleave_model_open(model, options->model.path, &settings, error);
}

/* Memory for stems, and the audio. False after a failure, which is in `error`. */
static bool trials_prepare(Trials *trials, cleave_error *error) {
    const cleave_model_info *info = &trials->info;
    cleave_model_get_info(trials->model, &trials->info);
    size_t floats =
        (size_t)info->stem_count * (size_t)info->channels * SECONDS * (size_t)info->sample_rate;
    trials->reference = allocate(floats, sizeof(float));
    trials->stems = allocate(floats, sizeof(float));
    return trial_audio_get(&trials->audio, &(TrialOptions){0}, info, SECONDS, PROGRESS_NONE, error);
}

json_t *doctor_separate(const DoctorOptions *options, const json_t *devices) {
    Trials trials = {.options = options, .list = json_new_array()};
    json_t *separation = json_new_object();
    char *model = options->model.path != NULL ? without_home(options->model.path) : NULL;
    cleave_error error;
    if (open_network(&trials.model, options, &error) == CLEAVE_OK &&
        trials_prepare(&trials, &error))
        try_devices(&trials, devices);
    else
        add_trial(&trials, "model", 0, (double)NAN, error.text);
    json_put_text(separation, "model", model);
    json_put(separation, "trials", trials.list);
    trial_audio_free(&trials.audio);
    free(trials.reference);
    free(trials.stems);
    free(model);
    cleave_model_close(trials.model);
    return separation;
}
