/* real_fft.h: Fourier transforms of real signals of any length of 2, 3 and 5 (KissFFT), even or
 * odd. */
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

/* spectrum[length / 2 + 1] → signal[length], unnormalised: the inverse of forward times length. The
 * imaginary parts of the first and, for even lengths, of the last bin are ignored. */
void real_fft_inverse(RealFft *fft, const kiss_fft_cpx *spectrum, float *signal);

#endif
