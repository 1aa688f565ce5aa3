/* summary.h: what became of the inputs of a run, in a few lines at its end. */
#ifndef CLEAVE_CLI_SUMMARY_H
#define CLEAVE_CLI_SUMMARY_H

#include "cleave.h"

#define SUMMARY_FAILURES 20 /* so many are told; each had its own line before */

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
    double seconds;       /* of work, for what was done */
    double audio_seconds; /* of what was done */
    Failure failures[SUMMARY_FAILURES];
} Summary;

void summary_add_done(Summary *summary, const cleave_result *result);
void summary_add_failure(Summary *summary, const char *input, const cleave_error *error);

/* Says it all on standard error, in lines of its width. */
void summary_tell(const Summary *summary);

void summary_free(Summary *summary);

#endif
