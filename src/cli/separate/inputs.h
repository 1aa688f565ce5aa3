/* inputs.h: the audio files to separate, and where the stems of each go. Inputs are named as
 * arguments or in a list; a folder stands for the audio files below it. */
#ifndef CLEAVE_CLI_INPUTS_H
#define CLEAVE_CLI_INPUTS_H

#include <stdbool.h>

#include "cli/separate/separate_options.h"

typedef struct Input {
    char *path;
    char *directory;  /* of its outputs: that of --output, and below it the folders in which the
                         input was found, unless --name says where these go */
    char *folder;     /* the folders in which it was found, below the one that was named; else "" */
    bool from_folder; /* found in a folder rather than named */
    cleave_error *failure; /* NULL; or why this is no audio file that could be separated */
} Input;

typedef struct Inputs {
    Input *items;
    int count;
    bool have_folders; /* at least one folder was named */
} Inputs;

/* Finds the inputs: those of the command line first, then those of the list. A folder that has no
 * audio or cannot be read becomes an input with a failure. False if the list cannot be read, which
 * is said. Free the inputs in either case. */
bool inputs_find(Inputs *inputs, const SeparateOptions *options);
void inputs_free(Inputs *inputs);

/* Frees what one input owns. */
void input_free(Input *input);

#endif
