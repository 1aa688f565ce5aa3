/* score.h: scores as text and as JSON, and their mean; shared by `score` and `separate --score`. */
#ifndef CLEAVE_CLI_SCORE_H
#define CLEAVE_CLI_SCORE_H

#include <stdbool.h>

#include "cleave/extra.h"
#include "cli/console/text.h"

/* Scores one pair of files, and warns if they differ in length. False after a failure, which is
 * said and in `error`. */
bool score_pair(const char *reference, const char *estimate, cleave_score *score,
                cleave_error *error);

/* "8.12", "inf", or "n/a" where undefined. */
ShortText score_text(double decibels);

/* A mean over the scores that are defined. */
typedef struct ScoreMean {
    double sum;
    int count;
} ScoreMean;

void score_mean_add(ScoreMean *mean, double decibels);
double score_mean(const ScoreMean *mean); /* NaN of nothing */

#endif
