/* trial_audio.c: reads the loudest part of an input, or generates audio. */
#include "cli/trials/trial_audio.h"

#include <stdlib.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/trials/generated_audio.h"

/* Most files are read in less time; then no progress is shown. */
#define QUIET_SECONDS 2.0

static void trial_audio_generate(cleave_audio *audio, const cleave_model_info *model, int seconds) {
    audio->channels = model->channels;
    audio->sample_rate = model->sample_rate;
    audio->samples = (int64_t)seconds * audio->sample_rate;
    size_t length = (size_t)audio->samples;
    float *samples = allocate((size_t)audio->channels * length, sizeof *samples);
    audio->planes = allocate((size_t)audio->channels, sizeof *audio->planes);
    for (int c = 0; c < audio->channels; c++)
        audio->planes[c] = samples + (size_t)c * length;
    generated_audio_fill(audio->planes, audio->channels, audio->sample_rate, 0, audio->samples);
}

/* A cleave_progress_callback. */
static int trial_audio_update(void *user, const cleave_progress *state) {
    return state->seconds < QUIET_SECONDS ? 0 : progress_update(user, state);
}

bool trial_audio_get(TrialAudio *trial, const TrialOptions *options, const cleave_model_info *model,
                     int seconds, ProgressStyle style, cleave_error *error) {
    Progress progress;
    *trial = (TrialAudio){.input = options->line.input_count > 0 ? options->line.inputs[0] : NULL};
    if (trial->input == NULL) {
        trial_audio_generate(&trial->audio, model, seconds);
        return true;
    }
    progress_begin(&progress, style, "looking for the loudest part", model->sample_rate);
    cleave_status status =
        cleave_audio_read(trial->input, model->channels, model->sample_rate, seconds, &trial->audio,
                          trial_audio_update, &progress, error);
    progress_end(&progress);
    return status == CLEAVE_OK;
}

void trial_audio_free(TrialAudio *trial) {
    if (trial->input != NULL) {
        cleave_audio_free(&trial->audio);
        return;
    }
    if (trial->audio.planes != NULL)
        free(trial->audio.planes[0]);
    free(trial->audio.planes);
}

cleave_status trial_audio_compare(const TrialAudio *trial, const float *reference,
                                  const float *estimate, int planes, cleave_comparison *comparison,
                                  cleave_error *error) {
    const float **pointers = allocate(2 * (size_t)planes, sizeof *pointers);
    for (int i = 0; i < planes; i++) {
        pointers[i] = reference + (int64_t)i * trial->audio.samples;
        pointers[planes + i] = estimate + (int64_t)i * trial->audio.samples;
    }
    cleave_status status = cleave_audio_compare(pointers, pointers + planes, planes,
                                                trial->audio.samples, comparison, error);
    free(pointers);
    return status;
}
