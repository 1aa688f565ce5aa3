/* input_file.h: a file opened for reading, from which all decoders read. The size of a regular file
 * is the one that it had when it was opened, so that a growing file has the same length in every
 * pass. A pipe or a device is a stream: its size is unknown, and only its first bytes can be read
 * twice, until it is spooled. */
#ifndef CLEAVE_AUDIO_INPUT_INPUT_FILE_H
#define CLEAVE_AUDIO_INPUT_INPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audio/input/input_stream.h"
#include "base/error.h"
#include "base/path_format.h"

#define OVERLAY_CAPACITY 8

typedef struct InputFile {
    int fd;              /* -1: closed */
    char *path;          /* as messages name it: "standard input" for "-" */
    InputStream *stream; /* NULL: a regular file */
    int64_t base;        /* where the file begins within the descriptor's bytes */
    int64_t size;        /* INT64_MAX with a stream */
    int64_t position;
    int error;   /* errno of a read that failed; 0 if none did */
    bool shrunk; /* a read found the file shorter than it was when it was opened */
    /* Bytes that decoders see in place of the file's, where a length in a header would mislead
     * them. overlay_size 0: none. */
    unsigned char overlay[OVERLAY_CAPACITY];
    int64_t overlay_offset;
    size_t overlay_size;
} InputFile;

/* Opens a regular file that is not empty, a pipe or a character device; "-" is standard input,
 * which stays open when the file is closed. Does not block. */
cleave_status input_file_open(InputFile *file, const char *path, cleave_error *error);
void input_file_close(InputFile *file);

/* Copies a stream, of which no byte is lost yet, into a temporary file without a name, in TMPDIR or
 * else /tmp: all of it, or (head_only) the bytes that are kept already. `file` must be closed
 * afterwards; a whole copy leaves nothing to read in it. */
cleave_status input_file_spool(InputFile *file, InputFile *copy, bool head_only,
                               cleave_error *error);

/* Reads at the position, which moves on. Returns the bytes read, fewer only at the end of the file
 * (of a stream whenever fewer are there, but 0 at the end only), or -1 (file->error is set). */
int64_t input_file_read(InputFile *file, void *buffer, int64_t bytes);

/* Reads the file's own bytes (no overlay) at an offset; the position stays. Of a stream only what
 * lies among the first INPUT_STREAM_KEPT bytes, while none are lost. */
int64_t input_file_read_at(InputFile *file, int64_t offset, void *buffer, int64_t bytes);

/* Why reading failed, for error texts; NULL: it did not. */
const char *input_file_failure(const InputFile *file);

/* Moves the position as lseek() does; returns the new one, or -1 where it would be negative. A
 * position where a stream cannot go reads as its end. */
int64_t input_file_seek(InputFile *file, int64_t offset, int whence);

#endif
