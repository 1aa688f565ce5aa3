/* roformer_bands.h: how a Roformer's bins are grouped into bands. */
#ifndef CLEAVE_MODEL_ROFORMER_BANDS_H
#define CLEAVE_MODEL_ROFORMER_BANDS_H

#include "graph/graph.h"

/* The sizes of a BS-Roformer's bands where its configuration has no freqs_per_bands. */
#define BS_DEFAULT_BANDS 62
extern const int bs_default_bins[BS_DEFAULT_BANDS];

/* The bands of a Mel-Band Roformer: where the `count` triangles of a mel filter bank (Slaney's
 * scale, from 0 to half the sample rate) are above zero, and in addition bin 0 in the first band
 * and bin n_fft / 2 in the last. A band between two bins becomes empty. */
void mel_bands(Band *bands, int count, int n_fft, int sample_rate);

#endif
