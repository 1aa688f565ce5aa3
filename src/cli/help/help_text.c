/* help_text.c: prints the overview and the help of each command. What they say of a command is in
 * its text file, and of an option in its row. */
#include "cli/help/help_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/console/embedded.h"
#include "cli/console/exit_code.h"

#define INDENT      27 /* where the texts of the options begin */
#define TERM_INDENT 18

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

/* ---- Text files -------------------------------------------------------------------------- */

static const char examples_line[] = "\nExamples:\n";

static const char *help_file(const Command *command) {
    char *name = format_text("%s.txt", command->name);
    const char *text = embedded_text(name);
    free(name);
    return text != NULL ? text : "";
}

char *help_about(const Command *command) {
    const char *text = help_file(command);
    const char *end = strstr(text, examples_line);
    return end != NULL ? copy_bytes(text, (size_t)(end - text)) : copy_text(text);
}

char *help_examples(const Command *command) {
    const char *examples = strstr(help_file(command), examples_line);
    return copy_text(examples != NULL ? examples + sizeof examples_line - 1 : "");
}

/* ---- Parts ------------------------------------------------------------------------------- */

static void help_print_terms(const char *heading, const Term *terms) {
    printf("%s:\n", heading);
    for (const Term *term = terms; term->name != NULL; term++)
        text_print_wrapped(term->text, printf("  %s", term->name), TERM_INDENT);
}

static void help_print_option(const Option *row) {
    char letter[] = {'-', row->letter, ',', '\0'};
    char *head =
        format_text("  %-3s --%s%s%s", row->letter != 0 ? letter : "", row->name,
                    row->argument != NULL ? " " : "", row->argument != NULL ? row->argument : "");
    char *help = option_help(row);
    fputs(head, stdout);
    text_print_wrapped(help, (int)strlen(head), INDENT);
    free(help);
    free(head);
}

static void help_print_options(const Command *command) {
    OptionList list = option_list(command->rows);
    puts("Options:");
    for (int i = 0; i < list.count; i++)
        help_print_option(list.items[i].row);
}

static void help_print_examples(const Command *command) {
    char *examples = help_examples(command);
    printf("\nExamples:\n%s\n", examples);
    free(examples);
}

static void help_print_overview(const Command *const *commands) {
    puts("cleave separates music into stems with MDX23C and Roformer networks.\n\nUsage:");
    const Command *first = commands[0];
    do
        printf("  cleave %-36s %s\n", (*commands)->usage, (*commands)->summary);
    while (*++commands != NULL);
    printf("\n%s\n", help_usage_notes);
    help_print_options(first);
    help_print_examples(first);
    help_print_terms("Environment", help_environment);
    putchar('\n');
    help_print_terms("Exit codes", exit_code_terms);
}

static void help_print_command(const Command *command) {
    char *about = help_about(command);
    printf("Usage: cleave %s\n\n%s\n", command->usage, about);
    help_print_options(command);
    help_print_examples(command);
    help_print_terms("Exit codes", exit_code_terms);
    free(about);
}

void help_print(const Command *const *commands, const Command *command) {
    if (command == NULL)
        help_print_overview(commands);
    else
        help_print_command(command);
}
