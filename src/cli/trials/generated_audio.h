/* generated_audio.h: audio for commands without an input: four bars of drums, bass, chords and a
 * melody at 120 beats a minute, repeated. It has what music has: hits, noise, tones with overtones,
 * a stereo image; it is never silent, and the same at every call. */
#ifndef CLEAVE_CLI_GENERATED_AUDIO_H
#define CLEAVE_CLI_GENERATED_AUDIO_H

#include <stdint.h>

/* Writes samples [start, start + samples) to planes[channel], within ±0.9. The second channel
 * differs from the first; further channels repeat these two. */
void generated_audio_fill(float *const *planes, int channels, int sample_rate, int64_t start,
                          int64_t samples);

#endif
