/* profile.h: what --profile asks for: a table of ops (profile_table.h) of the whole run, in JSON of
 * each input, and the file with the trace. */
#ifndef CLEAVE_CLI_PROFILE_H
#define CLEAVE_CLI_PROFILE_H

#include <stdbool.h>

#include "cleave/extra.h"
#include "cli/options.h"

typedef struct Profiling {
    const Options *options;
    cleave_profile so_far; /* of all inputs that were begun */
} Profiling;

/* Says why, and returns false, where the trace could not be written at the end. */
bool profile_is_possible(const Options *options);

void profile_begin(Profiling *profiling, const Options *options);

/* After each input: `of_input` becomes its part of the separator's profile, to be freed; empty
 * without --profile. What fails is said. */
void profile_take(Profiling *profiling, cleave_separator *separator, cleave_profile *of_input);

/* Whether the table is printed: not with -q, and not where standard output is for programs. */
bool profile_shows_table(const Options *options);

/* At the end: prints the table, where it is shown, and writes the trace. `separator` is NULL
 * where there was none: then there is neither. False after a failure, which is said. */
bool profile_tell(const Profiling *profiling, cleave_separator *separator);

/* Writes a separator's trace, and says where and how large. False after a failure, which is said.
 */
bool profile_write_trace(cleave_separator *separator, const char *path);

void profile_end(Profiling *profiling);

#endif
