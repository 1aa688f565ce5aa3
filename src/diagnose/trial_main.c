/* trial_main.c: the trial of a device in a process of its own (see backend/trial.h): the sample
 * network, a second of noise, and how near each precision comes to f32 on the CPU, op by op. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/trial.h"
#include "base/platform.h"
#include "base/random.h"
#include "cleave/extra.h"

#define SECONDS   1
#define SNR_LIMIT 300.0 /* dB: bits that are the same have no figure */

enum { EXIT_DONE, EXIT_FAILED, EXIT_OTHER_VERSION };

typedef struct Trial {
    cleave_model *model;
    cleave_model_info info;
    float **mix;
    float **reference; /* planes of all stems */
    float **stems;
} Trial;

/* ---- Signals ---- */

static void free_planes(float **planes) {
    free(planes ? planes[0] : NULL);
    free(planes);
}

static float **new_planes(int count, int64_t samples) {
    float **planes = count > 0 ? calloc((size_t)count, sizeof(*planes)) : NULL;
    if (!planes)
        return NULL;
    planes[0] = calloc((size_t)count * (size_t)samples, sizeof(**planes));
    for (int i = 1; i < count && planes[0]; i++)
        planes[i] = planes[0] + (int64_t)i * samples;
    return planes;
}

static bool have_room(float *const *planes) {
    return planes && planes[0];
}

/* ---- One separation ---- */

static cleave_status separate(const Trial *trial, const char *device, cleave_precision precision,
                              float **stems, cleave_error *error) {
    cleave_separator *separator = NULL;
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.device = device;
    settings.strict_device = 1;
    settings.precision = precision;
    settings.compile = strcmp(device, "cpu") != 0;
    settings.overlap = 1;
    cleave_status status = cleave_separator_open(&separator, trial->model, &settings, error);
    if (status == CLEAVE_OK)
        status = cleave_separator_separate_memory(
            separator, (const float *const *)trial->mix, trial->info.channels,
            SECONDS * trial->info.sample_rate, stems[0], NULL, NULL, error);
    cleave_separator_close(separator);
    return status;
}

/* Tenths of dB. */
static int snr_of(const Trial *trial) {
    cleave_comparison comparison;
    cleave_status status = cleave_audio_compare(
        (const float *const *)trial->reference, (const float *const *)trial->stems,
        trial->info.stem_count * trial->info.channels, SECONDS * trial->info.sample_rate,
        &comparison, NULL);
    if (status != CLEAVE_OK || comparison.not_numbers > 0 || isnan(comparison.snr))
        return -(int)(10 * SNR_LIMIT);
    return (int)(10 * fmax(-SNR_LIMIT, fmin(SNR_LIMIT, comparison.snr)));
}

static cleave_status try_precision(const Trial *trial, const char *device,
                                   cleave_precision precision, int *snr, cleave_error *error) {
    cleave_status status = separate(trial, device, precision, trial->stems, error);
    if (status == CLEAVE_OK)
        *snr = snr_of(trial);
    return status;
}

/* ---- All ---- */

static cleave_status try_device(Trial *trial, const char *device, int snrs[2],
                                cleave_error *error) {
    cleave_model_get_info(trial->model, &trial->info);
    int64_t samples = (int64_t)SECONDS * trial->info.sample_rate;
    int planes = trial->info.stem_count * trial->info.channels;
    trial->mix = new_planes(trial->info.channels, samples);
    trial->reference = new_planes(planes, samples);
    trial->stems = new_planes(planes, samples);
    if (!have_room(trial->mix) || !have_room(trial->reference) || !have_room(trial->stems)) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return CLEAVE_ERROR_MEMORY;
    }
    random_noise(trial->mix[0], (size_t)samples * (size_t)trial->info.channels, 0.3f);
    cleave_status status = separate(trial, "cpu", CLEAVE_PRECISION_F32, trial->reference, error);
    if (status == CLEAVE_OK)
        status = try_precision(trial, device, CLEAVE_PRECISION_F32, &snrs[0], error);
    if (status == CLEAVE_OK)
        status = try_precision(trial, device, CLEAVE_PRECISION_F16, &snrs[1], error);
    return status;
}

static int run(const char *device) {
    Trial trial = {.model = NULL};
    cleave_error error;
    int snrs[2] = {0, 0};
    cleave_status status = cleave_model_open_sample(&trial.model, NULL, &error);
    if (status == CLEAVE_OK)
        status = try_device(&trial, device, snrs, &error);
    free_planes(trial.mix);
    free_planes(trial.reference);
    free_planes(trial.stems);
    cleave_model_close(trial.model);
    if (status != CLEAVE_OK) {
        printf("%s\n", error.text);
        return EXIT_FAILED;
    }
    printf(TRIAL_RESULT, snrs[0], snrs[1]);
    return EXIT_DONE;
}

CLEAVE_API int cleave_trial_main(int argc, char **argv) {
    char path[4096];
    if (argc != 4 || strcmp(argv[1], TRIAL_OPTION) != 0) {
        if (platform_program_path(path, sizeof(path)))
            trial_set_program(path);
        return -1;
    }
    if (strcmp(argv[3], cleave_version()) != 0) {
        printf("%s is of version %s, not %s\n", argv[0], cleave_version(), argv[3]);
        return EXIT_OTHER_VERSION;
    }
    alarm(2 * TRIAL_SECONDS); /* where nobody waits for it any more */
    trial_trust_all();
    int code = run(argv[2]);
    return fflush(stdout) == 0 ? code : EXIT_FAILED;
}
