/* verdict.h: what the figures of a comparison mean to a listener. `cleave verify --help` gives the
 * reasons for the thresholds. */
#ifndef CLEAVE_CLI_VERDICT_H
#define CLEAVE_CLI_VERDICT_H

#include "cleave/extra.h"

#define VERIFY_SECONDS 20
#define VERIFY_MIN_SNR 20.0

#define TRANSPARENT_SNR 60.0     /* dB and more */
#define BROKEN_SNR      20.0     /* dB, less than this */
#define SILENT_LEVEL    (-100.0) /* dBFS RMS: a stem below this is silent, */
#define SILENT_AS_LEVEL (-40.0)  /* and its error is judged as if the stem were at this level */

typedef enum Verdict { VERDICT_TRANSPARENT, VERDICT_AUDIBLE, VERDICT_BROKEN } Verdict;

/* Whether the reference is too quiet for an SNR. */
int verdict_is_silent(const cleave_comparison *comparison);

/* The SNR in dB by which a stem is judged: its own, or if it is silent, one that follows from the
 * level of its error. Never NaN. */
double verdict_snr(const cleave_comparison *comparison);

Verdict verdict_of(double snr);

/* "transparent", "audible" or "broken". */
const char *verdict_name(Verdict verdict);

#endif
