/* main.c: from the command line to a command. What the commands do is in cmd_*.c. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/terminal.h"
#include "cli/help/help.h"
#include "cli/options.h"

/* What no release has. */
#ifdef CLEAVE_APPLESIM
#define BUILT_WITH "; with a simulated Apple GPU, for tests only"
#else
#define BUILT_WITH ""
#endif

static void print_version(void) {
    printf("cleave %d.%d.%d (libcleave %s)%s\n", CLEAVE_VERSION_MAJOR, CLEAVE_VERSION_MINOR,
           CLEAVE_VERSION_PATCH, cleave_version(), BUILT_WITH);
}

static bool inputs_fit(const Command *command, const Options *options) {
    if (options->input_count < command->minimum_inputs && options->list == NULL) {
        message_error("%s", command->missing);
        return false;
    }
    if (command->maximum_inputs >= 0 && options->input_count > command->maximum_inputs) {
        message_error("%s: '%s' is one argument too many; usage: cleave %s", command->name,
                      options->inputs[command->maximum_inputs], command->usage);
        return false;
    }
    return true;
}

static int do_command(const Command *command, const Options *options) {
    if (!inputs_fit(command, options))
        return EXIT_USAGE;
    message_set_verbosity(options->verbosity);
    return command->run(options);
}

/* `named` is NULL where the command line names no command. */
static int run(const Command *named, int argc, char **argv) {
    const Command *command = named != NULL ? named : &commands[0];
    Options options;
    int code = EXIT_DONE;
    if (!options_parse(&options, command->id, argc, argv))
        code = EXIT_USAGE;
    else if (options.help)
        help_print(named);
    else if (options.version)
        print_version();
    else
        code = do_command(command, &options);
    options_free(&options);
    return code;
}

int main(int argc, char **argv) {
    int trial = cleave_trial_main(argc, argv); /* this process may be a trial of a device */
    if (trial >= 0)
        return trial;
    terminal_prepare();
    const Command *named = argc > 1 ? command_find(argv[1]) : NULL;
    int code = named != NULL ? run(named, argc - 1, argv + 1) : run(NULL, argc, argv);
    terminal_flush_output();
    if (terminal_output_error() != 0) {
        message_error("standard output: %s", strerror(terminal_output_error()));
        code = code == EXIT_DONE ? EXIT_INPUT : code;
    }
    return code;
}
