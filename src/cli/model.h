/* model.h: opening a model the way every command does it. */
#ifndef CLEAVE_CLI_MODEL_H
#define CLEAVE_CLI_MODEL_H

#include "cleave.h"
#include "cli/options.h"

/* Opens `path` with the options' configuration; NULL: no model was named. Returns an exit code;
 * where it is not EXIT_DONE, the reason has been said and is in `error` (may be NULL). */
int open_model(cleave_model **model, const char *path, const Options *options, cleave_error *error);

#endif
