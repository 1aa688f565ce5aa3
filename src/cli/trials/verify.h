/* verify.h: what the files of `cleave verify` share: its modes, and what was found of each. */
#ifndef CLEAVE_CLI_VERIFY_H
#define CLEAVE_CLI_VERIFY_H

#include <stdbool.h>

#include "cleave/extra.h"
#include "cli/trials/trial_audio.h"
#include "cli/trials/trial_modes.h"
#include "cli/trials/verdict.h"

typedef struct VerifyResult {
    Mode mode;
    cleave_error error; /* status other than CLEAVE_OK: it did not run to its end */
    char kernels[32];   /* that were used; "" if the mode did not get that far */
    int compiled; /* 1: the whole graph was compiled; 0: op by op, also because compiling failed */
    int64_t fallback_ops;     /* that did not run on the device */
    cleave_comparison *stems; /* one for each stem of the network; NULL if it did not run */
    int worst;                /* the stem of the lowest SNR as judged */
    double snr; /* of that stem, as judged, in dB; -inf: the network's output was no number; NaN:
                   the mode did not run */
} VerifyResult;

typedef struct VerifyOptions {
    TrialOptions trial; /* first */
    double min_snr;     /* dB */
} VerifyOptions;

typedef struct Verify {
    const VerifyOptions *options;
    cleave_model_info model;
    TrialAudio trial;
    char simulated[MODES_SIMULATED_SIZE]; /* as in ModeList */
    VerifyResult *results;
    int count;
} Verify;

/* Whether a mode reaches --min-snr. A mode that did not run does not. */
bool verify_passed(const Verify *verify, const VerifyResult *result);

/* Standard output: the table with its conclusion, or JSON. */
void verify_print(const Verify *verify);
void verify_print_json(const Verify *verify);

#endif
