/* verify.h: what the files of `cleave verify` share: its modes, and what was found of each. */
#ifndef CLEAVE_CLI_VERIFY_H
#define CLEAVE_CLI_VERIFY_H

#include <stdbool.h>

#include "options.h"
#include "verdict.h"

/* One way to run the network. */
typedef struct VerifyMode {
    char name[64]; /* "cpu bf16 compiled" */
    char device[32];
    cleave_precision precision;
    int compile;
} VerifyMode;

typedef struct VerifyResult {
    VerifyMode mode;
    cleave_error error; /* status other than CLEAVE_OK: it did not run to its end */
    char kernels[32];   /* that were used; "" where it did not come to that */
    int compiled; /* 1: the whole graph was; 0: op by op, which a compilation that fails comes down
                     to */
    int64_t degraded_ops;     /* that did not run on the device */
    cleave_comparison *stems; /* one per stem of the network; NULL where it did not run */
    int worst;                /* the stem of the lowest SNR as judged */
    double snr;               /* of that stem, as judged, in dB; -inf where the network's output
                                 was no number; NaN where the mode did not run */
} VerifyResult;

typedef struct Verify {
    const Options *options;
    cleave_model_info model;
    const char *input; /* as given; NULL: generated audio */
    cleave_audio audio;
    VerifyResult *results;
    int count;
} Verify;

/* Lists the modes that the options ask for, but for the reference itself, into verify->results
 * (zeroed but for the mode); devices in the order in which they are named, or found. */
void verify_list_modes(Verify *verify);

/* The reference: f32 on the CPU, op by op. */
VerifyMode verify_reference(void);

const char *verify_precision(cleave_precision precision); /* "f32" */

/* Whether a mode reaches --min-snr; one that did not run does not. */
bool verify_passed(const Verify *verify, const VerifyResult *result);

/* Standard output: the table with its conclusion, or JSON. */
void verify_print(const Verify *verify);
void verify_print_json(const Verify *verify);

#endif
