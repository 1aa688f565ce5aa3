/* trial_options.h: the options that `bench` and `verify` have in common: the network, the audio,
 * and the modes to try. */
#ifndef CLEAVE_CLI_TRIAL_OPTIONS_H
#define CLEAVE_CLI_TRIAL_OPTIONS_H

#include "cleave/extra.h"
#include "cli/options/model_options.h"

typedef struct TrialOptions {
    CommandLine line; /* first */
    ModelOptions model;
    cleave_separator_settings separator;
    char **devices;         /* NULL-terminated; NULL: not given */
    unsigned precisions;    /* bits 1 << cleave_precision; 0: not given */
    unsigned compile_modes; /* bits 1 << cleave_separator_settings.compile; 0: not given */
    int seconds;            /* of audio that are separated; 0: not given */
} TrialOptions;

extern const Option trial_mode_rows[];  /* --device, --precision and --compile */
extern const Option trial_audio_rows[]; /* --seconds */

void trial_set_defaults(TrialOptions *options);

/* Opens the model of --model. Returns an exit code; a failure is said. */
int trial_open_model(cleave_model **model, const TrialOptions *options);

#endif
