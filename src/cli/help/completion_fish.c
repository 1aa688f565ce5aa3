/* completion_fish.c: the completions for fish: a line per option, and the conditions under which
 * they hold. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/help/completion.h"

static const char helpers_start[] =
    "# Completions of cleave for fish, as 'cleave completion fish' prints them.\n"
    "\n"
    "# Whether the command is one of the arguments.\n"
    "function __cleave_is\n"
    "    set -l words (commandline -opc)\n"
    "    set -l command %s\n"
    "    if set -q words[2]; and contains -- $words[2]";

static const char helpers_end[] =
    "\n"
    "        set command $words[2]\n"
    "    end\n"
    "    contains -- $command $argv\n"
    "end\n"
    "\n"
    "function __cleave_is_first\n"
    "    test (count (commandline -opc)) -eq 1\n"
    "end\n"
    "\n"
    "# Folders, and files with one of the extensions, in any case. No command of this name has\n"
    "# completions of its own, so that fish offers it all files.\n"
    "function __cleave_files\n"
    "    set -l word (string replace -r -- '^--[a-z-]+=' '' (commandline -ct))\n"
    "    complete -C \"__cleave_no_command $word\" |\n"
    "        string match -ri -- '.*(?:/|\\.(?:'(string join '|' -- $argv)'))(?:\\t.*)?$'\n"
    "end\n"
    "\n"
    "function __cleave_folders\n"
    "    set -l word (string replace -r -- '^--[a-z-]+=' '' (commandline -ct))\n"
    "    __fish_complete_directories $word\n"
    "end\n"
    "\n"
    "function __cleave_devices\n"
    "    set -l words (commandline -opc)\n"
    "    command -q $words[1]; and $words[1] completion devices 2>/dev/null\n"
    "end\n"
    "\n"
    "complete -c cleave -f\n";

static void print_quoted(const char *text) {
    putchar('\'');
    completion_print_escaped(text, "\\", "\\", "\\'");
    putchar('\'');
}

static void print_values(const Values *values) {
    char *words = values_join(values, " ");
    switch (values->kind) {
    case VALUES_WORDS:
        printf(" -a '%s'", words);
        break;
    case VALUES_FILES:
        if (*words != '\0')
            printf(" -a '(__cleave_files %s)'", words);
        else
            fputs(" -F", stdout);
        break;
    case VALUES_FOLDERS:
        fputs(" -a '(__cleave_folders)'", stdout);
        break;
    case VALUES_DEVICES:
        fputs(" -a '(__cleave_devices)'", stdout);
        break;
    case VALUES_UNKNOWN:
        break;
    }
    free(words);
}

static void print_condition(unsigned of_commands) {
    fputs("complete -c cleave -n '__cleave_is", stdout);
    for (const Command *command = commands; command->name != NULL; command++)
        if ((of_commands & command->id) != 0)
            printf(" %s", command->name);
    putchar('\'');
}

static void print_option(const OptionSpec *spec) {
    print_condition(spec->commands);
    if (spec->letter != 0)
        printf(" -s %c", spec->letter);
    printf(" -l %s", spec->name);
    if (spec->argument != NULL) {
        Values values = values_of_option(spec);
        fputs(values.kind == VALUES_FILES && values.words == NULL ? " -r" : " -x", stdout);
        print_values(&values);
        values_free(&values);
    }
    char *brief = completion_brief(spec);
    fputs(" -d ", stdout);
    print_quoted(brief);
    putchar('\n');
    free(brief);
}

static void print_command(const Command *command) {
    printf("complete -c cleave -n __cleave_is_first -a %s -d ", command->name);
    print_quoted(command->summary);
    putchar('\n');
    Values values = values_of_inputs(command);
    if (values.kind != VALUES_UNKNOWN) {
        print_condition(command->id);
        print_values(&values);
        putchar('\n');
    }
    values_free(&values);
}

void completion_print_fish(void) {
    printf(helpers_start, commands[0].name);
    for (const Command *command = commands; command->name != NULL; command++)
        printf(" %s", command->name);
    fputs(helpers_end, stdout);
    for (const Command *command = commands; command->name != NULL; command++)
        print_command(command);
    for (const OptionSpec *spec = option_specs; spec->name != NULL; spec++)
        print_option(spec);
}
