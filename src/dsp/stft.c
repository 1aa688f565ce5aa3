/* stft.c: the window and the framing of short-time Fourier transforms. */
#include "dsp/stft.h"

#include <math.h>
#include <stdlib.h>

/* Below this sum of squared windows an inverse STFT refuses to divide; PyTorch's bound. */
#define MIN_WINDOW_SUM 1e-11

static const double pi = 3.14159265358979323846;

double hann_window(int index, int length) {
    return 0.5 - 0.5 * cos(2 * pi * (double)index / (double)length);
}

int stft_frames(int samples, int n_fft, int hop) {
    int padded = samples + 2 * (n_fft / 2);
    return 1 + (padded - n_fft) / hop;
}

int istft_length(int n_fft, int hop, int frames, int samples) {
    int length = n_fft + hop * (frames - 1) - 2 * (n_fft / 2);
    return length < samples ? length : samples;
}

int istft_whole_length(int n_fft, int hop, int frames, int samples) {
    int length = n_fft + hop * (frames - 1) - n_fft / 2;
    return length < samples ? length : samples;
}

void istft_envelope(const float *window, int n_fft, int hop, int frames, int length,
                    double *envelope) {
    for (int frame = 0; frame < frames; frame++) {
        int start = frame * hop - n_fft / 2;
        for (int i = 0; i < n_fft; i++)
            if (start + i >= 0 && start + i < length)
                envelope[start + i] += (double)window[i] * (double)window[i];
    }
}

bool istft_gain(const float *window, int n_fft, int hop, int frames, int length, float *gain) {
    double *envelope = calloc(length > 0 ? (size_t)length : 1, sizeof(*envelope));
    if (!envelope)
        return false;
    istft_envelope(window, n_fft, hop, frames, length, envelope);
    for (int i = 0; i < length; i++)
        gain[i] = (float)(1.0 / (envelope[i] * n_fft));
    free(envelope);
    return true;
}

/* The squared window at index `distance`, or as far from its end. Unlike the square of
 * hann_window(), it is exact near 0. */
static double squared_window(int distance, int n_fft) {
    double root = sin(pi * distance / n_fft);
    return root * root * root * root;
}

/* Kept samples lie between the centres of the first and the last frame, so each has a frame on
 * either side (or is the last centre itself). The frame before it has `a` samples left at that
 * point, and `b` samples of the frame behind it have passed, where a + b = n_fft - hop. The sum of
 * their weights is smallest where a and b are as equal as whole numbers can be. A third frame
 * reaches the sample only where hops are so short that these two are far above the limit. */
bool istft_windows_cover(int n_fft, int hop) {
    int overlap = n_fft - hop;
    int half = overlap / 2;
    return overlap > 0 &&
           squared_window(half, n_fft) + squared_window(overlap - half, n_fft) >= MIN_WINDOW_SUM;
}
