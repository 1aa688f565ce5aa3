/* completion.c: values and texts for the completions of all shells. What the scripts look like is
 * in completion_*.c. */
#include "cli/help/completion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"

static const char *const model_extensions[] = {"ckpt", "pth", "pt", "th", "safetensors", NULL};
static const char *const config_extensions[] = {"yaml", "yml", NULL};

/* ---- Values ------------------------------------------------------------------------------ */

static Values plain_values(ValuesKind kind) {
    return (Values){kind, NULL};
}

static Values listed_values(ValuesKind kind, const char *const *words) {
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    Values values = {kind, allocate(count + 1, sizeof *values.words)};
    memcpy(values.words, words, count * sizeof *words);
    return values;
}

static Values choice_values(const Choice *choices) {
    size_t count = 0;
    while (choices[count].word != NULL)
        count++;
    Values values = {VALUES_WORDS, allocate(count + 1, sizeof *values.words)};
    for (size_t i = 0; i < count; i++)
        values.words[i] = choices[i].word;
    return values;
}

/* By the name of the argument in the help, which may be NULL. */
static Values values_by_name(const char *argument) {
    if (argument != NULL && strcmp(argument, "FILE") == 0)
        return plain_values(VALUES_FILES);
    if (argument != NULL && strcmp(argument, "DIR") == 0)
        return plain_values(VALUES_FOLDERS);
    return plain_values(VALUES_UNKNOWN);
}

static Values values_of(Completion completion, const char *argument) {
    switch (completion) {
    case COMPLETE_MODEL:
        return listed_values(VALUES_FILES, model_extensions);
    case COMPLETE_CONFIG:
        return listed_values(VALUES_FILES, config_extensions);
    case COMPLETE_AUDIO:
        return listed_values(VALUES_FILES, cleave_input_extensions());
    case COMPLETE_DEVICE:
        return plain_values(VALUES_DEVICES);
    default:
        return values_by_name(argument);
    }
}

static Values command_values(const Command *const *commands) {
    size_t count = 0;
    while (commands[count] != NULL)
        count++;
    Values values = {VALUES_WORDS, allocate(count + 1, sizeof *values.words)};
    for (size_t i = 0; i < count; i++)
        values.words[i] = commands[i]->name;
    return values;
}

Values values_of_option(const Option *row) {
    const Choice *choices = option_choices(row);
    return choices != NULL ? choice_values(choices) : values_of(row->complete, row->argument);
}

Values values_of_inputs(const Command *const *commands, const Command *command) {
    if (command->words != NULL)
        return listed_values(VALUES_WORDS, command->words);
    return command->complete == COMPLETE_COMMAND ? command_values(commands)
                                                 : values_of(command->complete, NULL);
}

void values_free(Values *values) {
    free(values->words);
    values->words = NULL;
}

char *values_join(const Values *values, const char *glue) {
    char *joined = copy_text("");
    for (size_t i = 0; values->words != NULL && values->words[i] != NULL; i++)
        append_text(&joined, "%s%s", i > 0 ? glue : "", values->words[i]);
    return joined;
}

/* ---- Texts ------------------------------------------------------------------------------- */

char *completion_brief(const Option *row) {
    char *help = option_help(row);
    help[strcspn(help, ";")] = '\0';
    return help;
}

void completion_print_escaped(const char *text, const char *special, const char *escape,
                              const char *quote) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs(quote, stdout);
            continue;
        }
        if (strchr(special, *text) != NULL)
            fputs(escape, stdout);
        putchar(*text);
    }
}
