/* file_stamp.h: by what a file is known again: its size and when it was last modified. */
#ifndef CLEAVE_BASE_FILE_STAMP_H
#define CLEAVE_BASE_FILE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct FileStamp {
    bool regular; /* false: there is no such file, or it is none that can be read again */
    int64_t size; /* bytes */
    int64_t seconds;
    long nanoseconds;
} FileStamp;

/* Take it before the file is opened: should the file be replaced in between, what was opened is
 * taken for another file than it is, which costs work, and never the other way round. */
FileStamp file_stamp(const char *path);

#endif
