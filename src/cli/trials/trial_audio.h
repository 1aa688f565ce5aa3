/* trial_audio.h: the audio that `bench` and `verify` run networks on: a part of the user's input,
 * or generated audio. */
#ifndef CLEAVE_CLI_TRIAL_AUDIO_H
#define CLEAVE_CLI_TRIAL_AUDIO_H

#include <stdbool.h>

#include "cleave/extra.h"
#include "cli/console/progress.h"
#include "cli/trials/trial_options.h"

typedef struct TrialAudio {
    const char *input; /* as given; NULL: generated */
    cleave_audio audio;
} TrialAudio;

/* Gets the loudest `seconds` of the input, or as many of generated audio, at the network's rate and
 * with its channels. False after a failure, which is in `error`. Free it in either case. */
bool trial_audio_get(TrialAudio *trial, const TrialOptions *options, const cleave_model_info *model,
                     int seconds, ProgressStyle style, cleave_error *error);
void trial_audio_free(TrialAudio *trial);

/* Compares two times `planes` signals of the audio's length, which lie one behind the other. Fails
 * as cleave_audio_compare() does. */
cleave_status trial_audio_compare(const TrialAudio *trial, const float *reference,
                                  const float *estimate, int planes, cleave_comparison *comparison,
                                  cleave_error *error);

#endif
