/* failure.h: errors that the program itself finds, as records of the library's form. */
#ifndef CLEAVE_CLI_FAILURE_H
#define CLEAVE_CLI_FAILURE_H

#include "cleave.h"

/* Writes "FRONT: REASON; ADVICE" with the offsets of its parts. `front` and `advice` may be NULL.
 * Names in them are made fit to be shown, and what is too long is cut. */
void failure_set(cleave_error *error, cleave_status status, const char *front, const char *reason,
                 const char *advice);

#endif
