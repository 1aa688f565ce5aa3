/* commands.h: what the program can do. */
#ifndef CLEAVE_CLI_COMMANDS_H
#define CLEAVE_CLI_COMMANDS_H

#include "cli/console/command.h"

/* All commands in the order of the help, ended by NULL. The first runs where none is named. */
extern const Command *const commands[];

#endif
