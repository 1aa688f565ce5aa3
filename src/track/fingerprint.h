/* fingerprint.h: what decides the bits of a track's stems, as text. */
#ifndef CLEAVE_TRACK_FINGERPRINT_H
#define CLEAVE_TRACK_FINGERPRINT_H

#include "session/separator.h"
#include "stream/demix.h"

/* Describes the input and how it is read, the model, the settings, and a job's stems. Input and
 * model are described by the stamps of their files. Threads and batch are left out, since the bits
 * do not depend on them. CLEAVE_ERROR_ARGUMENT: the input is no regular file. */
cleave_status fingerprint_describe(char *text, size_t size, const cleave_separator *separator,
                                   const DemixJob *job, const char *input, const FileStamp *stamp,
                                   const cleave_file_settings *reading, cleave_error *error);

#endif
