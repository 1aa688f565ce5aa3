/* commands.h: the commands of this folder, which describe the other commands. */
#ifndef CLEAVE_CLI_HELP_COMMANDS_H
#define CLEAVE_CLI_HELP_COMMANDS_H

#include "cli/console/command.h"

extern const Command command_help;
extern const Command command_completion;
extern const Command command_man;

#endif
