/* help.h: the help texts, laid out from the tables of commands and options, 80 columns wide. */
#ifndef CLEAVE_CLI_HELP_H
#define CLEAVE_CLI_HELP_H

#include "commands.h"

/* NULL: the overview. */
void help_print(const Command *command);

#endif
