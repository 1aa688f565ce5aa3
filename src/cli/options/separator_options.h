/* separator_options.h: options that several commands have for cleave_separator_settings, one in
 * each list of rows. A command includes those that it has, at its field of that type. */
#ifndef CLEAVE_CLI_SEPARATOR_OPTIONS_H
#define CLEAVE_CLI_SEPARATOR_OPTIONS_H

#include "cleave.h"
#include "cli/console/option.h"

extern const Option device_rows[];
extern const Option threads_rows[];
extern const Option overlap_rows[];
extern const Option batch_rows[];
extern const Option memory_rows[];
extern const Option blend_rows[];
extern const Option compile_rows[];

/* At a field of type char **, NULL-terminated; NULL: not given. separator_set_stems() takes it to
 * the settings. */
extern const Option stems_rows[];
void separator_set_stems(cleave_separator_settings *settings, char **stems);

#define BATCH_MAX 64 /* chunks per run */

#endif
