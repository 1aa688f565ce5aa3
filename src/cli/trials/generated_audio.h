/* generated_audio.h: audio for those who name no input: four bars of drums, bass, chords and a
 * melody at 120 beats a minute, over and over. Not music, but with its ingredients: hits, noise,
 * tones with overtones, a stereo image, never silent. The same at every call. */
#ifndef CLEAVE_CLI_GENERATED_AUDIO_H
#define CLEAVE_CLI_GENERATED_AUDIO_H

#include <stdint.h>

/* Writes samples [start, start + samples) of it to planes[channel], within ±0.9. The second channel
 * differs from the first; those beyond repeat the two. A sample depends on its time alone. */
void generated_audio_fill(float *const *planes, int channels, int sample_rate, int64_t start,
                          int64_t samples);

#endif
