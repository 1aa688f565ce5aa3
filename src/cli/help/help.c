/* help.c: see help.h, and the help command. The texts themselves are in commands.c and options.c.
 */
#include "cli/help/help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/text.h"

#define INDENT      27 /* where the texts of the options begin */
#define TERM_INDENT 18

const Term help_exit_codes[] = {
    {"0", "done"},
    {"1", "some input failed; the others were done"},
    {"2", "wrong usage"},
    {"3", "the model or its configuration is unusable"},
    {"4", "the device or its memory failed"},
    {"130, 143, 129", "interrupted, terminated, the terminal went away"},
    {NULL, NULL}};

const Term help_environment[] = {
    {"CLEAVE_MODEL", "the network, where -m is not given"},
    {"CLEAVE_KERNELS",
     "the CPU's instructions: avx512, avx2 or reference (plain C); else the best there are"},
    {"CLEAVE_BACKENDS", "the folder of libcleave-cuda.so and the like; else where cleave is"},
    {"NO_COLOR", "if set, no colours"},
    {"XDG_CACHE_HOME",
     "the folder below which cleave/ keeps how trials of an Apple GPU ended; else "
     "~/.cache (macOS: ~/Library/Caches)"},
    {NULL, NULL}};

const char help_usage_notes[] =
    "Options and inputs may be mixed; after -- everything is an input. A file that is\n"
    "named like a command is reached as ./NAME. 'cleave COMMAND --help' says more.\n";

static void print_terms(const char *heading, const Term *terms) {
    printf("%s:\n", heading);
    for (const Term *term = terms; term->name != NULL; term++)
        text_print_wrapped(term->text, printf("  %s", term->name), TERM_INDENT);
}

static void print_options(CommandId command) {
    puts("Options:");
    for (const OptionSpec *spec = option_specs; spec->name != NULL; spec++) {
        if ((spec->commands & command) == 0)
            continue;
        char letter[] = {'-', spec->letter, ',', '\0'};
        char *head = format_text("  %-3s --%s%s%s", spec->letter != 0 ? letter : "", spec->name,
                                 spec->argument != NULL ? " " : "",
                                 spec->argument != NULL ? spec->argument : "");
        fputs(head, stdout);
        text_print_wrapped(spec->help, (int)strlen(head), INDENT);
        free(head);
    }
}

static void print_overview(void) {
    puts("cleave separates music into stems with MDX23C networks.\n\nUsage:");
    for (const Command *command = commands; command->name != NULL; command++)
        printf("  cleave %-36s %s\n", command->usage, command->summary);
    printf("\n%s\n", help_usage_notes);
    print_options(COMMAND_SEPARATE);
    printf("\nExamples:\n%s\n", commands[0].examples);
    print_terms("Environment", help_environment);
    putchar('\n');
    print_terms("Exit codes", help_exit_codes);
}

void help_print(const Command *command) {
    if (command == NULL) {
        print_overview();
        return;
    }
    printf("Usage: cleave %s\n\n%s\n", command->usage, command->about);
    print_options(command->id);
    printf("\nExamples:\n%s\n", command->examples);
    print_terms("Exit codes", help_exit_codes);
}

static void reject_command(const char *name) {
    const char *near = command_nearest(name);
    if (near != NULL)
        message_error("help: there is no command '%s'; did you mean '%s'?", name, near);
    else
        message_error("help: there is no command '%s'; 'cleave help' lists them", name);
}

int command_help(const Options *options) {
    const Command *command = NULL;
    if (options->input_count > 0) {
        command = command_find(options->inputs[0]);
        if (command == NULL) {
            reject_command(options->inputs[0]);
            return EXIT_USAGE;
        }
    }
    help_print(command);
    return EXIT_DONE;
}
