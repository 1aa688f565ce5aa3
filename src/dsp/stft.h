/* stft.h: what short-time Fourier transforms have in common wherever they are computed: the window,
 * how many frames there are, and what lies beyond the ends of a waveform. Frames are centred, and
 * the waveform is reflected at both ends. The Fourier transforms themselves are each user's own. */
#ifndef CLEAVE_DSP_STFT_H
#define CLEAVE_DSP_STFT_H

#include <stdbool.h>

/* One value of the periodic Hann window of `length` values. */
double hann_window(int index, int length);

/* Frames of an STFT over `samples` samples. */
int stft_frames(int samples, int n_fft, int hop);

/* Maps an index before the start or beyond the end of a waveform to the sample that the reflection
 * puts there. */
static inline int stft_reflect(int index, int samples) {
    if (index < 0)
        index = -index;
    if (index >= samples)
        index = 2 * (samples - 1) - index;
    return index;
}

/* How many of `samples` samples the inverse of `frames` frames gives; the rest is zero. */
int istft_length(int n_fft, int hop, int frames, int samples);

/* The same for an inverse that also keeps the samples behind the centre of the last frame. */
int istft_whole_length(int n_fft, int hop, int frames, int samples);

/* Adds the squared windows of all frames that reach a sample to envelope[length], which begins with
 * zeros; window[n_fft] is what the frames are multiplied by. */
void istft_envelope(const float *window, int n_fft, int hop, int frames, int length,
                    double *envelope);

/* gain[i] becomes what the sum of unnormalised, windowed frames is multiplied by: 1 / (n_fft ·
 * envelope). Every sample of the length must be covered (istft_windows_cover()). False if memory
 * ran out. */
bool istft_gain(const float *window, int n_fft, int hop, int frames, int length, float *gain);

/* Whether the windows of an inverse STFT cover every sample that it keeps. An inverse divides by
 * the sum of the squared windows, which must not be nearly 0 anywhere. */
bool istft_windows_cover(int n_fft, int hop);

#endif
