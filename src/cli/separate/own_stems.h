/* own_stems.h: which of the files that were found in folders are stems of other inputs: those of an
 * earlier run, where stems are written beside the songs. */
#ifndef CLEAVE_CLI_OWN_STEMS_H
#define CLEAVE_CLI_OWN_STEMS_H

#include "cli/separate/inputs.h"

/* Takes out of the inputs each file of a folder that stands where a stem of another input goes:
 * under the name of any of the model's stems or of the residual, in whatever format. Files that
 * were named one by one stay. Returns how many were taken out. */
int own_stems_leave_out(Inputs *inputs, const SeparateOptions *options, const cleave_model *model);

#endif
