/* trial_progress.h: one progress over several runs of the same audio, and the clock by which they
 * are timed.
 */
#ifndef CLEAVE_CLI_TRIAL_PROGRESS_H
#define CLEAVE_CLI_TRIAL_PROGRESS_H

#include "cli/console/progress.h"

typedef struct TrialProgress {
    Progress line;
    ProgressStyle style;
    int sample_rate;
    int64_t samples; /* of one run */
    int done;        /* runs; those that failed count as done */
    int count;
    double begin; /* of the first run, as trial_clock() has it */
} TrialProgress;

/* Seconds of the monotonic clock. */
double trial_clock(void);

/* A cleave_progress_callback; `user` is the TrialProgress. */
int trial_progress_update(void *user, const cleave_progress *state);

#endif
