/* rate_change.h: changes the rate of planar float that is pushed in; it goes on to a sink as it
 * becomes ready. The caller says how long the output is. */
#ifndef CLEAVE_AUDIO_WRITE_RATE_CHANGE_H
#define CLEAVE_AUDIO_WRITE_RATE_CHANGE_H

#include "audio/resample.h"

/* Takes the next frames at the new rate. */
typedef cleave_status (*RateSink)(void *user, const float *const *planes, int64_t frames,
                                  cleave_error *error);

typedef struct RateChange {
    Resampler *resampler;
    int channels;
    RateSink sink;
    void *user;
    float *block;     /* (channels, RATE_CHANGE_FRAMES): frames on their way out */
    float **out;      /* (channels): pointers into the block */
    const float **in; /* (channels): where the call at hand reads next */
    int64_t put;      /* frames that went out */
} RateChange;

/* Frames of a block. */
#define RATE_CHANGE_FRAMES 4096

/* After a failure it can only be destroyed. */
cleave_status rate_change_create(RateChange *change, int channels, int from_rate, int to_rate,
                                 RateSink sink, void *user, cleave_error *error);

cleave_status rate_change_push(RateChange *change, const float *const *planes, int64_t frames,
                               cleave_error *error);

/* Ends the stream with `total` frames in all: what comes of the input, and then silence. */
cleave_status rate_change_end(RateChange *change, int64_t total, cleave_error *error);

/* A zeroed one is allowed. */
void rate_change_destroy(RateChange *change);

#endif
