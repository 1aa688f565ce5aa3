/* output_list.h: which stems of a track are written, and under which names and paths. */
#ifndef CLEAVE_TRACK_OUTPUT_LIST_H
#define CLEAVE_TRACK_OUTPUT_LIST_H

#include "base/error.h"
#include "model/config.h"

/* The outputs of one track: the wanted stems, then the residual. */
typedef struct OutputList {
    int *stems; /* indices of the configuration's stems: the first stem_count outputs */
    int stem_count;
    int count;          /* stem_count, and one more with a residual */
    const char **names; /* (count), belonging to the configuration and the settings */
    char **paths;       /* (count) */
} OutputList;

/* *resolved becomes the settings, or (NULL) the defaults, and no string that must be there is NULL.
 */
cleave_status file_settings_resolve(const cleave_file_settings *settings,
                                    cleave_file_settings *resolved, cleave_error *error);

/* Resolves the settings' stems and name template for the track at `input`. */
cleave_status output_list_create(OutputList *list, const Config *config, const char *model_name,
                                 const char *input, const cleave_file_settings *settings,
                                 cleave_error *error);
void output_list_destroy(OutputList *list);

/* The path that gives the track's lock and journal their names: the first in the order of bytes, so
 * that the order of the stems does not matter. */
const char *output_list_first(char *const *paths, int count);

#endif
