/* input_file.h: a regular file opened for reading, with a position of its own, from which every
 * decoder reads. Its size is the one it had when it was opened, so that a file that grows meanwhile
 * has the same length in every pass. */
#ifndef CLEAVE_AUDIO_INPUT_FILE_H
#define CLEAVE_AUDIO_INPUT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/path_format.h"

#define OVERLAY_CAPACITY 8

typedef struct InputFile {
    int fd; /* -1: closed */
    char *path;
    int64_t size;
    int64_t position;
    int error; /* errno of a read that failed; 0 if none did */
    /* Bytes that decoders see in place of the file's, where a length in a header would mislead
     * them. overlay_size 0: none. */
    unsigned char overlay[OVERLAY_CAPACITY];
    int64_t overlay_offset;
    size_t overlay_size;
} InputFile;

/* Opens a regular file that is not empty; the error says why it cannot. */
cleave_status input_file_open(InputFile *file, const char *path, cleave_error *error);
void input_file_close(InputFile *file);

/* Reads at the position, which moves on. Returns the bytes read, fewer only at the end of the file,
 * or -1 (file->error is set). */
int64_t input_file_read(InputFile *file, void *buffer, int64_t bytes);

/* Reads the file's own bytes (no overlay) at an offset; the position stays. */
int64_t input_file_read_at(InputFile *file, int64_t offset, void *buffer, int64_t bytes);

/* Moves the position as lseek() does; returns the new one, or -1 where it would be negative. */
int64_t input_file_seek(InputFile *file, int64_t offset, int whence);

#endif
