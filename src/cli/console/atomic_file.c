/* atomic_file.c: a temporary file that is renamed when it is complete. Audio files are the
 * library's. */
#include "cli/console/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/platform.h"
#include "cli/console/allocate.h"

/* "." where the path has no folder. */
static char *atomic_file_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return copy_text(".");
    return copy_bytes(path, slash == path ? 1 : (size_t)(slash - path));
}

int atomic_file_check(const char *path) {
    struct stat status;
    if (stat(path, &status) == 0)
        return S_ISDIR(status.st_mode) ? EISDIR : S_ISREG(status.st_mode) ? 0 : EINVAL;
    char *folder = atomic_file_folder(path);
    while (stat(folder, &status) != 0 && errno == ENOENT && strcmp(folder, ".") != 0) {
        char *above = atomic_file_folder(folder);
        free(folder);
        folder = above;
    }
    int number = access(folder, W_OK | X_OK) == 0 ? 0 : errno;
    if (number == 0 && stat(folder, &status) == 0 && !S_ISDIR(status.st_mode))
        number = ENOTDIR;
    free(folder);
    return number;
}

static int atomic_file_make_folders(const char *path) {
    char *part = copy_text(path);
    int number = 0;
    for (char *slash = strchr(part + 1, '/'); slash != NULL && number == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST && errno != EISDIR)
            number = errno;
        *slash = '/';
    }
    free(part);
    return number;
}

/* -1 where the system has no files without names there. */
static int atomic_file_open_nameless(const char *path) {
    char *folder = atomic_file_folder(path);
    int fd = platform_open_nameless(folder, 0666);
    free(folder);
    if (fd >= 0 && !platform_can_name(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

int atomic_file_open(AtomicFile *file, const char *path) {
    *file = (AtomicFile){.path = path};
    int number = atomic_file_make_folders(path);
    if (number != 0)
        return number;
    file->temporary = format_text("%s.%ld.tmp", path, (long)getpid());
    int fd = atomic_file_open_nameless(path);
    if (fd < 0) {
        fd = open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        file->named = fd >= 0;
    }
    if (fd >= 0)
        file->stream = fdopen(fd, "w");
    if (file->stream != NULL)
        return 0;
    number = errno;
    if (fd >= 0)
        close(fd);
    atomic_file_close(file, false);
    return number;
}

/* Returns 0 or an errno. A write may have failed long ago; its errno is lost then. */
static int atomic_file_complete(AtomicFile *file) {
    errno = 0;
    if (fflush(file->stream) != 0 || ferror(file->stream))
        return errno != 0 ? errno : EIO;
    int number = platform_sync(fileno(file->stream));
    if (number != 0)
        return number;
    if (!file->named && !platform_give_name(fileno(file->stream), file->temporary))
        return errno;
    file->named = true;
    return rename(file->temporary, file->path) == 0 ? 0 : errno;
}

int atomic_file_close(AtomicFile *file, bool keep) {
    int number = keep ? atomic_file_complete(file) : 0;
    if (file->stream != NULL)
        fclose(file->stream);
    if (file->named && (!keep || number != 0))
        unlink(file->temporary);
    free(file->temporary);
    *file = (AtomicFile){.stream = NULL};
    return number;
}
