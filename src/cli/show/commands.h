/* commands.h: the commands of this folder, which show what there is and separate nothing. */
#ifndef CLEAVE_CLI_SHOW_COMMANDS_H
#define CLEAVE_CLI_SHOW_COMMANDS_H

#include "cli/console/command.h"

extern const Command command_inspect;
extern const Command command_devices;
extern const Command command_score;
extern const Command command_export;

#endif
