/* exit_code.h: what the program's exit codes mean, and which one a failure of the library has. */
#ifndef CLEAVE_CLI_EXIT_CODE_H
#define CLEAVE_CLI_EXIT_CODE_H

#include "cleave.h"
#include "cli/console/text.h"

enum {
    EXIT_DONE = 0,
    EXIT_INPUT = 1,   /* some input failed; the others were done */
    EXIT_USAGE = 2,   /* the command line makes no sense */
    EXIT_MODEL = 3,   /* the checkpoint or its configuration cannot be used */
    EXIT_DEVICE = 4,  /* the device is absent or failed */
    EXIT_SIGNAL = 128 /* plus the signal's number: 130 interrupted, 143 terminated, 129 hung up */
};

/* The same for people, as the help lists it. */
extern const Term exit_code_terms[];

/* The exit code of a call that failed. CLEAVE_ERROR_CANCELLED is the signal that came. Two places
 * differ: whatever keeps a model from opening is EXIT_MODEL (model_open()), and of one track among
 * several only what concerns all of them has a code of its own (cmd_separate.c). */
int exit_code_of(cleave_status status);

#endif
