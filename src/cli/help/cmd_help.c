/* cmd_help.c: `cleave help`: the overview, or the help of a command. */
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/help/commands.h"
#include "cli/help/help_text.h"

static int help_reject(const CommandLine *line) {
    const char *name = line->inputs[0];
    const char *near = command_nearest(line->commands, name);
    if (near != NULL)
        message_error("help: there is no command '%s'; did you mean '%s'?", name, near);
    else
        message_error("help: there is no command '%s'; 'cleave help' lists them", name);
    return EXIT_USAGE;
}

static int help_run(const void *arguments) {
    const CommandLine *line = arguments;
    const Command *command = NULL;
    if (line->input_count > 0) {
        command = command_find(line->commands, line->inputs[0]);
        if (command == NULL)
            return help_reject(line);
    }
    help_print(line->commands, command);
    return EXIT_DONE;
}

const Command command_help = {.name = "help",
                              .usage = "help [COMMAND]",
                              .summary = "explain a command",
                              .maximum_inputs = 1,
                              .complete = COMPLETE_COMMAND,
                              .rows = standard_rows,
                              .options_size = sizeof(CommandLine),
                              .run = help_run};
