/* rate_change.c: pushes blocks through a resampler. */
#include "audio/write/rate_change.h"

#include <stdlib.h>

/* Frames of silence that are pushed at a time to get out what the filter still holds. */
#define SILENT_FRAMES 512

cleave_status rate_change_create(RateChange *change, int channels, int from_rate, int to_rate,
                                 RateSink sink, void *user, cleave_error *error) {
    size_t count = (size_t)channels;
    *change = (RateChange){.channels = channels, .sink = sink, .user = user};
    change->block = malloc(count * RATE_CHANGE_FRAMES * sizeof(float));
    change->out = calloc(count, sizeof(*change->out));
    change->in = calloc(count, sizeof(*change->in));
    if (!change->block || !change->out || !change->in)
        return error_memory(error, "a resampler's block",
                            count * RATE_CHANGE_FRAMES * sizeof(float));
    for (int c = 0; c < channels; c++)
        change->out[c] = change->block + (size_t)c * RATE_CHANGE_FRAMES;
    return resampler_create(&change->resampler, channels, from_rate, to_rate, error);
}

/* One call of the resampler; at most `most` frames of its output are wanted. */
static cleave_status change_run(RateChange *change, int64_t frames, int64_t most, int64_t *used,
                                cleave_error *error) {
    int64_t made = 0;
    cleave_status status = resampler_run(change->resampler, change->in, frames, used, change->out,
                                         RATE_CHANGE_FRAMES, &made, error);
    if (made > most)
        made = most;
    if (status != CLEAVE_OK || made == 0)
        return status;
    change->put += made;
    return change->sink(change->user, (const float *const *)change->out, made, error);
}

cleave_status rate_change_push(RateChange *change, const float *const *planes, int64_t frames,
                               cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int64_t done = 0; done < frames && status == CLEAVE_OK;) {
        int64_t used = 0;
        for (int c = 0; c < change->channels; c++)
            change->in[c] = planes[c] + done;
        status = change_run(change, frames - done, INT64_MAX, &used, error);
        done += used;
    }
    return status;
}

/* What follows the signal is silence to the filter, too. */
cleave_status rate_change_end(RateChange *change, int64_t total, cleave_error *error) {
    static const float silence[SILENT_FRAMES];
    cleave_status status = CLEAVE_OK;
    for (int c = 0; c < change->channels; c++)
        change->in[c] = silence;
    while (change->put < total && status == CLEAVE_OK) {
        int64_t used = 0;
        status = change_run(change, SILENT_FRAMES, total - change->put, &used, error);
    }
    return status;
}

void rate_change_destroy(RateChange *change) {
    resampler_destroy(change->resampler);
    free(change->block);
    free(change->out);
    free(change->in);
    *change = (RateChange){0};
}
