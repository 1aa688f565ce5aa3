/* main.c: from the command line to a command. What the commands do is in cmd_*.c of each folder. */
#include <stdio.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/commands.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/terminal.h"
#include "cli/help/help_text.h"

/* Said of builds that are for tests only. */
#ifdef CLEAVE_APPLESIM
#define BUILT_WITH "; with a simulated Apple GPU, for tests only"
#else
#define BUILT_WITH ""
#endif

static void print_version(void) {
    printf("cleave %d.%d.%d (libcleave %s)%s\n", CLEAVE_VERSION_MAJOR, CLEAVE_VERSION_MINOR,
           CLEAVE_VERSION_PATCH, cleave_version(), BUILT_WITH);
}

/* Reads the rest of the command line for a command and runs it. `named` is false if the command
 * line names no command: then the help is the overview. */
static int run_command(const Command *command, bool named, int argc, char **argv) {
    CommandLine *line = allocate(1, command->options_size);
    line->commands = commands;
    if (command->set_defaults != NULL)
        command->set_defaults(line);
    int code = EXIT_DONE;
    switch (options_parse(command, line, argc, argv)) {
    case PARSED_WRONG:
        code = EXIT_USAGE;
        break;
    case PARSED_HELP:
        help_print(commands, named ? command : NULL);
        break;
    case PARSED_VERSION:
        print_version();
        break;
    case PARSED_COMMAND:
        message_set_verbosity(line->verbosity);
        code = command->run(line);
    }
    options_free(command, line);
    return code;
}

int main(int argc, char **argv) {
    int trial = cleave_trial_main(argc, argv); /* this process may be a trial of a device */
    if (trial >= 0)
        return trial;
    terminal_prepare();
    const Command *named = argc > 1 ? command_find(commands, argv[1]) : NULL;
    int code = named != NULL ? run_command(named, true, argc - 1, argv + 1)
                             : run_command(commands[0], false, argc, argv);
    terminal_flush_output();
    if (terminal_output_error() != 0) {
        message_error("standard output: %s", strerror(terminal_output_error()));
        code = code == EXIT_DONE ? EXIT_INPUT : code;
    }
    return code;
}
