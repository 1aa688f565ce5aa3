/* commands.h: the commands of this folder, which run networks in several modes and compare. */
#ifndef CLEAVE_CLI_TRIALS_COMMANDS_H
#define CLEAVE_CLI_TRIALS_COMMANDS_H

#include "cli/console/command.h"

extern const Command command_bench;
extern const Command command_verify;
extern const Command command_doctor;

#endif
