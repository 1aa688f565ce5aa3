/* output_file.h: a file that appears under its name whole or not at all. It is written in its own
 * folder, without a name or (if the system has no such files) under a temporary one, and then
 * renamed. A process that dies before output_file_prepare() leaves nothing of a file without a
 * name.
 *
 * In its other form it is a stream into a descriptor: bytes go out in order and once. The first
 * ones wait until output_file_release(), so that a header can still change; what is written over
 * after that is dropped. */
#ifndef CLEAVE_BASE_OUTPUT_FILE_H
#define CLEAVE_BASE_OUTPUT_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/path_format.h"

typedef struct OutputFile {
    int fd; /* -1: closed */
    char *path;
    char *temporary;  /* the name beside `path` that it has or will have; NULL once it is renamed */
    bool named;       /* it has the temporary name */
    size_t made_from; /* folders of `path` from this length on were made here; 0: none */
    int64_t position;
    int64_t size;
    int error; /* errno of the first write, seek or read that failed; 0 if none did */
    bool is_stream;
    const atomic_bool *cancel; /* of a stream: NULL, or what ends the waiting for its reader */
    unsigned char *held; /* of a stream: its first bytes, `size` of them; NULL once released */
    bool sealed;         /* of a stream: whatever is still written is dropped */
} OutputFile;

/* Makes the folders of `path` if they are missing, and the file: without a name if the system has
 * such files, else under a temporary one. */
cleave_status output_file_open(OutputFile *file, const char *path, cleave_error *error);

/* The same, with the temporary name in any case. */
cleave_status output_file_open_named(OutputFile *file, const char *path, cleave_error *error);

/* Removes temporary files of `path` that killed processes left behind. No other process may be
 * writing `path`. */
void output_file_remove_stale(const char *path);

/* A stream into a descriptor, which is borrowed. */
cleave_status output_file_open_stream(OutputFile *file, int fd, const atomic_bool *cancel,
                                      cleave_error *error);

/* The bytes of a stream that wait, for changes; *bytes is how many there are. */
unsigned char *output_file_held(OutputFile *file, int64_t *bytes);

/* Sends what waits; from now on bytes go out as they come. */
void output_file_release(OutputFile *file);

/* Drops all that is still written: encoders write when they are closed. */
void output_file_seal(OutputFile *file);

/* Both return the bytes moved; fewer only if file->error is set, or if a read meets the end. */
int64_t output_file_write(OutputFile *file, const void *data, int64_t bytes);
int64_t output_file_read(OutputFile *file, void *data, int64_t bytes);

/* Moves the position as lseek() does; returns the new one, or -1. */
int64_t output_file_seek(OutputFile *file, int64_t offset, int whence);

/* The error behind file->error; CLEAVE_OK: none. */
cleave_status output_file_check(const OutputFile *file, cleave_error *error);

/* Flushes to the disk; a file with a name is closed. For a stream, this and the next two are only
 * output_file_check(). */
cleave_status output_file_finish(OutputFile *file, cleave_error *error);

/* Gives a finished file its temporary name, if it has none yet, and checks that the file of the
 * final name, if there is one, can be replaced. */
cleave_status output_file_prepare(OutputFile *file, cleave_error *error);

/* Renames to the final name; prepares first if that was not done. */
cleave_status output_file_commit(OutputFile *file, cleave_error *error);

/* Frees; a file that was not committed is removed, with the folders made for it if they are empty.
 */
void output_file_close(OutputFile *file);

#endif
