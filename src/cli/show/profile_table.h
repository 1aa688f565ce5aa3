/* profile_table.h: a profile as people read it: the ops summed up by kind and size. */
#ifndef CLEAVE_CLI_PROFILE_TABLE_H
#define CLEAVE_CLI_PROFILE_TABLE_H

#include <stdio.h>

#include "cleave/extra.h"
#include "cli/console/json.h"

/* A table of at most 80 columns, and what its words mean. */
void profile_print(const cleave_profile *profile, FILE *stream);

/* The same as an object. */
json_t *profile_json(const cleave_profile *profile);

#endif
