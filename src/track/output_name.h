/* output_name.h: under which path an output is written. */
#ifndef CLEAVE_TRACK_OUTPUT_NAME_H
#define CLEAVE_TRACK_OUTPUT_NAME_H

#include "cleave.h"

/* The path of a track's stem by the settings' template, to be freed; NULL if memory runs out. The
 * settings are resolved. Names may hold any bytes: they become harmless parts of the path. */
char *output_path(const cleave_file_settings *settings, const char *track, const char *stem,
                  const char *model);

#endif
