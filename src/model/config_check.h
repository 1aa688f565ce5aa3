/* config_check.h: whether the sizes of a configuration fit each other and the network. */
#ifndef CLEAVE_MODEL_CONFIG_CHECK_H
#define CLEAVE_MODEL_CONFIG_CHECK_H

#include <stdint.h>

#include "model/config.h"

/* More elements than this in one value of the network (256 GB of f32) is a lie, not a model. */
#define CONFIG_MOST_ELEMENTS ((int64_t)1 << 36)

/* All values have passed their own range checks. */
cleave_status config_check_sizes(const Config *config, const char *source, cleave_error *error);

#endif
