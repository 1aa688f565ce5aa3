/* completion_zsh.c: the completion function for zsh: one call of _arguments per command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/help/completion.h"

/* A single quote within single quotes. */
static const char quote[] = "'\\''";

static const char start[] =
    "#compdef cleave\n"
    "# Completions of cleave for zsh, as 'cleave completion zsh' prints them.\n"
    "\n"
    "_cleave_devices() {\n"
    "    local expl\n"
    "    local -a devices\n"
    "    devices=(${(f)\"$(_call_program devices ${(q)program} completion devices "
    "2>/dev/null)\"})\n"
    "    _wanted devices expl device compadd -a devices\n"
    "}\n"
    "\n"
    "_cleave() {\n"
    "    local curcontext=$curcontext program=$words[1] command=%s added=1\n"
    "    local -a names\n"
    "    names=(\n";

static const char choosing[] = "    )\n"
                               "    if (( CURRENT > 2 && ${+names[(r)$words[2]:*]} )); then\n"
                               "        command=$words[2]\n"
                               "        shift words\n"
                               "        (( CURRENT-- ))\n"
                               "    elif (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then\n"
                               "        _describe -t commands command names && added=0\n"
                               "    fi\n"
                               "    case $command in\n";

static const char ending[] = "    esac\n"
                             "    return added\n"
                             "}\n"
                             "\n"
                             "if [[ $funcstack[1] == _cleave ]]; then\n"
                             "    _cleave \"$@\"\n"
                             "else\n"
                             "    compdef _cleave cleave\n"
                             "fi\n";

/* What follows the name of a value in a spec of _arguments. */
static void print_action(const Values *values) {
    char *words = values_join(values, values->kind == VALUES_FILES ? "|" : " ");
    switch (values->kind) {
    case VALUES_WORDS:
        printf("(%s)", words);
        break;
    case VALUES_FILES:
        if (*words != '\0')
            printf("_files -g \"*.(#i)(%s)(-.)\"", words);
        else
            fputs("_files", stdout);
        break;
    case VALUES_FOLDERS:
        fputs("_files -/", stdout);
        break;
    case VALUES_DEVICES:
        fputs("_cleave_devices", stdout);
        break;
    case VALUES_UNKNOWN:
        putchar(' '); /* shows the name of the value, and offers nothing */
        break;
    }
    free(words);
}

/* One spelling of an option: `name`, with the sign that joins it to a value. `both` lists all
 * spellings, which exclude each other. */
static void print_spec(const Option *row, const char *both, const char *name) {
    char *brief = completion_brief(row);
    printf("            '(%s)%s[", both, name);
    completion_print_escaped(brief, "[]:\\", "\\", quote);
    putchar(']');
    free(brief);
    if (row->argument != NULL) {
        Values values = values_of_option(row);
        printf(":%s:", row->argument);
        print_action(&values);
        values_free(&values);
    }
    puts("' \\");
}

static void print_option(const Option *row) {
    bool has_value = row->argument != NULL;
    char *longer = format_text("--%s%s", row->name, has_value ? "=" : "");
    char letter[] = {'-', row->letter, has_value ? '+' : '\0', '\0'};
    char *both = row->letter != 0 ? format_text("-%c --%s", row->letter, row->name)
                                  : format_text("--%s", row->name);
    if (row->letter != 0)
        print_spec(row, both, letter);
    print_spec(row, both, longer);
    free(both);
    free(longer);
}

/* What zsh calls an input that is missing. */
static const char *input_name(const Command *command) {
    if (command->words != NULL)
        return "shell";
    switch (command->complete) {
    case COMPLETE_MODEL:
        return "model";
    case COMPLETE_AUDIO:
        return "audio";
    case COMPLETE_COMMAND:
        return "command";
    default:
        return "input";
    }
}

static void print_inputs(const Command *const *commands, const Command *command) {
    Values values = values_of_inputs(commands, command);
    bool any_number = command->maximum_inputs < 0;
    int count = any_number ? 1 : command->maximum_inputs;
    for (int i = 1; i <= count; i++) {
        if (any_number)
            printf("            '*:%s:", input_name(command));
        else
            printf("            '%d:%s:", i, input_name(command));
        print_action(&values);
        puts("' \\");
    }
    values_free(&values);
}

static void print_command(const Command *const *commands, const Command *command) {
    OptionList list = option_list(command->rows);
    printf("    %s)\n        _arguments -s -S : \\\n", command->name);
    for (int i = 0; i < list.count; i++)
        print_option(list.items[i].row);
    print_inputs(commands, command);
    puts("            && added=0 ;;");
}

void completion_print_zsh(const Command *const *commands) {
    printf(start, commands[0]->name);
    for (int i = 0; commands[i] != NULL; i++) {
        printf("        '%s:", commands[i]->name);
        completion_print_escaped(commands[i]->summary, "\\:", "\\", quote);
        puts("'");
    }
    fputs(choosing, stdout);
    for (int i = 0; commands[i] != NULL; i++)
        print_command(commands, commands[i]);
    fputs(ending, stdout);
}
