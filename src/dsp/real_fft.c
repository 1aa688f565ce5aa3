/* real_fft.c: Fourier transforms of real signals by KissFFT. Its real transforms take even lengths
 * only; odd lengths go through its complex transform. */
#include "dsp/real_fft.h"

#include <kiss_fftr.h>
#include <stdlib.h>

struct RealFft {
    int length;
    kiss_fftr_cfg real_forward; /* even lengths */
    kiss_fftr_cfg real_inverse;
    kiss_fft_cfg complex_forward; /* odd lengths */
    kiss_fft_cfg complex_inverse;
    kiss_fft_cpx *from; /* odd lengths: whole spectra */
    kiss_fft_cpx *to;
};

size_t real_fft_bytes(int length) {
    size_t each = 0; /* forward and inverse are alike */
    if (length % 2 == 0)
        kiss_fftr_alloc(length, 0, NULL, &each);
    else
        kiss_fft_alloc(length, 0, NULL, &each);
    size_t spectra = length % 2 == 0 ? 0 : 2 * (size_t)length * sizeof(kiss_fft_cpx);
    return sizeof(RealFft) + 2 * each + spectra;
}

static int real_fft_is_complete(const RealFft *fft) {
    if (fft->length % 2 == 0)
        return fft->real_forward && fft->real_inverse;
    return fft->complex_forward && fft->complex_inverse && fft->from && fft->to;
}

RealFft *real_fft_create(int length) {
    RealFft *fft = calloc(1, sizeof(*fft));
    if (!fft)
        return NULL;
    fft->length = length;
    if (length % 2 == 0) {
        fft->real_forward = kiss_fftr_alloc(length, 0, NULL, NULL);
        fft->real_inverse = kiss_fftr_alloc(length, 1, NULL, NULL);
    } else {
        fft->complex_forward = kiss_fft_alloc(length, 0, NULL, NULL);
        fft->complex_inverse = kiss_fft_alloc(length, 1, NULL, NULL);
        fft->from = calloc((size_t)length, sizeof(*fft->from));
        fft->to = calloc((size_t)length, sizeof(*fft->to));
    }
    if (real_fft_is_complete(fft))
        return fft;
    real_fft_destroy(fft);
    return NULL;
}

void real_fft_destroy(RealFft *fft) {
    if (!fft)
        return;
    kiss_fft_free(fft->real_forward);
    kiss_fft_free(fft->real_inverse);
    kiss_fft_free(fft->complex_forward);
    kiss_fft_free(fft->complex_inverse);
    free(fft->from);
    free(fft->to);
    free(fft);
}

void real_fft_forward(RealFft *fft, const float *signal, kiss_fft_cpx *spectrum) {
    if (fft->length % 2 == 0) {
        kiss_fftr(fft->real_forward, signal, spectrum);
        return;
    }
    for (int i = 0; i < fft->length; i++)
        fft->from[i] = (kiss_fft_cpx){signal[i], 0};
    kiss_fft(fft->complex_forward, fft->from, fft->to);
    for (int bin = 0; bin <= fft->length / 2; bin++)
        spectrum[bin] = fft->to[bin];
}

void real_fft_inverse(RealFft *fft, const kiss_fft_cpx *spectrum, float *signal) {
    if (fft->length % 2 == 0) {
        kiss_fftri(fft->real_inverse, spectrum, signal);
        return;
    }
    fft->from[0] = (kiss_fft_cpx){spectrum[0].r, 0};
    for (int bin = 1; bin <= fft->length / 2; bin++) {
        fft->from[bin] = spectrum[bin];
        fft->from[fft->length - bin] = (kiss_fft_cpx){spectrum[bin].r, -spectrum[bin].i};
    }
    kiss_fft(fft->complex_inverse, fft->from, fft->to);
    for (int i = 0; i < fft->length; i++)
        signal[i] = fft->to[i].r;
}
