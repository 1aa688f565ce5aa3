/* cmd_completion.c: `cleave completion`: prints the script of a shell, or the devices that it asks
 * for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/help/commands.h"
#include "cli/help/completion.h"

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

static void (*const printers[])(const Command *const *commands) = {
    completion_print_bash, completion_print_zsh, completion_print_fish};

static void print_devices(void) {
    int count = cleave_device_list(NULL, 0);
    cleave_device_info *devices = allocate((size_t)(count > 0 ? count : 0), sizeof *devices);
    int found = cleave_device_list(devices, count);
    puts("auto");
    for (int i = 0; i < count && i < found; i++)
        if (devices[i].available)
            puts(devices[i].id);
    free(devices);
}

static int completion_run(const void *arguments) {
    const CommandLine *line = arguments;
    const char *wanted = line->inputs[0];
    if (strcmp(wanted, "devices") == 0) {
        print_devices();
        return EXIT_DONE;
    }
    for (size_t i = 0; shells[i] != NULL; i++) {
        if (strcmp(shells[i], wanted) == 0) {
            printers[i](line->commands);
            return EXIT_DONE;
        }
    }
    message_error("completion: there is nothing for '%s', only for %s, %s, %s", wanted, shells[0],
                  shells[1], shells[2]);
    return EXIT_USAGE;
}

const Command command_completion = {.name = "completion",
                                    .usage = "completion SHELL",
                                    .summary = "print a shell's completions",
                                    .minimum_inputs = 1,
                                    .maximum_inputs = 1,
                                    .missing = "completion takes a shell: bash, zsh or fish",
                                    .words = shells,
                                    .rows = standard_rows,
                                    .options_size = sizeof(CommandLine),
                                    .run = completion_run};
