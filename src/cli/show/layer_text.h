/* layer_text.h: how ops and their sizes are written in tables and in JSON. */
#ifndef CLEAVE_CLI_LAYER_TEXT_H
#define CLEAVE_CLI_LAYER_TEXT_H

#include "cli/console/json.h"

/* "conv 3x3", and "up 2x2" for a transposed convolution, whose kernel is the factor. Free it. */
char *layer_name(const char *op, const int *kernel);

/* "1024x256": bins by frames; of a waveform, its samples. Free it. */
char *layer_size(const int *shape);

/* [a, b] */
json_t *layer_pair_json(const int *values);

/* [channels, bins, frames], or [channels, samples]. */
json_t *layer_shape_json(const int *shape);

#endif
