/* completion.c: see completion.h, and the completion command. What the scripts look like is in
 * completion_*.c. */
#include "cli/help/completion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"

static const char *const model_extensions[] = {"ckpt", "pth", "pt", "th", "safetensors", NULL};
static const char *const config_extensions[] = {"yaml", "yml", NULL};

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {{"bash", completion_print_bash},
              {"zsh", completion_print_zsh},
              {"fish", completion_print_fish}};
#define SHELL_COUNT (sizeof shells / sizeof *shells)

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

static Values command_values(void) {
    size_t count = 0;
    while (commands[count].name != NULL)
        count++;
    Values values = {VALUES_WORDS, allocate(count + 1, sizeof *values.words)};
    for (size_t i = 0; i < count; i++)
        values.words[i] = commands[i].name;
    return values;
}

static Values shell_values(void) {
    Values values = {VALUES_WORDS, allocate(SHELL_COUNT + 1, sizeof *values.words)};
    for (size_t i = 0; i < SHELL_COUNT; i++)
        values.words[i] = shells[i].name;
    return values;
}

/* `argument` as the help names it, or NULL. */
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
    case COMPLETE_COMMAND:
        return command_values();
    case COMPLETE_SHELL:
        return shell_values();
    case COMPLETE_BY_NAME:
        break;
    }
    return values_by_name(argument);
}

Values values_of_option(const OptionSpec *spec) {
    return spec->choices != NULL ? choice_values(spec->choices)
                                 : values_of(spec->complete, spec->argument);
}

Values values_of_inputs(const Command *command) {
    return values_of(command->inputs, NULL);
}

void values_free(Values *values) {
    free(values->words);
    values->words = NULL;
}

char *values_join(const Values *values, const char *glue) {
    char *joined = copy_text("");
    for (size_t i = 0; values->words != NULL && values->words[i] != NULL; i++) {
        char *longer = format_text("%s%s%s", joined, i > 0 ? glue : "", values->words[i]);
        free(joined);
        joined = longer;
    }
    return joined;
}

/* ---- Texts ------------------------------------------------------------------------------- */

char *completion_brief(const OptionSpec *spec) {
    return copy_bytes(spec->help, strcspn(spec->help, ";"));
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

/* ---- The command ------------------------------------------------------------------------- */

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

int command_completion(const Options *options) {
    const char *wanted = options->inputs[0];
    if (strcmp(wanted, "devices") == 0) {
        print_devices();
        return EXIT_DONE;
    }
    for (size_t i = 0; i < SHELL_COUNT; i++) {
        if (strcmp(shells[i].name, wanted) == 0) {
            shells[i].print();
            return EXIT_DONE;
        }
    }
    Values known = shell_values();
    char *names = values_join(&known, ", ");
    message_error("completion: there is nothing for '%s', only for %s", wanted, names);
    free(names);
    values_free(&known);
    return EXIT_USAGE;
}
