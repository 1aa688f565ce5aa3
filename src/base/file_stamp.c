/* file_stamp.c: what stat() says of a file. */
#include "base/file_stamp.h"

#include <sys/stat.h>

#include "base/platform.h"

FileStamp file_stamp(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return (FileStamp){0};
    struct timespec modified = platform_modified(&status);
    return (FileStamp){true, (int64_t)status.st_size, (int64_t)modified.tv_sec,
                       (long)modified.tv_nsec};
}
