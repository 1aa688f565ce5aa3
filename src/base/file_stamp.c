/* file_stamp.c: see file_stamp.h. */
#include "base/file_stamp.h"

#include <sys/stat.h>

#ifdef __APPLE__
#define MODIFIED(status) ((status).st_mtimespec)
#else
#define MODIFIED(status) ((status).st_mtim)
#endif

FileStamp file_stamp(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return (FileStamp){0};
    return (FileStamp){true, (int64_t)status.st_size, (int64_t)MODIFIED(status).tv_sec,
                       (long)MODIFIED(status).tv_nsec};
}
