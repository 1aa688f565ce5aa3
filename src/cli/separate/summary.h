/* summary.h: the lines at the end that say how many inputs were separated, skipped or failed. */
#ifndef CLEAVE_CLI_SUMMARY_H
#define CLEAVE_CLI_SUMMARY_H

#include "cleave.h"

#define SUMMARY_FAILURES 20 /* at most so many are listed */

typedef struct Failure {
    char *input;
    char *reason;
} Failure;

/* All zeros: nothing happened yet. */
typedef struct Summary {
    int done;
    int skipped; /* their outputs were there */
    int busy;    /* left to another process */
    int failed;
    int not_started;
    double seconds;       /* of work, for the inputs that were separated */
    double audio_seconds; /* of the inputs that were separated */
    Failure failures[SUMMARY_FAILURES];
} Summary;

void summary_add_done(Summary *summary, const cleave_result *result);
void summary_add_failure(Summary *summary, const char *input, const cleave_error *error);

/* Prints it on standard error, in lines of its width. */
void summary_tell(const Summary *summary);

void summary_free(Summary *summary);

#endif
