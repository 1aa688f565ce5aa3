/* commands.c: the list of commands. Each is described where it is implemented. */
#include "cli/commands.h"

#include <stddef.h>

#include "cli/help/commands.h"
#include "cli/separate/commands.h"
#include "cli/show/commands.h"
#include "cli/trials/commands.h"

const Command *const commands[] = {&command_separate,   &command_inspect, &command_devices,
                                   &command_score,      &command_export,  &command_bench,
                                   &command_verify,     &command_doctor,  &command_help,
                                   &command_completion, &command_man,     NULL};
