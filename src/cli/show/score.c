/* score.c: scores of files, which the library computes, as text and as a mean. */
#include "cli/show/score.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cleave/extra.h"
#include "cli/console/message.h"

bool score_pair(const char *reference, const char *estimate, cleave_score *score,
                cleave_error *error) {
    if (cleave_score_files(reference, estimate, score, error) != CLEAVE_OK) {
        message_error("%s", error->text);
        return false;
    }
    if (score->length_difference != 0)
        message_warning("%s: %" PRId64 " samples %s than %s; what both have was compared", estimate,
                        score->length_difference < 0 ? -score->length_difference
                                                     : score->length_difference,
                        score->length_difference < 0 ? "shorter" : "longer", reference);
    return true;
}

ShortText score_text(double decibels) {
    ShortText result = {"n/a"};
    if (isinf(decibels))
        snprintf(result.text, sizeof result.text, "%s", decibels > 0 ? "inf" : "-inf");
    else if (!isnan(decibels))
        snprintf(result.text, sizeof result.text, "%.2f", decibels);
    return result;
}

void score_mean_add(ScoreMean *mean, double decibels) {
    if (isnan(decibels))
        return;
    mean->sum += decibels;
    mean->count++;
}

double score_mean(const ScoreMean *mean) {
    return mean->count > 0 ? mean->sum / mean->count : (double)NAN;
}
