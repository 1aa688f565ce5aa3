/* file_stamp.h: the size and the time of modification by which a file is recognised. */
#ifndef CLEAVE_BASE_FILE_STAMP_H
#define CLEAVE_BASE_FILE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct FileStamp {
    bool regular; /* false: missing, or not re-readable (a pipe, a device) */
    int64_t size; /* bytes */
    int64_t seconds;
    long nanoseconds;
} FileStamp;

/* Take it before the file is opened. If the file is replaced in between, the stamp is too old, and
 * the new file is taken for a changed one: that costs work, but is never wrong. */
FileStamp file_stamp(const char *path);

#endif
