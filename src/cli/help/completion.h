/* completion.h: what a shell may offer where a value is typed, worked out from the tables of
 * commands and options, and the scripts that tell the shells. Words, names and extensions hold no
 * character that means something to a shell; texts of the help may. */
#ifndef CLEAVE_CLI_COMPLETION_H
#define CLEAVE_CLI_COMPLETION_H

#include "cli/commands.h"

typedef enum ValuesKind {
    VALUES_UNKNOWN, /* nothing to offer: a number, a name */
    VALUES_WORDS,   /* one of `words` */
    VALUES_FILES,   /* files whose extension is one of `words`, or any where there are none */
    VALUES_FOLDERS,
    VALUES_DEVICES /* what `cleave completion devices` prints */
} ValuesKind;

typedef struct Values {
    ValuesKind kind;
    const char **words; /* NULL-terminated, or NULL */
} Values;

/* Free them with values_free(). */
Values values_of_option(const OptionSpec *spec);
Values values_of_inputs(const Command *command);
void values_free(Values *values);

/* The words with `glue` in between. */
char *values_join(const Values *values, const char *glue);

/* The help of an option up to its first semicolon. */
char *completion_brief(const OptionSpec *spec);

/* Prints `text` with `escape` before each character that `special` holds, and a single quote as
 * `quote`. */
void completion_print_escaped(const char *text, const char *special, const char *escape,
                              const char *quote);

/* Each prints the script of a shell. */
void completion_print_bash(void);
void completion_print_zsh(void);
void completion_print_fish(void);

#endif
