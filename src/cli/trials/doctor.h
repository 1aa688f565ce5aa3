/* doctor.h: what the files of `cleave doctor` share. */
#ifndef CLEAVE_CLI_DOCTOR_H
#define CLEAVE_CLI_DOCTOR_H

#include <stdbool.h>

#include "cleave/extra.h"
#include "cli/options/model_options.h"

#define DOCTOR_FINDINGS_MAX 192 /* of a topic */

/* A separation of two seconds on one device. */
typedef struct Trial {
    char device[32];
    bool good;
    char *reason;   /* why not, or NULL */
    double seconds; /* that it took; 0 where it did not come to its end */
    double snr; /* dB, against f32 on the CPU, op by op; NaN where there is nothing to compare */
} Trial;

typedef struct DoctorOptions {
    CommandLine line; /* first */
    ModelOptions model;
} DoctorOptions;

typedef struct Doctor {
    const DoctorOptions *options;
    cleave_finding *findings[CLEAVE_TOPICS];
    int finding_counts[CLEAVE_TOPICS];
    cleave_device_info *devices;
    int device_count;
    cleave_device_choice choice; /* what "auto" takes; an empty id: nothing */
    char *model;                 /* as shown; NULL: the library's sample */
    Trial *trials;
    int trial_count;
    int failures; /* kernels and trials */
} Doctor;

/* Runs the trials. Returns false after a signal. */
bool doctor_separate(Doctor *doctor);

/* Text in which the user's home folder is "~": what is pasted into a bug report need not tell a
 * name. The caller's. */
char *doctor_without_home(const char *text);

/* Standard output: the page, or JSON. */
void doctor_print(const Doctor *doctor);
void doctor_print_json(const Doctor *doctor);

#endif
