/* progress.h: shows on standard error how far a separation is: on a terminal one line that is
 * redrawn, elsewhere a plain line now and then. Each update also checks for Ctrl-C. */
#ifndef CLEAVE_CLI_PROGRESS_H
#define CLEAVE_CLI_PROGRESS_H

#include <stdbool.h>

#include "cleave.h"

typedef enum ProgressStyle { PROGRESS_NONE, PROGRESS_LINES, PROGRESS_BAR } ProgressStyle;

typedef struct Progress {
    ProgressStyle style;
    char *label;          /* printable */
    int sample_rate;      /* of samples_done and samples_total */
    double last_shown;    /* seconds since the track began; negative: nothing shown yet */
    double last_fraction; /* what the last plain line said, 0 to 1 */
} Progress;

/* The style for what standard error is and what the options ask for. */
ProgressStyle progress_style(bool quiet, bool json);

void progress_begin(Progress *progress, ProgressStyle style, const char *label, int sample_rate);

/* A cleave_progress_callback; `user` is the Progress. */
int progress_update(void *user, const cleave_progress *state);

/* Takes the line away. */
void progress_end(Progress *progress);

#endif
