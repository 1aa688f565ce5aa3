/* own_stems.h: leaves out files that are stems of other inputs. An earlier run has written them, if
 * stems go beside the songs. */
#ifndef CLEAVE_CLI_OWN_STEMS_H
#define CLEAVE_CLI_OWN_STEMS_H

#include "cli/separate/inputs.h"

/* Removes from the inputs each file found in a folder that lies where a stem of another input goes:
 * under the name of any of the model's stems or of the residual, in any format. Files that were
 * named themselves stay. Returns how many were removed. */
int own_stems_leave_out(Inputs *inputs, const SeparateOptions *options, const cleave_model *model);

#endif
