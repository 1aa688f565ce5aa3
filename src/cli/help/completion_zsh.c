/* completion_zsh.c: the completion function for zsh: one call of _arguments per command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/help/completion.h"

/* Everything stands in single quotes, in which a quote is written so. */
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

/* One spelling of an option, `name` with what joins it to a value; `both` lists all of them, of
 * which only one is to be given. */
static void print_spec(const OptionSpec *spec, const char *both, const char *name) {
    char *brief = completion_brief(spec);
    printf("            '(%s)%s[", both, name);
    completion_print_escaped(brief, "[]:\\", "\\", quote);
    putchar(']');
    free(brief);
    if (spec->argument != NULL) {
        Values values = values_of_option(spec);
        printf(":%s:", spec->argument);
        print_action(&values);
        values_free(&values);
    }
    puts("' \\");
}

static void print_option(const OptionSpec *spec) {
    bool has_value = spec->argument != NULL;
    char *longer = format_text("--%s%s", spec->name, has_value ? "=" : "");
    char letter[] = {'-', spec->letter, has_value ? '+' : '\0', '\0'};
    char *both = spec->letter != 0 ? format_text("-%c --%s", spec->letter, spec->name)
                                   : format_text("--%s", spec->name);
    if (spec->letter != 0)
        print_spec(spec, both, letter);
    print_spec(spec, both, longer);
    free(both);
    free(longer);
}

static const char *input_name(Completion inputs) {
    switch (inputs) {
    case COMPLETE_MODEL:
        return "model";
    case COMPLETE_AUDIO:
        return "audio";
    case COMPLETE_COMMAND:
        return "command";
    case COMPLETE_SHELL:
        return "shell";
    default:
        return "input";
    }
}

static void print_inputs(const Command *command) {
    Values values = values_of_inputs(command);
    bool any_number = command->maximum_inputs < 0;
    int count = any_number ? 1 : command->maximum_inputs;
    for (int i = 1; i <= count; i++) {
        if (any_number)
            printf("            '*:%s:", input_name(command->inputs));
        else
            printf("            '%d:%s:", i, input_name(command->inputs));
        print_action(&values);
        puts("' \\");
    }
    values_free(&values);
}

static void print_command(const Command *command) {
    printf("    %s)\n        _arguments -s -S : \\\n", command->name);
    for (const OptionSpec *spec = option_specs; spec->name != NULL; spec++)
        if ((spec->commands & command->id) != 0)
            print_option(spec);
    print_inputs(command);
    puts("            && added=0 ;;");
}

void completion_print_zsh(void) {
    printf(start, commands[0].name);
    for (const Command *command = commands; command->name != NULL; command++) {
        printf("        '%s:", command->name);
        completion_print_escaped(command->summary, "\\:", "\\", quote);
        puts("'");
    }
    fputs(choosing, stdout);
    for (const Command *command = commands; command->name != NULL; command++)
        print_command(command);
    fputs(ending, stdout);
}
