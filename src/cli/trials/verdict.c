/* verdict.c: turns figures of a comparison into a verdict. */
#include "cli/trials/verdict.h"
#include "cleave/extra.h"

#include <math.h>

int verdict_is_silent(const cleave_comparison *comparison) {
    return comparison->level < SILENT_LEVEL;
}

double verdict_snr(const cleave_comparison *comparison) {
    if (comparison->not_numbers > 0)
        return -INFINITY;
    return verdict_is_silent(comparison) ? SILENT_AS_LEVEL - comparison->error_level
                                         : comparison->snr;
}

Verdict verdict_of(double snr) {
    if (snr >= TRANSPARENT_SNR)
        return VERDICT_TRANSPARENT;
    return snr >= BROKEN_SNR ? VERDICT_AUDIBLE : VERDICT_BROKEN;
}

const char *verdict_name(Verdict verdict) {
    static const char *const names[] = {"transparent", "audible", "broken"};
    return names[verdict];
}
