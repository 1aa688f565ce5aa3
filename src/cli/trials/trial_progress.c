/* trial_progress.c: see trial_progress.h. */
#include "cli/trials/trial_progress.h"

#include <time.h>

double steps_now(void) {
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int steps_update(void *user, const cleave_progress *state) {
    Steps *steps = user;
    cleave_progress all = {.samples_done = steps->samples * steps->done + state->samples_done,
                           .samples_total = steps->samples * steps->count,
                           .seconds = steps_now() - steps->begin};
    return progress_update(&steps->progress, &all);
}
