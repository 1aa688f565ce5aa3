/* resample.h: a stream of planar float at another rate, by soxr at its very high quality. */
#ifndef CLEAVE_AUDIO_RESAMPLE_H
#define CLEAVE_AUDIO_RESAMPLE_H

#include <stdint.h>

#include "base/error.h"

typedef struct Resampler Resampler;

/* Rates in Hz; both within [RESAMPLER_MIN_RATE, RESAMPLER_MAX_RATE]. */
#define RESAMPLER_MIN_RATE 100
#define RESAMPLER_MAX_RATE 10000000

cleave_status resampler_create(Resampler **resampler, int channels, int from_rate, int to_rate,
                               cleave_error *error);
void resampler_destroy(Resampler *resampler);

/* Forgets all input, as if new. */
cleave_status resampler_reset(Resampler *resampler, cleave_error *error);

/* Takes up to in_frames of input (*used says how many) and gives up to out_frames of output
 * (*made). in == NULL says that the input has ended: call it so until *made is 0. The whole output
 * then has round(input · to / from) frames, and does not depend on how the calls cut it up. */
cleave_status resampler_run(Resampler *resampler, const float *const *in, int64_t in_frames,
                            int64_t *used, float **out, int64_t out_frames, int64_t *made,
                            cleave_error *error);

/* round(frames · to / from); 0 where that does not fit or frames is negative. */
int64_t resampled_frames(int64_t frames, int from_rate, int to_rate);

#endif
