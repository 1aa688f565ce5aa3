/* doctor_separate.c: the separation that `cleave doctor` tries on each device: two seconds of audio
 * that the program makes up, with the user's network or the library's sample, compared with the
 * slowest and simplest way to compute it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/message.h"
#include "cli/console/progress.h"
#include "cli/console/signals.h"
#include "cli/console/text.h"
#include "cli/trials/doctor.h"
#include "cli/trials/generated_audio.h"
#include "cli/trials/trial_progress.h"
#include "cli/trials/verdict.h"

#define SECONDS       2
#define QUIET_SECONDS 2.0 /* nothing is told of what takes less */

typedef struct Trials {
    Doctor *doctor;
    cleave_model *model;
    cleave_model_info info;
    int64_t samples; /* per channel */
    float **mix;
    float *reference; /* (stems, channels, samples), as is the next */
    float *stems;
} Trials;

char *doctor_without_home(const char *text) {
    const char *value = getenv("HOME");
    char *home = text_printable(value != NULL ? value : "");
    size_t length = strlen(home);
    while (length > 0 && home[length - 1] == '/')
        home[--length] = '\0';
    char *clean = text_printable(text);
    char *at = length > 1 ? strstr(clean, home) : NULL;
    for (; at != NULL; at = strstr(at + 1, home)) {
        char next = at[length];
        if (next != '/' && next != '\0' && next != ':' && next != ' ')
            continue;
        *at = '~';
        memmove(at + 1, at + length, strlen(at + length) + 1);
    }
    free(home);
    return clean;
}

static Trial *add_trial(Doctor *doctor, const char *device) {
    Trial *trial = &doctor->trials[doctor->trial_count++];
    snprintf(trial->device, sizeof trial->device, "%s", device);
    trial->snr = (double)NAN;
    return trial;
}

static void fail_trial(Doctor *doctor, Trial *trial, const char *reason) {
    trial->reason = doctor_without_home(reason);
    trial->good = false;
    doctor->failures++;
}

/* ---- One separation ---------------------------------------------------------------------- */

/* A cleave_progress_callback. */
static int update(void *user, const cleave_progress *state) {
    return state->seconds < QUIET_SECONDS ? signals_caught() != 0 : progress_update(user, state);
}

static cleave_status separate(const Trials *trials, const char *device, int compile, float *stems,
                              cleave_error *error) {
    const DoctorOptions *options = trials->doctor->options;
    cleave_separator *separator = NULL;
    cleave_separator_settings settings;
    Progress progress;
    cleave_separator_settings_default(&settings);
    settings.device = device;
    settings.strict_device = 1;
    settings.precision = CLEAVE_PRECISION_F32;
    settings.compile = compile;
    settings.overlap = 1;
    char *label = format_text("trying %s", device);
    progress_begin(&progress,
                   progress_style(options->line.verbosity < VERBOSITY_NORMAL, options->line.json),
                   label, trials->info.sample_rate);
    cleave_status status = cleave_separator_open(&separator, trials->model, &settings, error);
    if (status == CLEAVE_OK) {
        signals_watch(separator);
        status = cleave_separator_separate_memory(separator, (const float *const *)trials->mix,
                                                  trials->info.channels, trials->samples, stems,
                                                  update, &progress, error);
        signals_watch(NULL);
    }
    cleave_separator_close(separator);
    progress_end(&progress);
    free(label);
    return status;
}

static double compare(const Trials *trials) {
    size_t planes = (size_t)trials->info.stem_count * (size_t)trials->info.channels;
    const float **pointers = allocate(2 * planes, sizeof *pointers);
    cleave_comparison comparison;
    for (size_t i = 0; i < planes; i++) {
        pointers[i] = trials->reference + i * (size_t)trials->samples;
        pointers[planes + i] = trials->stems + i * (size_t)trials->samples;
    }
    cleave_status status = cleave_audio_compare(pointers, pointers + planes, (int)planes,
                                                trials->samples, &comparison, NULL);
    free(pointers);
    return status == CLEAVE_OK ? verdict_snr(&comparison) : (double)NAN;
}

static void try_device(const Trials *trials, const char *device) {
    Doctor *doctor = trials->doctor;
    Trial *trial = add_trial(doctor, device);
    cleave_error error;
    double begin = trial_clock();
    if (separate(trials, device, 1, trials->stems, &error) != CLEAVE_OK) {
        fail_trial(doctor, trial, error.text);
        return;
    }
    trial->seconds = trial_clock() - begin;
    trial->snr = compare(trials);
    trial->good = trial->snr >= TRANSPARENT_SNR;
    if (!trial->good)
        fail_trial(doctor, trial, "the result differs from what the CPU computes op by op");
}

static void try_devices(const Trials *trials) {
    Doctor *doctor = trials->doctor;
    cleave_error error;
    if (separate(trials, "cpu", 0, trials->reference, &error) != CLEAVE_OK) {
        fail_trial(doctor, add_trial(doctor, "cpu, op by op"), error.text);
        return;
    }
    for (int i = 0; i < doctor->device_count && signals_caught() == 0; i++)
        if (doctor->devices[i].available)
            try_device(trials, doctor->devices[i].id);
}

/* ---- All of them ------------------------------------------------------------------------- */

static cleave_status open_network(cleave_model **model, const DoctorOptions *options,
                                  cleave_error *error) {
    cleave_model_settings settings;
    if (options->model.path == NULL)
        return cleave_model_open_sample(model, NULL, error);
    cleave_model_settings_default(&settings);
    settings.config_path = options->model.config;
    return cleave_model_open(model, options->model.path, &settings, error);
}

static void prepare(Trials *trials) {
    cleave_model_get_info(trials->model, &trials->info);
    size_t channels = (size_t)trials->info.channels;
    trials->samples = (int64_t)SECONDS * trials->info.sample_rate;
    size_t length = (size_t)trials->samples;
    size_t floats = (size_t)trials->info.stem_count * channels * length;
    trials->mix = allocate(channels, sizeof *trials->mix);
    trials->mix[0] = allocate(channels * length, sizeof(float));
    for (size_t c = 1; c < channels; c++)
        trials->mix[c] = trials->mix[0] + c * length;
    trials->reference = allocate(floats, sizeof(float));
    trials->stems = allocate(floats, sizeof(float));
    generated_audio_fill(trials->mix, trials->info.channels, trials->info.sample_rate, 0,
                         trials->samples);
}

bool doctor_separate(Doctor *doctor) {
    Trials trials = {.doctor = doctor};
    cleave_error error;
    doctor->trials = allocate((size_t)doctor->device_count + 1, sizeof *doctor->trials);
    if (open_network(&trials.model, doctor->options, &error) != CLEAVE_OK) {
        fail_trial(doctor, add_trial(doctor, "model"), error.text);
        return signals_caught() == 0;
    }
    prepare(&trials);
    try_devices(&trials);
    free(trials.mix[0]);
    free(trials.mix);
    free(trials.reference);
    free(trials.stems);
    cleave_model_close(trials.model);
    return signals_caught() == 0;
}
