/* network_check.h: whether a checkpoint has the weights of a network. */
#ifndef CLEAVE_MODEL_NETWORK_CHECK_H
#define CLEAVE_MODEL_NETWORK_CHECK_H

#include "model/checkpoint.h"
#include "model/config.h"

/* Checks that the checkpoint has every weight, in its shape and as floating-point numbers, and no
 * others of such a network. The error names the first that is wrong. */
cleave_status network_check(const Config *config, const Checkpoint *checkpoint,
                            const char *checkpoint_path, cleave_error *error);

#endif
