/* stem_names.h: finding a network's stems by their names. */
#ifndef CLEAVE_MODEL_STEM_NAMES_H
#define CLEAVE_MODEL_STEM_NAMES_H

#include "model/config.h"

/* *stem becomes the index of the stem with this name, in whatever case if none has it exactly.
 * CLEAVE_ERROR_ARGUMENT, with the names that there are, if there is none. `name` may be NULL. */
cleave_status stem_find(const Config *config, const char *name, int *stem, cleave_error *error);

#endif
