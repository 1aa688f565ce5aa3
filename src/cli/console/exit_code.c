/* exit_code.c: the exit codes in words, and the one mapping from the library's statuses to them. */
#include "cli/console/exit_code.h"

#include <signal.h>

#include "cli/console/signals.h"

const Term exit_code_terms[] = {
    {"0", "done"},
    {"1", "some input failed; the others were done"},
    {"2", "wrong usage"},
    {"3", "the model or its configuration is unusable"},
    {"4", "the device or its memory failed"},
    {"130, 143, 129", "interrupted, terminated, the terminal went away"},
    {NULL, NULL}};

int exit_code_of(cleave_status status) {
    switch (status) {
    case CLEAVE_OK:
        return EXIT_DONE;
    case CLEAVE_ERROR_INPUT:
    case CLEAVE_ERROR_OUTPUT:
    case CLEAVE_ERROR_BUSY:
        return EXIT_INPUT;
    case CLEAVE_ERROR_ARGUMENT:
        return EXIT_USAGE;
    case CLEAVE_ERROR_MODEL:
        return EXIT_MODEL;
    case CLEAVE_ERROR_DEVICE:
    case CLEAVE_ERROR_MEMORY:
    case CLEAVE_ERROR_INTERNAL:
        return EXIT_DEVICE;
    case CLEAVE_ERROR_CANCELLED:
        return EXIT_SIGNAL + (signals_caught() != 0 ? signals_caught() : SIGINT);
    }
    return EXIT_DEVICE;
}
