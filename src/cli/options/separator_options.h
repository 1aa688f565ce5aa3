/* separator_options.h: options that several commands have for cleave_separator_settings, one in
 * each list of rows. A command includes those that it has, at its field of that type. */
#ifndef CLEAVE_CLI_SEPARATOR_OPTIONS_H
#define CLEAVE_CLI_SEPARATOR_OPTIONS_H

#include "cli/console/option.h"

extern const Option device_rows[];
extern const Option threads_rows[];
extern const Option overlap_rows[];
extern const Option batch_rows[];
extern const Option memory_rows[];
extern const Option blend_rows[];
extern const Option compile_rows[];

#define BATCH_MAX 64 /* chunks per run */

#endif
