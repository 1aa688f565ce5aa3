/* measuring.h: how far the measurement of a plan is: a line redrawn in place on a terminal, now and
 * then a plain line elsewhere; nothing where it takes less than two seconds. On standard error. */
#ifndef CLEAVE_CLI_MEASURING_H
#define CLEAVE_CLI_MEASURING_H

#include "options.h"
#include "progress.h"

typedef struct Measuring {
    ProgressStyle style;
    double last_shown; /* seconds since it began; 0: nothing shown yet */
} Measuring;

/* Has the settings tell `measuring`, which must stay until measuring_end(). */
void measuring_begin(Measuring *measuring, const Options *options,
                     cleave_separator_settings *settings);

/* Takes the line away. */
void measuring_end(Measuring *measuring);

#endif
