/* fourier.h: Fourier transforms of real frames, CHANNEL_BLOCK at once, one in each lane
 * (kernels.h). Frames are windowed, and overlap: frame f begins f · hop samples behind the first.
 */
#ifndef CLEAVE_CPU_FOURIER_H
#define CLEAVE_CPU_FOURIER_H

#include "backend/cpu/kernels/kernels.h"

/* Constants of one length. Never changes, so any number of threads may use it. */
typedef struct Fourier Fourier;

/* For frames of `length` samples, 1 or more. Lengths without a prime factor above 5 are fast. NULL
 * if memory ran out. */
Fourier *fourier_create(int length);
void fourier_destroy(Fourier *fourier);

/* Bytes that fourier_create() takes. */
size_t fourier_bytes(int length);

/* Frames of one waveform, as many as there are lanes or fewer. */
typedef struct FourierFrames {
    float *samples; /* of the first frame on: fourier_samples() of them */
    size_t hop;
    size_t count;        /* 1 … CHANNEL_BLOCK */
    const float *window; /* (fourier_window_length()): `length` values, and zeros behind them */
} FourierFrames;

/* Frames are read and written in whole vectors, beyond their last sample: what lies there counts
 * for nothing, but is read, and zeros may be added to it. */
size_t fourier_window_length(int length);

/* Samples from the first frame's first to the last one's last, and up to the end of its vector. */
size_t fourier_samples(int length, size_t hop, size_t frames);

/* Floats of a buffer for the spectra of CHANNEL_BLOCK frames, and for what transforms work in: all
 * bins and FOURIER_SPARE_BINS more, of FOURIER_POSITION each. Buffers are aligned to
 * MEMORY_ALIGNMENT. */
#define FOURIER_SPARE_BINS 8
size_t fourier_buffer_floats(int length);

/* Windowed frames → spectrum, unnormalised: bins 0 … length / 2, each CHANNEL_BLOCK real lanes and
 * then as many imaginary ones. Lanes beyond the frames hold the last one again. */
void fourier_forward(const Fourier *fourier, const Kernels *kernels, const FourierFrames *frames,
                     float *spectrum);

/* Spectrum → frames, which are windowed and added to the samples, unnormalised: without windows,
 * forward and then inverse multiply a frame by its length. The imaginary part of the first bin is
 * ignored, and for even lengths that of the last one. Both buffers are overwritten. */
void fourier_inverse(const Fourier *fourier, const Kernels *kernels, float *spectrum, float *work,
                     const FourierFrames *frames);

#endif
