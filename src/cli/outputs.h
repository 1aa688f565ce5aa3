/* outputs.h: whether the outputs of all inputs go to places of their own. */
#ifndef CLEAVE_CLI_OUTPUTS_H
#define CLEAVE_CLI_OUTPUTS_H

#include <stdbool.h>

#include "cleave.h"
#include "options.h"

/* False, with the reason in `error`, where two inputs would write the same file, or one would write
 * over another input. What is wrong with one input alone is left to its separation. */
bool outputs_are_apart(const Options *options, const cleave_model *model, cleave_error *error);

#endif
