/* output_file.c: see output_file.h. */
#include "base/output_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/platform.h"

/* The longest part of a name that its temporary name repeats: together they stay below the 255
 * bytes that file systems allow. */
#define NAME_PART 200

#define NAME_ATTEMPTS 100

static const char *advice_for(int number) {
    switch (number) {
    case ENOSPC:
        return "free some space or choose another folder";
#ifdef EDQUOT
    case EDQUOT:
        return "free some of your quota or choose another folder";
#endif
    case EFBIG:
        return "raise the limit on the size of files, or choose a smaller format such as FLAC";
    case EACCES:
    case EPERM:
    case EROFS:
        return "choose a folder that you may write to";
    case ENAMETOOLONG:
        return "choose a shorter name";
    case ENOTDIR:
        return "a part of the path is a file; choose another folder";
    case EMFILE:
    case ENFILE:
        return "close other programs or raise the limit on open files";
    default:
        return "choose another folder";
    }
}

static const char *reason_for(int number) {
    return number == ENOSPC ? "disk full" : strerror(number);
}

static cleave_status fail(const char *what, const char *path, int number, cleave_error *error) {
    if (number == ENOMEM)
        return error_memory(error, "a path", strlen(path) + 1);
    return error_set(error, CLEAVE_ERROR_OUTPUT, "%s: " PATH_FORMAT ": %s; %s", what, path,
                     reason_for(number), advice_for(number));
}

static cleave_status stream_failed(int number, cleave_error *error) {
    if (number == ECANCELED)
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    if (number == EPIPE)
        return error_set(error, CLEAVE_ERROR_OUTPUT,
                         "cannot write: the reader of standard output went away; look at the "
                         "program that should read it");
    return error_set(error, CLEAVE_ERROR_OUTPUT,
                     "cannot write: standard output: %s; name an output folder instead",
                     reason_for(number));
}

static cleave_status make_folder_of(OutputFile *file, cleave_error *error) {
    char *folder = folder_of(file->path);
    if (!folder)
        return error_memory(error, "a path", strlen(file->path) + 1);
    size_t made_from = 0;
    int number = folder_make(folder, &made_from);
    if (made_from > 0 && (file->made_from == 0 || made_from < file->made_from))
        file->made_from = made_from;
    cleave_status status =
        number == 0 ? CLEAVE_OK : fail("cannot make the output folder", folder, number, error);
    free(folder);
    return status;
}

/* ---- The temporary file ---- */

static cleave_status check_target(const char *path, cleave_error *error) {
    size_t length = strlen(path);
    if (length == 0 || path[length - 1] == '/')
        return error_set(error, CLEAVE_ERROR_OUTPUT,
                         "cannot write: \"" PATH_FORMAT "\": not the name of a file; add one",
                         path);
    struct stat status;
    if (stat(path, &status) != 0)
        return errno == ENOENT ? CLEAVE_OK : fail("cannot write", path, errno, error);
    if (S_ISREG(status.st_mode))
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_OUTPUT,
                     "cannot write: " PATH_FORMAT ": %s of that name is in the way; choose another "
                     "folder or name",
                     path, S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
}

/* A number that differs between processes, between files and between attempts. It need not be
 * unpredictable: O_EXCL refuses a name that is taken. */
static uint32_t name_number(const OutputFile *file, int attempt) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t mix = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20 ^ (uint64_t)getpid() << 40 ^
                   (uint64_t)(uintptr_t)file ^ (uint64_t)attempt << 12;
    mix *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(mix >> 32);
}

/* A new temporary name beside file->path. */
static cleave_status choose_name(OutputFile *file, int attempt, cleave_error *error) {
    const char *slash = strrchr(file->path, '/');
    const char *name = slash ? slash + 1 : file->path;
    int folder = (int)(name - file->path);
    free(file->temporary);
    file->temporary =
        string_format("%.*s.%.*s.%08x.tmp", folder, file->path,
                      (int)path_part_length(name, NAME_PART), name, name_number(file, attempt));
    return file->temporary ? CLEAVE_OK : error_memory(error, "a path", strlen(file->path));
}

/* Tries temporary names until `take` gets one that is free. A file without a name does not keep its
 * folder: another process may have found it empty, and then it is made again. */
static cleave_status take_name(OutputFile *file, bool (*take)(OutputFile *file),
                               cleave_error *error) {
    int number = 0;
    for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        cleave_status status = choose_name(file, attempt, error);
        if (status == CLEAVE_OK && number == ENOENT)
            status = make_folder_of(file, error);
        if (status != CLEAVE_OK)
            return status;
        file->named = take(file);
        if (file->named)
            return CLEAVE_OK;
        number = errno;
        if (number != EEXIST && number != EINTR && number != ENOENT)
            break;
    }
    return fail("cannot write", file->path, number, error);
}

/* Not mkstemp(), whose file is for the owner alone: open() applies the umask without changing it.
 */
static bool create_named(OutputFile *file) {
    file->fd = open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return file->fd >= 0;
}

/* The temporary name may be too long where the final one is not. */
static bool can_be_named(OutputFile *file) {
    struct stat found;
    return platform_can_name(file->fd) && choose_name(file, 0, NULL) == CLEAVE_OK &&
           stat(file->temporary, &found) != 0 && errno == ENOENT;
}

/* A failure of any kind is none: the named file is tried next, and has the same reasons to fail. */
static bool create_nameless(OutputFile *file) {
    char *folder = folder_of(file->path);
    if (!folder)
        return false;
    file->fd = platform_open_nameless(folder, 0666);
    free(folder);
    if (file->fd >= 0 && can_be_named(file))
        return true;
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    return false;
}

static bool link_nameless(OutputFile *file) {
    return platform_give_name(file->fd, file->temporary);
}

/* ---- Opening ---- */

/* ENAMETOOLONG must show now and not at the rename, hours later: the name itself was looked up by
 * check_target(). */
static cleave_status open_file(OutputFile *file, const char *path, bool named,
                               cleave_error *error) {
    memset(file, 0, sizeof(*file));
    file->fd = -1;
    file->path = string_copy(path);
    if (!file->path)
        return error_memory(error, "a path", strlen(path) + 1);
    cleave_status status = make_folder_of(file, error);
    if (status == CLEAVE_OK)
        status = check_target(path, error);
    if (status == CLEAVE_OK && (named || !create_nameless(file)))
        status = take_name(file, create_named, error);
    if (status != CLEAVE_OK)
        output_file_close(file);
    return status;
}

cleave_status output_file_open(OutputFile *file, const char *path, cleave_error *error) {
    return open_file(file, path, false, error);
}

cleave_status output_file_open_named(OutputFile *file, const char *path, cleave_error *error) {
    return open_file(file, path, true, error);
}

/* Whether `entry` is a temporary name that choose_name() would give to `name`. */
static bool is_temporary_of(const char *entry, const char *name) {
    size_t length = path_part_length(name, NAME_PART);
    if (entry[0] != '.' || strncmp(entry + 1, name, length) != 0 || entry[1 + length] != '.')
        return false;
    const char *number = entry + length + 2;
    return strspn(number, "0123456789abcdef") == 8 && strcmp(number + 8, ".tmp") == 0;
}

void output_file_remove_stale(const char *path) {
    char *folder = folder_of(path);
    DIR *directory = folder ? opendir(folder) : NULL;
    const struct dirent *entry = directory ? readdir(directory) : NULL;
    for (; entry; entry = readdir(directory))
        if (is_temporary_of(entry->d_name, path_file_name(path)))
            unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
    free(folder);
}

/* ---- Streams ---- */

/* Headers of WAV files take some dozens of bytes. */
#define HELD_CAPACITY 4096

cleave_status output_file_open_stream(OutputFile *file, int fd, const atomic_bool *cancel,
                                      cleave_error *error) {
    memset(file, 0, sizeof(*file));
    file->fd = fd;
    file->is_stream = true;
    file->cancel = cancel;
    file->path = string_copy("standard output");
    file->held = calloc(1, HELD_CAPACITY);
    if (file->path && file->held)
        return CLEAVE_OK;
    output_file_close(file);
    return error_memory(error, "a stream", HELD_CAPACITY);
}

/* What poll() found writable takes this much without blocking. 0 or an errno. */
static int send_some(const OutputFile *file, const unsigned char *data, int64_t bytes,
                     int64_t *sent) {
    int events = descriptor_wait(file->fd, POLLOUT, file->cancel);
    if (events < 0)
        return errno;
    if ((events & POLLERR) != 0)
        return EPIPE;
    ssize_t put = write(file->fd, data, (size_t)(bytes < PIPE_BUF ? bytes : PIPE_BUF));
    if (put < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : errno;
    *sent += put;
    return 0;
}

static int64_t send_all(OutputFile *file, const unsigned char *data, int64_t bytes) {
    int64_t sent = 0;
    while (sent < bytes && file->error == 0)
        file->error = send_some(file, data + sent, bytes - sent, &sent);
    return sent;
}

/* Before the release bytes go anywhere within what is held, after it to the end only. */
static int64_t write_stream(OutputFile *file, const void *data, int64_t bytes) {
    int64_t done = bytes;
    if (file->sealed || file->error != 0)
        return file->error != 0 ? 0 : bytes;
    if (file->held && file->position + bytes <= HELD_CAPACITY)
        memcpy(file->held + file->position, data, (size_t)bytes);
    else if (file->held || file->position > file->size)
        file->error = ESPIPE;
    else if (file->position == file->size)
        done = send_all(file, data, bytes);
    file->position += done;
    if (file->position > file->size)
        file->size = file->position;
    return done;
}

unsigned char *output_file_held(OutputFile *file, int64_t *bytes) {
    *bytes = file->size;
    return file->held;
}

void output_file_release(OutputFile *file) {
    if (file->held && file->error == 0)
        send_all(file, file->held, file->size);
    free(file->held);
    file->held = NULL;
}

void output_file_seal(OutputFile *file) {
    file->sealed = true;
}

/* ---- Bytes ---- */

int64_t output_file_write(OutputFile *file, const void *data, int64_t bytes) {
    if (file->is_stream)
        return write_stream(file, data, bytes);
    int64_t done = 0;
    while (done < bytes && file->error == 0) {
        ssize_t put = pwrite(file->fd, (const char *)data + done, (size_t)(bytes - done),
                             (off_t)(file->position + done));
        if (put > 0)
            done += put;
        else if (put == 0)
            file->error = ENOSPC;
        else if (errno != EINTR)
            file->error = errno;
    }
    file->position += done;
    if (file->position > file->size)
        file->size = file->position;
    return done;
}

int64_t output_file_read(OutputFile *file, void *data, int64_t bytes) {
    int64_t done = 0;
    if (file->is_stream)
        return 0;
    while (done < bytes && file->error == 0) {
        ssize_t got = pread(file->fd, (char *)data + done, (size_t)(bytes - done),
                            (off_t)(file->position + done));
        if (got > 0)
            done += got;
        else if (got == 0)
            break;
        else if (errno != EINTR)
            file->error = errno;
    }
    file->position += done;
    return done;
}

int64_t output_file_seek(OutputFile *file, int64_t offset, int whence) {
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->position : file->size;
    int64_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0)
        return -1;
    file->position = target;
    return target;
}

cleave_status output_file_check(const OutputFile *file, cleave_error *error) {
    if (file->error == 0)
        return CLEAVE_OK;
    if (file->is_stream)
        return stream_failed(file->error, error);
    return fail("cannot write", file->path, file->error, error);
}

/* ---- The end ---- */

static void close_descriptor(OutputFile *file) {
    if (file->fd >= 0 && close(file->fd) != 0 && errno != EINTR && file->error == 0)
        file->error = errno;
    file->fd = -1;
}

cleave_status output_file_finish(OutputFile *file, cleave_error *error) {
    cleave_status status = output_file_check(file, error);
    if (status != CLEAVE_OK || file->fd < 0 || file->is_stream)
        return status;
    file->error = platform_sync(file->fd);
    if (file->named)
        close_descriptor(file);
    return output_file_check(file, error);
}

cleave_status output_file_prepare(OutputFile *file, cleave_error *error) {
    cleave_status status = output_file_check(file, error);
    if (file->is_stream)
        return status;
    if (status == CLEAVE_OK)
        status = check_target(file->path, error);
    if (status == CLEAVE_OK && !file->named)
        status = take_name(file, link_nameless, error);
    if (status != CLEAVE_OK)
        return status;
    close_descriptor(file);
    return output_file_check(file, error);
}

cleave_status output_file_commit(OutputFile *file, cleave_error *error) {
    cleave_status status =
        file->named ? output_file_check(file, error) : output_file_prepare(file, error);
    if (status != CLEAVE_OK || file->is_stream)
        return status;
    if (rename(file->temporary, file->path) != 0)
        return fail("cannot rename the finished file to", file->path, errno, error);
    file->named = false;
    free(file->temporary);
    file->temporary = NULL;
    file->made_from = 0;
    return CLEAVE_OK;
}

void output_file_close(OutputFile *file) {
    if (file->fd >= 0 && !file->is_stream)
        close(file->fd);
    file->fd = -1;
    if (file->named)
        unlink(file->temporary);
    if (file->path)
        folder_remove_made(file->path, file->made_from);
    free(file->held);
    file->held = NULL;
    free(file->temporary);
    free(file->path);
    file->named = false;
    file->temporary = NULL;
    file->path = NULL;
}
