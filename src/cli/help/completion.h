/* completion.h: what a shell may offer where a value is typed, found from the commands and their
 * rows, and the scripts for the shells. Words, names and extensions contain no characters that are
 * special to a shell; help texts may. */
#ifndef CLEAVE_CLI_COMPLETION_H
#define CLEAVE_CLI_COMPLETION_H

#include "cli/console/command.h"

typedef enum ValuesKind {
    VALUES_UNKNOWN, /* nothing to offer: a number, a name */
    VALUES_WORDS,   /* one of `words` */
    VALUES_FILES,   /* files whose extension is one of `words`; any file if there are no words */
    VALUES_FOLDERS,
    VALUES_DEVICES /* what `cleave completion devices` prints */
} ValuesKind;

typedef struct Values {
    ValuesKind kind;
    const char **words; /* NULL-terminated, or NULL */
} Values;

/* Free them with values_free(). */
Values values_of_option(const Option *row);
Values values_of_inputs(const Command *const *commands, const Command *command);
void values_free(Values *values);

/* The words with `glue` in between. */
char *values_join(const Values *values, const char *glue);

/* The help of an option up to its first semicolon. */
char *completion_brief(const Option *row);

/* Prints `text` with `escape` before each character that is in `special`, and with `quote` in place
 * of each single quote. */
void completion_print_escaped(const char *text, const char *special, const char *escape,
                              const char *quote);

/* Each prints the script of a shell for all commands. */
void completion_print_bash(const Command *const *commands);
void completion_print_zsh(const Command *const *commands);
void completion_print_fish(const Command *const *commands);

#endif
