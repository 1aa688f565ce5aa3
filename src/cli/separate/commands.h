/* commands.h: the command of this folder. */
#ifndef CLEAVE_CLI_SEPARATE_COMMANDS_H
#define CLEAVE_CLI_SEPARATE_COMMANDS_H

#include "cli/console/command.h"

extern const Command command_separate;

#endif
