/* doctor.h: what the parts of `cleave doctor` share. */
#ifndef CLEAVE_CLI_DOCTOR_H
#define CLEAVE_CLI_DOCTOR_H

#include "cli/console/json.h"
#include "cli/options/model_options.h"

typedef struct DoctorOptions {
    CommandLine line; /* first */
    ModelOptions model;
} DoctorOptions;

/* Separates on each available device of `devices`, a list of device_json(). Returns "separation" of
 * the report; after a signal it is not complete. */
json_t *doctor_separate(const DoctorOptions *options, const json_t *devices);

/* Prints the page on standard output. */
void doctor_print(json_t *report);

#endif
