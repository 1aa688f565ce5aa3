/* outputs.h: where the outputs of all inputs go, and whether they are in each other's way. */
#ifndef CLEAVE_CLI_OUTPUTS_H
#define CLEAVE_CLI_OUTPUTS_H

#include <stdbool.h>

#include "cleave.h"
#include "cli/separate/inputs.h"
#include "cli/separate/separate_options.h"

/* The output settings for one input: those of the options, with the input's folder or a descriptor.
 */
cleave_file_settings outputs_settings(const Input *input, const SeparateOptions *options,
                                      int stream_fd);

/* False, with the reason in `error`, if the settings do not fit the model (no such stem), if two
 * inputs would write the same file, or if an output would replace another input. stream_fd: as in
 * cleave_file_settings. */
bool outputs_are_sound(const Inputs *inputs, const SeparateOptions *options, int stream_fd,
                       const cleave_model *model, cleave_error *error);

#endif
