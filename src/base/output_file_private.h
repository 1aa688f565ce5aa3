/* output_file_private.h: what the four files of OutputFile ask of each other: output_file.c (bytes,
 * and the end) calls output_name.c (temporary names) and output_stream.c (descriptors), and all of
 * them output_failure.c (errors). */
#ifndef CLEAVE_BASE_OUTPUT_FILE_PRIVATE_H
#define CLEAVE_BASE_OUTPUT_FILE_PRIVATE_H

#include "base/output_file.h"

/* The error behind an errno; `task` such as "cannot write". */
cleave_status output_failed(const char *task, const char *path, int number, cleave_error *error);
cleave_status output_stream_failed(int number, cleave_error *error);

/* Makes the folder of the file's path if it is missing. */
cleave_status output_make_folder(OutputFile *file, cleave_error *error);

/* Checks that the path names a file, and that no folder or device has that name. */
cleave_status output_check_target(const char *path, cleave_error *error);

/* Opens a file without a name; false if that is not possible, for whatever reason: a file with a
 * temporary name is tried next, and fails for the same reason. */
bool output_create_nameless(OutputFile *file);

/* Opens a file with a temporary name. */
cleave_status output_create_named(OutputFile *file, cleave_error *error);

/* Gives a file without a name a temporary one. */
cleave_status output_give_name(OutputFile *file, cleave_error *error);

/* output_file_write() of a stream. */
int64_t output_stream_write(OutputFile *file, const void *data, int64_t bytes);

#endif
