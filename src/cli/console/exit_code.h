/* exit_code.h: what the program's exit codes mean; `cleave --help` lists the same. */
#ifndef CLEAVE_CLI_EXIT_CODE_H
#define CLEAVE_CLI_EXIT_CODE_H

enum {
    EXIT_DONE = 0,
    EXIT_INPUT = 1,   /* some input failed; the others were done */
    EXIT_USAGE = 2,   /* the command line makes no sense */
    EXIT_MODEL = 3,   /* the checkpoint or its configuration cannot be used */
    EXIT_DEVICE = 4,  /* the device is absent or failed */
    EXIT_SIGNAL = 128 /* plus the signal's number: 130 interrupted, 143 terminated, 129 hung up */
};

#endif
