/* command.h: what a command is: its name, its options, the function that runs it. Its help text is
 * NAME.txt in the folder of the command. */
#ifndef CLEAVE_CLI_COMMAND_H
#define CLEAVE_CLI_COMMAND_H

#include "cli/console/option.h"

typedef struct Command {
    const char *name;
    const char *usage;   /* what follows "cleave" */
    const char *summary; /* one line of the overview */
    int minimum_inputs;
    int maximum_inputs;        /* negative: any number */
    const char *missing;       /* the error where there are too few inputs */
    Completion complete;       /* what a shell offers for an input, */
    const char *const *words;  /* or these words; else NULL */
    bool reads_standard_input; /* an input may be "-" */
    const Option *rows;        /* ended by OPTION_END */
    size_t options_size;       /* of the command's struct, which begins with a CommandLine */
    void (*set_defaults)(void *options); /* of what is not all zeros; or NULL */
    bool (*check)(void *options); /* what no single option can know; says what is wrong; or NULL */
    int (*run)(const void *options); /* returns an exit code */
} Command;

/* The command of this name; NULL where there is none. `commands` ends with NULL. */
const Command *command_find(const Command *const *commands, const char *name);

/* The name of a command that was perhaps meant, or NULL. */
const char *command_nearest(const Command *const *commands, const char *name);

#endif
