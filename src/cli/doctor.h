/* doctor.h: what the files of `cleave doctor` share: its report, which is the object that --json
 * prints and from which the page is made. */
#ifndef CLEAVE_CLI_DOCTOR_H
#define CLEAVE_CLI_DOCTOR_H

#include "json.h"
#include "options.h"

/* Separates on each available device of `devices`, a list of device_json(). Returns "separation" of
 * the report; after a signal it is not complete. */
json_t *doctor_separate(const Options *options, const json_t *devices);

/* Prints the page on standard output. */
void doctor_print(json_t *report);

#endif
