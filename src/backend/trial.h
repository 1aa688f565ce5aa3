/* trial.h: whether a device can be trusted whose software ends the process over most faults, so
 * that nothing is left to tell of them. So before "auto" takes it for the first time, a program is
 * started that computes a small network on it, in each precision, and says how near that comes to
 * what the CPU computes. What came of it is kept in the user's cache folder, for a version of
 * cleave, a build of the system, and a device: cleave trial 0.1.0 of mps Apple M1, macOS 14.5,
 * build 23F79 good check 0123456789abcdef or "bad: REASON". A file is as good as what was found, or
 * it is not used: it must be, byte by byte, what would be written for what it says. Who starts that
 * program is told by cleave_trial_main() in cleave/extra.h. */
#ifndef CLEAVE_BACKEND_TRIAL_H
#define CLEAVE_BACKEND_TRIAL_H

#include <stdbool.h>

#include "base/child.h"
#include "cleave.h"

/* What a program is called with: PROGRAM TRIAL_OPTION DEVICE VERSION. */
#define TRIAL_OPTION "--cleave-trial"

/* What it prints: tenths of dB, for f32 and f16. */
#define TRIAL_RESULT "cleave trial: f32 %d, f16 %d\n"

#define TRIAL_SECONDS 60 /* that it may take */

/* In dB, against the CPU in f32. f32 must be what nobody hears. Rounding operands to f16 costs this
 * network all beyond 59 dB where every sum is exact: 20 dB are left for sums that are not, and what
 * is computed wrongly does not come near that. */
#define TRIAL_SNR_F32 60.0
#define TRIAL_SNR_F16 40.0

typedef enum TrialOutcome {
    TRIAL_GOOD,
    TRIAL_BAD,
    TRIAL_UNKNOWN /* there was nothing to try it with, or it could not be started */
} TrialOutcome;

typedef struct TrialVerdict {
    TrialOutcome outcome;
    bool kept;        /* it was found before, and read */
    char reason[200]; /* of what is not good, in words that follow "it is not available: " */
} TrialVerdict;

/* What is known of the device, or else what a trial finds. Of what is not good `anew` makes a new
 * trial. Takes some seconds, TRIAL_SECONDS at most. CLEAVE_TRIAL=skip in the environment is for
 * those who look for the fault: every device is good then. */
void trial_ask(const cleave_device_info *device, bool anew, TrialVerdict *verdict);

/* The program that is started; "": none, NULL: as at the start, that of the same installation. */
void trial_set_program(const char *path);

/* In a program that makes the trial: nothing is tried, and every device is good. */
void trial_trust_all(void);

/* What a program's end means. */
void trial_judge(const ChildResult *result, double seconds, TrialVerdict *verdict);

/* The text that is kept of a verdict, to be freed; NULL where memory ran out. */
char *trial_text(const cleave_device_info *device, const TrialVerdict *verdict);

/* What such a text says; false where it is none for this device. */
bool trial_parse(const cleave_device_info *device, const char *text, TrialVerdict *verdict);

#endif
