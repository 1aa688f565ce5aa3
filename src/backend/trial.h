/* trial.h: whether a device can be trusted. The software of some devices ends the process over most
 * faults, so nothing would be left to report them. So before "auto" takes such a device for the
 * first time, a program is started that computes a small network on it, in each precision, and says
 * how near the result is to the CPU's (cleave_trial_main() in cleave/extra.h).
 *
 * The verdict is kept in the user's cache folder, for a version of cleave, a build of the system
 * and a device, as four lines:
 *
 *   cleave trial 0.1.0 of mps
 *   Apple M1, macOS 14.5, build 23F79
 *   good                               (or "bad: REASON")
 *   check 0123456789abcdef
 *
 * A file is used only if it is byte by byte what would be written for what it says. */
#ifndef CLEAVE_BACKEND_TRIAL_H
#define CLEAVE_BACKEND_TRIAL_H

#include <stdbool.h>

#include "base/child.h"
#include "cleave.h"

/* The program is called as PROGRAM TRIAL_OPTION DEVICE VERSION. */
#define TRIAL_OPTION "--cleave-trial"

/* It prints tenths of dB, for f32 and f16. */
#define TRIAL_RESULT "cleave trial: f32 %d, f16 %d\n"

#define TRIAL_SECONDS 60 /* that it may take at most */

/* In dB, against the CPU in f32. In f32 no difference may be heard. With operands rounded to f16
 * and exact sums, this network reaches 59 dB: 20 dB are left for sums that are not exact. Wrong
 * computation does not come near either bound. */
#define TRIAL_SNR_F32 60.0
#define TRIAL_SNR_F16 40.0

typedef enum TrialOutcome {
    TRIAL_GOOD,
    TRIAL_BAD,
    TRIAL_UNKNOWN /* no program to try it with, or it could not be started */
} TrialOutcome;

typedef struct TrialVerdict {
    TrialOutcome outcome;
    bool kept;        /* found in an earlier process, and read from its file */
    char reason[200]; /* if not good: follows "it is not available: " */
} TrialVerdict;

/* The kept verdict of a device, or else that of a new trial. `anew`: a verdict that is not good is
 * not believed, but tried again. Takes some seconds, TRIAL_SECONDS at most. With CLEAVE_TRIAL=skip
 * in the environment, for looking for the fault, every device is good. */
void trial_ask(const cleave_device_info *device, bool anew, TrialVerdict *verdict);

/* The program that is started. "": none. NULL, as at first: that of the same installation. */
void trial_set_program(const char *path);

/* For the program that makes the trial: nothing is tried, and every device is good. */
void trial_trust_all(void);

/* The verdict from how the program ended. */
void trial_judge(const ChildResult *result, double seconds, TrialVerdict *verdict);

/* The text that is kept of a verdict, to be freed; NULL if memory ran out. */
char *trial_text(const cleave_device_info *device, const TrialVerdict *verdict);

/* Reads such a text; false if it is not one of this device. */
bool trial_parse(const cleave_device_info *device, const char *text, TrialVerdict *verdict);

#endif
