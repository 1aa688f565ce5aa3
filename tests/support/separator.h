/* separator.h: models of the test data and separators, opened where a test cannot go on without. */
#ifndef CLEAVE_TESTS_SUPPORT_SEPARATOR_H
#define CLEAVE_TESTS_SUPPORT_SEPARATOR_H

#include "cleave.h"

/* Each of these fails the test, with the error's text, where it cannot be done. */
void must(cleave_status status, const cleave_error *error);
cleave_model *must_open_model(const char *name); /* below tests/data */
cleave_separator *must_open_separator(const cleave_model *model,
                                      const cleave_separator_settings *settings);

/* Noise within ±0.5, the same for each call. */
void make_noise(float *samples, size_t count);

#endif
