/* roformer.h: BS-Roformer and Mel-Band Roformer, the families of networks that are transformers
 * over bands of a spectrogram, along its frames and along its bands in turn. */
#ifndef CLEAVE_MODEL_ROFORMER_H
#define CLEAVE_MODEL_ROFORMER_H

#include "model/family.h"

extern const NetworkFamily bs_roformer_family;
extern const NetworkFamily mel_band_roformer_family;

#endif
