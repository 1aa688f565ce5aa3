/* config_check.h: whether the sizes of a configuration fit the network and each other. */
#ifndef CLEAVE_MODEL_CONFIG_CHECK_H
#define CLEAVE_MODEL_CONFIG_CHECK_H

#include "model/config.h"

/* Whether the windows of an inverse STFT give every sample that it keeps a weight to divide by. */
bool config_windows_cover(int n_fft, int hop_length);

/* All values have passed their own range check; this is about how they go together. */
cleave_status config_check_sizes(const Config *config, const char *source, cleave_error *error);

#endif
