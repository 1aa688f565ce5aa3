/* trial_progress.h: one line of progress for several runs of the same audio, and the clock that
 * times them. */
#ifndef CLEAVE_CLI_TRIAL_PROGRESS_H
#define CLEAVE_CLI_TRIAL_PROGRESS_H

#include "cli/console/progress.h"

typedef struct TrialProgress {
    Progress line;
    ProgressStyle style;
    int sample_rate;
    int64_t samples; /* of one run */
    int done;        /* runs, failed ones included */
    int count;
    double begin; /* of the first run, by trial_clock() */
} TrialProgress;

/* Seconds of the monotonic clock. */
double trial_clock(void);

/* A cleave_progress_callback; `user` is the TrialProgress. */
int trial_progress_update(void *user, const cleave_progress *state);

#endif
