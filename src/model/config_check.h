/* config_check.h: whether the sizes of a configuration fit each other and the network. */
#ifndef CLEAVE_MODEL_CONFIG_CHECK_H
#define CLEAVE_MODEL_CONFIG_CHECK_H

#include "model/config.h"

/* All values have passed their own range checks. */
cleave_status config_check_sizes(const Config *config, const char *source, cleave_error *error);

#endif
