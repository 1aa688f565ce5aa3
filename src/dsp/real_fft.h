/* real_fft.h: Fourier transforms of real signals, one at a time, by KissFFT. Lengths may be even or
 * odd; those without a prime factor above 5 are fast. The CPU backend has its own, of many frames
 * at once (backend/cpu/fourier.h). */
#ifndef CLEAVE_DSP_REAL_FFT_H
#define CLEAVE_DSP_REAL_FFT_H

#include <kiss_fft.h>

typedef struct RealFft RealFft;

/* NULL if memory ran out. One thread at a time may use it. */
RealFft *real_fft_create(int length);
void real_fft_destroy(RealFft *fft);

/* Bytes that real_fft_create() takes. */
size_t real_fft_bytes(int length);

/* signal[length] → spectrum[length / 2 + 1], unnormalised. */
void real_fft_forward(RealFft *fft, const float *signal, kiss_fft_cpx *spectrum);

/* spectrum[length / 2 + 1] → signal[length], unnormalised: forward and then inverse multiply the
 * signal by its length. The imaginary part of the first bin is ignored, and for even lengths that
 * of the last one. */
void real_fft_inverse(RealFft *fft, const kiss_fft_cpx *spectrum, float *signal);

#endif
