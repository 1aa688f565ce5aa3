/* commands.h: what the program can do: one row per command. */
#ifndef CLEAVE_CLI_COMMANDS_H
#define CLEAVE_CLI_COMMANDS_H

#include "cli/options.h"

typedef struct Command {
    const char *name;
    CommandId id;
    int minimum_inputs;
    int maximum_inputs;                 /* negative: any number */
    Completion inputs;                  /* what a shell offers for them */
    const char *usage;                  /* what follows "cleave" */
    const char *summary;                /* one line of the overview */
    const char *missing;                /* said where there are too few inputs */
    const char *about;                  /* paragraphs, wrapped by hand to 80 columns */
    const char *examples;               /* likewise */
    int (*run)(const Options *options); /* returns the exit code */
} Command;

/* Ended by a command without a name. The first one is what runs when none is named. */
extern const Command commands[];

/* NULL where there is none of this name. */
const Command *command_find(const char *name);

/* The name of a command that was perhaps meant, or NULL. */
const char *command_nearest(const char *name);

int command_separate(const Options *options);
int command_inspect(const Options *options);
int command_devices(const Options *options);
int command_score(const Options *options);
int command_export(const Options *options);
int command_bench(const Options *options);
int command_verify(const Options *options);
int command_doctor(const Options *options);

int command_help(const Options *options);
int command_completion(const Options *options);
int command_man(const Options *options);

#endif
