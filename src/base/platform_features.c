/* platform_features.c: what some systems have and others lack, as the macros of each feature say.
 * It does not ask for which system it is compiled. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
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

/* ---- Programs ---- */

#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
#define HAVE_CLOSE_FROM 1
#endif
#endif

/* Else those that were not opened with O_CLOEXEC, as all of cleave's are, are inherited. */
static int close_others(posix_spawn_file_actions_t *files) {
#ifdef HAVE_CLOSE_FROM
    return posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
#else
    (void)files;
    return 0;
#endif
}

static int name_files(posix_spawn_file_actions_t *files, int output) {
    int number = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (number == 0)
        number = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
    if (number == 0)
        number = posix_spawn_file_actions_adddup2(files, output, STDERR_FILENO);
    return number == 0 ? close_others(files) : number;
}

static int name_attributes(posix_spawnattr_t *attributes) {
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t signals;
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
    sigemptyset(&signals);
    int number = posix_spawnattr_setsigmask(attributes, &signals);
    sigfillset(&signals);
    sigdelset(&signals, SIGKILL);
    sigdelset(&signals, SIGSTOP);
    if (number == 0)
        number = posix_spawnattr_setsigdefault(attributes, &signals);
    if (number == 0)
        number = posix_spawnattr_setpgroup(attributes, 0);
    return number == 0 ? posix_spawnattr_setflags(attributes, flags) : number;
}

int platform_spawn(pid_t *child, const char *program, char *const *arguments, int output) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&files);
    if (number != 0)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        number = name_files(&files, output);
        if (number == 0)
            number = name_attributes(&attributes);
        if (number == 0)
            number =
                posix_spawn(child, program, &files, &attributes, arguments, platform_environment());
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return number;
}

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
