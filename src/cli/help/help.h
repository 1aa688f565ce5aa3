/* help.h: the help texts, laid out from the tables of commands and options, 80 columns wide; and
 * those texts that the manual page has too. */
#ifndef CLEAVE_CLI_HELP_H
#define CLEAVE_CLI_HELP_H

#include "cli/commands.h"

/* A word and what it means. Lists end with a NULL name. */
typedef struct Term {
    const char *name;
    const char *text;
} Term;

extern const Term help_exit_codes[];
extern const Term help_environment[];
extern const char help_usage_notes[]; /* a paragraph, wrapped by hand */

/* NULL: the overview. */
void help_print(const Command *command);

#endif
