/* trial_main.c: the trial of a device in a process of its own (see backend/trial.h): the sample
 * network on a second of noise, and how near each precision comes to f32 on the CPU, op by op. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/trial.h"
#include "base/error.h"
#include "base/platform.h"
#include "base/random.h"
#include "cleave/extra.h"
#include "diagnose/sample_model.h"

enum { SAMPLES = SAMPLE_RATE, PLANES = SAMPLE_STEMS * SAMPLE_CHANNELS };

#define SNR_LIMIT 300.0 /* dB: identical results would have no figure */

enum { EXIT_DONE, EXIT_FAILED, EXIT_OTHER_VERSION };

typedef struct Trial {
    cleave_model *model;
    float mix[SAMPLE_CHANNELS][SAMPLES];
    float reference[PLANES][SAMPLES];
    float stems[PLANES][SAMPLES];
} Trial;

static cleave_status trial_separate(const Trial *trial, const char *device,
                                    cleave_precision precision, float *stems, cleave_error *error) {
    const float *mix[SAMPLE_CHANNELS] = {trial->mix[0], trial->mix[1]};
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
        status = cleave_separator_separate_memory(separator, mix, SAMPLE_CHANNELS, SAMPLES, stems,
                                                  NULL, NULL, error);
    cleave_separator_close(separator);
    return status;
}

/* In tenths of dB. */
static int trial_snr(const Trial *trial) {
    const float *reference[PLANES];
    const float *stems[PLANES];
    cleave_comparison comparison;
    for (int i = 0; i < PLANES; i++) {
        reference[i] = trial->reference[i];
        stems[i] = trial->stems[i];
    }
    cleave_status status =
        cleave_audio_compare(reference, stems, PLANES, SAMPLES, &comparison, NULL);
    if (status != CLEAVE_OK || comparison.not_numbers > 0 || isnan(comparison.snr))
        return -(int)(10 * SNR_LIMIT);
    return (int)(10 * fmax(-SNR_LIMIT, fmin(SNR_LIMIT, comparison.snr)));
}

static cleave_status try_device(Trial *trial, const char *device, int snrs[2],
                                cleave_error *error) {
    static const cleave_precision precisions[2] = {CLEAVE_PRECISION_F32, CLEAVE_PRECISION_F16};
    random_noise(trial->mix[0], (size_t)SAMPLE_CHANNELS * SAMPLES, 0.3f);
    cleave_status status = cleave_model_open_sample(&trial->model, NULL, error);
    if (status == CLEAVE_OK)
        status = trial_separate(trial, "cpu", CLEAVE_PRECISION_F32, trial->reference[0], error);
    for (int i = 0; i < 2 && status == CLEAVE_OK; i++) {
        status = trial_separate(trial, device, precisions[i], trial->stems[0], error);
        snrs[i] = status == CLEAVE_OK ? trial_snr(trial) : 0;
    }
    cleave_model_close(trial->model);
    return status;
}

static int trial_run(const char *device) {
    Trial *trial = calloc(1, sizeof(*trial));
    cleave_error error;
    int snrs[2] = {0, 0};
    cleave_status status = trial ? try_device(trial, device, snrs, &error)
                                 : error_memory(&error, "audio", sizeof(*trial));
    free(trial);
    if (status == CLEAVE_OK)
        printf(TRIAL_RESULT, snrs[0], snrs[1]);
    else
        printf("%s\n", error.text);
    return status == CLEAVE_OK ? EXIT_DONE : EXIT_FAILED;
}

int cleave_trial_main(int argc, char **argv) {
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
    alarm(2 * TRIAL_SECONDS); /* in case the program that waits for it is gone */
    trial_trust_all();
    int code = trial_run(argv[2]);
    return fflush(stdout) == 0 ? code : EXIT_FAILED;
}
