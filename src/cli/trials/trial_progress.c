/* trial_progress.c: adds the runs that are done to the progress of the one that runs. */
#include "cli/trials/trial_progress.h"

#include <time.h>

double trial_clock(void) {
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int trial_progress_update(void *user, const cleave_progress *state) {
    TrialProgress *progress = user;
    cleave_progress all = {.samples_done = progress->samples * progress->done + state->samples_done,
                           .samples_total = progress->samples * progress->count,
                           .seconds = trial_clock() - progress->begin};
    return progress_update(&progress->line, &all);
}
