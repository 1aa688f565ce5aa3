/* fingerprint.h: what decides the bits of a track's stems, as text. */
#ifndef CLEAVE_SEPARATE_FINGERPRINT_H
#define CLEAVE_SEPARATE_FINGERPRINT_H

#include "separate/separator.h"

/* Describes the input and the model (by their stamps, the input's given), how it is read, the
 * settings and the stems of a job. Neither threads nor batch are in it: the bits do not depend on
 * them. An input that is no regular file cannot be described: CLEAVE_ERROR_ARGUMENT. */
cleave_status fingerprint_describe(char *text, size_t size, const cleave_separator *separator,
                                   const DemixJob *job, const char *input, const FileStamp *stamp,
                                   const cleave_file_settings *reading, cleave_error *error);

#endif
