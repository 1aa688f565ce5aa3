/* inputs.h: what a run is to separate, and where the stems of each input go: the operands and the
 * paths of a list, with folders taken apart into the audio files below them. */
#ifndef CLEAVE_CLI_INPUTS_H
#define CLEAVE_CLI_INPUTS_H

#include <stdbool.h>

#include "cli/options.h"

typedef struct Input {
    char *path;
    char *directory;  /* of its outputs: --output, and below it the folders of a folder's file where
                         --name does not say where these go */
    char *folder;     /* of a folder's file: the folders below that one; else "" */
    bool from_folder; /* found below a folder, and not named */
    char *failure;    /* NULL, or why there is nothing to start with: then it is no audio file */
} Input;

typedef struct Inputs {
    Input *items;
    int count;
    bool have_folders; /* some operand is one */
} Inputs;

/* Finds the inputs in the order of the command line, the list's behind it. A folder without audio
 * and one that cannot be read are inputs with a failure. False where the list cannot be read, which
 * has been said. Free it in either case. */
bool inputs_find(Inputs *inputs, const Options *options);
void inputs_free(Inputs *inputs);

/* Frees what one input owns. */
void input_free(Input *input);

#endif
