/* trial_modes.h: the modes in which a command runs a network: device, precision, compiled or op by
 * op. */
#ifndef CLEAVE_CLI_TRIAL_MODES_H
#define CLEAVE_CLI_TRIAL_MODES_H

#include <stdbool.h>

#include "cli/trials/trial_options.h"

#define MODES_SIMULATED_SIZE 128

typedef struct Mode {
    char name[64]; /* "cpu bf16 compiled" */
    char device[32];
    cleave_precision precision;
    int compile;
    int simulated; /* 1: of a simulated device; see cleave_device_info */
} Mode;

typedef struct ModeList {
    Mode *items;
    int count;
    char
        simulated[MODES_SIMULATED_SIZE]; /* simulated devices among them, "mps, cuda:0"; "": none */
} ModeList;

/* Which modes of a device are listed if the options do not say. */
typedef enum ModeDefaults {
    MODES_THAT_RUN, /* all that give a result of their own; the CPU can round to any precision */
    MODES_THAT_GAIN /* f32, and what the device has instructions for */
} ModeDefaults;

/* The modes that the options ask for, with the devices in the order in which they are named or
 * found. Free `items`. */
ModeList modes_list(const TrialOptions *options, ModeDefaults defaults);

Mode mode_of(const char *device, cleave_precision precision, int compile);

/* The mode that all others are compared with: f32 on the CPU, op by op. */
Mode mode_reference(void);

/* Makes the settings ask for the mode, and for its device only. */
void mode_apply(const Mode *mode, cleave_separator_settings *settings);

bool mode_equal(const Mode *a, const Mode *b);

const char *mode_precision(cleave_precision precision); /* "f32" */

#endif
