/* wide_fft.h: Fourier transforms of real signals in float64. KissFFT, which real_fft.h uses, has
 * one type, chosen when it is compiled, and systems ship the float32 one alone. */
#ifndef CLEAVE_DSP_WIDE_FFT_H
#define CLEAVE_DSP_WIDE_FFT_H

#include <stddef.h>

typedef struct WideComplex {
    double re;
    double im;
} WideComplex;

/* Constants of one length. Never changes, so any number of threads may use it. */
typedef struct WideFft WideFft;

/* For signals of `length` samples, which is even. Lengths without a prime factor above 5 are fast.
 * NULL if memory ran out. */
WideFft *wide_fft_create(int length);
void wide_fft_destroy(WideFft *fft);

/* Bytes that wide_fft_create() takes. */
size_t wide_fft_bytes(int length);

/* signal[length] → spectrum[length / 2 + 1], unnormalised. The signal is overwritten; scratch holds
 * `length` values. */
void wide_fft_forward(const WideFft *fft, double *signal, WideComplex *spectrum, double *scratch);

#endif
