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

static bool has_option(const Command *command, const Option *row) {
    OptionList list = option_list(command->rows);
    for (int i = 0; i < list.count; i++)
        if (list.items[i].row == row)
            return true;
    return false;
}

/* The condition that the command is one of those that have an option. */
static void print_condition(const Command *const *commands, const Option *row) {
    fputs("complete -c cleave -n '__cleave_is", stdout);
    for (int i = 0; commands[i] != NULL; i++)
        if (has_option(commands[i], row))
            printf(" %s", commands[i]->name);
    putchar('\'');
}

static void print_option(const Command *const *commands, const Option *row) {
    print_condition(commands, row);
    if (row->letter != 0)
        printf(" -s %c", row->letter);
    printf(" -l %s", row->name);
    if (row->argument != NULL) {
        Values values = values_of_option(row);
        fputs(values.kind == VALUES_FILES && values.words == NULL ? " -r" : " -x", stdout);
        print_values(&values);
        values_free(&values);
    }
    char *brief = completion_brief(row);
    fputs(" -d ", stdout);
    print_quoted(brief);
    putchar('\n');
    free(brief);
}

/* The options of commands[at] that no earlier command has. */
static void print_options(const Command *const *commands, int at) {
    OptionList list = option_list(commands[at]->rows);
    for (int i = 0; i < list.count; i++) {
        int first = 0;
        while (first < at && !has_option(commands[first], list.items[i].row))
            first++;
        if (first == at)
            print_option(commands, list.items[i].row);
    }
}

static void print_command(const Command *const *commands, const Command *command) {
    printf("complete -c cleave -n __cleave_is_first -a %s -d ", command->name);
    print_quoted(command->summary);
    putchar('\n');
    Values values = values_of_inputs(commands, command);
    if (values.kind != VALUES_UNKNOWN) {
        printf("complete -c cleave -n '__cleave_is %s'", command->name);
        print_values(&values);
        putchar('\n');
    }
    values_free(&values);
}

void completion_print_fish(const Command *const *commands) {
    printf(helpers_start, commands[0]->name);
    for (int i = 0; commands[i] != NULL; i++)
        printf(" %s", commands[i]->name);
    fputs(helpers_end, stdout);
    for (int i = 0; commands[i] != NULL; i++)
        print_command(commands, commands[i]);
    for (int i = 0; commands[i] != NULL; i++)
        print_options(commands, i);
}
