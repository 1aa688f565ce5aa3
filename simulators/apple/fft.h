/* fft.h: discrete Fourier transforms of any length, in f64. */
#ifndef APPLESIM_FFT_H
#define APPLESIM_FFT_H

#include <stdint.h>

typedef struct SimFft SimFft;

SimFft *sim_fft_create(int64_t length);
void sim_fft_destroy(SimFft *fft);

/* to[k] = sum over i of from[i] · exp(sign · 2πi · i · k / length), of interleaved complex numbers;
 * `from` is kept, and is not `to`. */
void sim_fft_run(const SimFft *fft, const double *from, int sign, double *to);

#endif
