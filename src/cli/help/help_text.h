/* help_text.h: the help, laid out 80 columns wide from the commands' rows and text files; and the
 * texts that the manual page shares with it. */
#ifndef CLEAVE_CLI_HELP_TEXT_H
#define CLEAVE_CLI_HELP_TEXT_H

#include "cli/console/command.h"
#include "cli/console/text.h"

extern const Term help_environment[];
extern const char help_usage_notes[]; /* a paragraph, wrapped by hand */

/* The two parts of a command's text file, NAME.txt: what it does, and examples. Free them. */
char *help_about(const Command *command);
char *help_examples(const Command *command);

/* Prints the help of a command; the overview if it is NULL. */
void help_print(const Command *const *commands, const Command *command);

#endif
