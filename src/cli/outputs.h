/* outputs.h: whether the outputs of all inputs make sense, and go to places of their own. */
#ifndef CLEAVE_CLI_OUTPUTS_H
#define CLEAVE_CLI_OUTPUTS_H

#include <stdbool.h>

#include "cleave.h"
#include "inputs.h"
#include "options.h"

/* The settings of one input's outputs: the options', with its own folder, or with a descriptor. */
cleave_file_settings outputs_settings(const Input *input, const Options *options, int stream_fd);

/* False, with the reason in `error`, where the settings do not fit the model (a stem that it has
 * not), two inputs would write the same file, or one would write over another input. stream_fd: as
 * in cleave_file_settings. */
bool outputs_are_sound(const Inputs *inputs, const Options *options, int stream_fd,
                       const cleave_model *model, cleave_error *error);

#endif
