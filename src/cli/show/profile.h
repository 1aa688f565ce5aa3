/* profile.h: --profile: a table of the network's ops (profile_table.h) at the end, the same for
 * each input in JSON, and a trace in a file. */
#ifndef CLEAVE_CLI_PROFILE_H
#define CLEAVE_CLI_PROFILE_H

#include <stdbool.h>

#include "cleave/extra.h"
#include "cli/console/option.h"

/* --profile, whose field is a const char *: the file, or NULL. */
extern const Option profile_rows[];

typedef struct Profiling {
    const char *path; /* of the trace; NULL: nothing is profiled */
    bool shows_table;
    cleave_profile so_far; /* of all inputs that were begun */
} Profiling;

/* Whether the trace could be written at the end. If not, says why. */
bool profile_is_possible(const char *path);

void profile_begin(Profiling *profiling, const char *path, bool shows_table);

/* After each input: fills `of_input` with its part of the separator's profile, to be freed; empty
 * without --profile. A failure is said. */
void profile_take(Profiling *profiling, cleave_separator *separator, cleave_profile *of_input);

/* Whether the table may be printed: not with -q, and not where standard output is for programs. */
bool profile_shows_table(const CommandLine *line);

/* At the end: prints the table, where it is shown, and writes the trace. Does neither if
 * `separator` is NULL: nothing was separated. False after a failure, which is said. */
bool profile_tell(const Profiling *profiling, cleave_separator *separator);

void profile_end(Profiling *profiling);

#endif
