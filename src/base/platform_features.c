/* platform_features.c: see platform.h. What several systems have and others lack, and whose own
 * macros tell: which system it is compiled for does not matter. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#ifdef __ELF__
#include <elf.h>
#include <link.h>
#endif

#include "base/platform.h"

#define THREAD_STACK ((size_t)8 << 20)

/* ---- Threads ---- */

/* glibc takes the size from `ulimit -s`; other libraries have less: macOS's 512 KiB, musl 128. */
int platform_start_thread(pthread_t *thread, void *(*run)(void *argument), void *argument) {
#ifdef __GLIBC__
    return pthread_create(thread, NULL, run, argument);
#else
    pthread_attr_t attributes;
    int number = pthread_attr_init(&attributes);
    if (number != 0)
        return number;
    number = pthread_attr_setstacksize(&attributes, THREAD_STACK);
    if (number == 0)
        number = pthread_create(thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    return number;
#endif
}

/* ---- Files ---- */

/* Disks of other makes and shares in the network have no F_FULLFSYNC. */
static int flush(int fd) {
#ifdef F_FULLFSYNC
    if (fcntl(fd, F_FULLFSYNC) != -1)
        return 0;
#endif
    return fsync(fd);
}

int platform_sync(int fd) {
    int result;
    do {
        result = flush(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno;
}

#ifdef O_TMPFILE

/* The path to an open file, through which it can be given a name without privileges. */
#define FD_PATH_SIZE 40

static void fd_path(int fd, char path[FD_PATH_SIZE]) {
    snprintf(path, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
}

int platform_open_nameless(const char *folder, mode_t mode) {
    int fd;
    do {
        fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* /proc need not be mounted. */
bool platform_can_name(int fd) {
    char path[FD_PATH_SIZE];
    struct stat opened;
    struct stat found;
    fd_path(fd, path);
    return fstat(fd, &opened) == 0 && stat(path, &found) == 0 && opened.st_dev == found.st_dev &&
           opened.st_ino == found.st_ino;
}

bool platform_give_name(int fd, const char *path) {
    char from[FD_PATH_SIZE];
    fd_path(fd, from);
    return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

#else

int platform_open_nameless(const char *folder, mode_t mode) {
    (void)folder;
    (void)mode;
    errno = ENOTSUP;
    return -1;
}

bool platform_can_name(int fd) {
    (void)fd;
    return false;
}

bool platform_give_name(int fd, const char *path) {
    (void)fd;
    (void)path;
    errno = ENOTSUP;
    return false;
}

#endif

/* ---- Shared objects ---- */

#ifdef ElfW
bool platform_holds_segments(FILE *file, int64_t size) {
    ElfW(Ehdr) header;
    if (fread(&header, sizeof(header), 1, file) != 1)
        return false;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(ElfW(Phdr)))
        return true; /* no such object at all: for dlopen() to say */
    for (unsigned i = 0; i < header.e_phnum; i++) {
        ElfW(Phdr) segment;
        int64_t offset = (int64_t)header.e_phoff + (int64_t)i * (int64_t)sizeof(segment);
        if (fseeko(file, offset, SEEK_SET) != 0 || fread(&segment, sizeof(segment), 1, file) != 1)
            return false;
        if (segment.p_type == PT_LOAD && (segment.p_filesz > (uint64_t)size ||
                                          segment.p_offset > (uint64_t)size - segment.p_filesz))
            return false;
    }
    return true;
}
#else
bool platform_holds_segments(FILE *file, int64_t size) {
    (void)file;
    (void)size;
    return true;
}
#endif
