/* input_file.c: opening, copying and reading input files. Their bytes mean nothing here. */
#include "audio/input/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/platform.h"

static cleave_status cannot_open(const char *path, const char *why, const char *advice,
                                 cleave_error *error) {
    error_set_file(error, CLEAVE_ERROR_INPUT, "cannot open audio", path, "%s", why);
    return error_advise(error, CLEAVE_ERROR_INPUT, "%s", advice);
}

static const char *advice_for(int number) {
    if (number == EACCES || number == EPERM)
        return "check the file's permissions";
    if (number == EMFILE || number == ENFILE)
        return "close other programs or raise the limit on open files";
    return "check the name";
}

static int copy_standard_input(void) {
    return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static cleave_status open_regular(InputFile *file, int64_t end, bool is_standard,
                                  cleave_error *error) {
    off_t begin = is_standard ? lseek(file->fd, 0, SEEK_CUR) : 0;
    file->base = begin > 0 ? (int64_t)begin : 0;
    file->size = end - file->base;
    if (file->size <= 0)
        return cannot_open(file->path, "the file is empty", "try to copy or download it again",
                           error);
    return CLEAVE_OK;
}

static cleave_status open_stream(InputFile *file, cleave_error *error) {
    if (isatty(file->fd))
        return cannot_open(file->path, "is a terminal",
                           "let a program write to it (ffmpeg … | cleave -), or name a file",
                           error);
    file->size = INT64_MAX;
    file->stream = input_stream_create(file->fd);
    if (!file->stream)
        return error_memory(error, "the beginning of a stream", (size_t)INPUT_STREAM_KEPT);
    return CLEAVE_OK;
}

static cleave_status open_kind(InputFile *file, bool is_standard, cleave_error *error) {
    struct stat status;
    if (fstat(file->fd, &status) != 0)
        return cannot_open(file->path, strerror(errno), "check the name", error);
    if (S_ISDIR(status.st_mode))
        return cannot_open(file->path, "is a folder", "name an audio file", error);
    if (S_ISBLK(status.st_mode))
        return cannot_open(file->path, "is a disk", "name an audio file on it", error);
    if (S_ISREG(status.st_mode))
        return open_regular(file, (int64_t)status.st_size, is_standard, error);
    return open_stream(file, error);
}

cleave_status input_file_open(InputFile *file, const char *path, cleave_error *error) {
    bool is_standard = path_is_standard(path);
    memset(file, 0, sizeof(*file));
    file->fd = is_standard ? copy_standard_input() : descriptor_open_to_read(path);
    if (file->fd < 0)
        return cannot_open(path_shown(path), strerror(errno), advice_for(errno), error);
    file->path = string_copy(path_shown(path));
    cleave_status status = file->path ? open_kind(file, is_standard, error)
                                      : error_memory(error, "a path", strlen(path) + 1);
    if (status != CLEAVE_OK)
        input_file_close(file);
    return status;
}

void input_file_close(InputFile *file) {
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    input_stream_destroy(file->stream);
    file->stream = NULL;
    free(file->path);
    file->path = NULL;
}

/* ---- Spooling ---- */

#define SPOOL_BLOCK 65536

static const char *spool_folder(void) {
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] ? folder : "/tmp";
}

static cleave_status spool_failed(const InputFile *file, int number, cleave_error *error) {
    bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
    return error_advise(
        error,
        error_set_file(error, CLEAVE_ERROR_INPUT, "cannot read audio", file->path,
                       "it must be stored while it is read, and the temporary folder " PATH_FORMAT
                       " %s (%s)",
                       spool_folder(), full ? "is full" : "cannot be used", strerror(number)),
        "%sset TMPDIR to another folder, or save the audio to a file first",
        full ? "free some space there, " : "");
}

/* A file without a name, which is gone when it is closed; -1 with errno. */
static int open_nameless(void) {
    char name[PATH_MAX];
    int length = snprintf(name, sizeof(name), "%s/cleave-XXXXXX", spool_folder());
    if (length < 0 || (size_t)length >= sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = platform_open_nameless(spool_folder(), 0600);
    if (fd >= 0)
        return fd;
    fd = mkstemp(name);
    if (fd >= 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        unlink(name);
    }
    return fd;
}

/* 0 or an errno. */
static int write_all(int fd, const unsigned char *bytes, int64_t count) {
    while (count > 0) {
        ssize_t put = write(fd, bytes, (size_t)count);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? errno : ENOSPC;
        bytes += put;
        count -= put;
    }
    return 0;
}

/* Copies what is kept and then what follows; copy->size grows with it. */
static cleave_status copy_stream(InputFile *file, InputFile *copy, bool head_only,
                                 cleave_error *error) {
    unsigned char block[SPOOL_BLOCK];
    int64_t end = head_only ? file->stream->kept : INT64_MAX;
    while (copy->size < end) {
        int64_t want = end - copy->size < SPOOL_BLOCK ? end - copy->size : SPOOL_BLOCK;
        int64_t got = input_stream_read(file->stream, copy->size, block, want);
        if (got < 0 && errno == ECANCELED)
            return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
        if (got < 0)
            return cannot_open(file->path, strerror(errno), "check the program that writes to it",
                               error);
        if (got == 0)
            break;
        int number = write_all(copy->fd, block, got);
        if (number != 0)
            return spool_failed(file, number, error);
        copy->size += got;
    }
    return CLEAVE_OK;
}

cleave_status input_file_spool(InputFile *file, InputFile *copy, bool head_only,
                               cleave_error *error) {
    memset(copy, 0, sizeof(*copy));
    copy->fd = open_nameless();
    if (copy->fd < 0)
        return spool_failed(file, errno, error);
    copy->path = string_copy(file->path);
    cleave_status status = copy->path ? copy_stream(file, copy, head_only, error)
                                      : error_memory(error, "a path", strlen(file->path) + 1);
    if (status != CLEAVE_OK)
        input_file_close(copy);
    return status;
}

/* ---- Bytes ---- */

static int64_t read_kept(InputFile *file, int64_t offset, void *buffer, int64_t bytes) {
    InputStream *stream = file->stream;
    if (offset >= INPUT_STREAM_KEPT || !input_stream_is_whole(stream))
        return 0;
    if (bytes > INPUT_STREAM_KEPT - offset)
        bytes = INPUT_STREAM_KEPT - offset;
    if (!input_stream_fill(stream, offset + bytes)) {
        file->error = errno;
        return -1;
    }
    if (stream->kept <= offset)
        return 0;
    return input_stream_read(stream, offset, buffer, bytes);
}

int64_t input_file_read_at(InputFile *file, int64_t offset, void *buffer, int64_t bytes) {
    if (offset < 0 || bytes <= 0 || offset >= file->size)
        return 0;
    if (file->stream)
        return read_kept(file, offset, buffer, bytes);
    if (bytes > file->size - offset)
        bytes = file->size - offset;
    int64_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(file->fd, (char *)buffer + done, (size_t)(bytes - done),
                            (off_t)(file->base + offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            file->error = errno;
            return -1;
        }
        if (got == 0) {
            file->shrunk = true;
            break;
        }
        done += got;
    }
    return done;
}

static void apply_overlay(const InputFile *file, unsigned char *buffer, int64_t bytes) {
    for (size_t i = 0; i < file->overlay_size; i++) {
        int64_t at = file->overlay_offset + (int64_t)i - file->position;
        if (at >= 0 && at < bytes)
            buffer[at] = file->overlay[i];
    }
}

static int64_t read_stream(InputFile *file, void *buffer, int64_t bytes) {
    int64_t got = input_stream_read(file->stream, file->position, buffer, bytes);
    if (got < 0)
        file->error = errno;
    return got;
}

int64_t input_file_read(InputFile *file, void *buffer, int64_t bytes) {
    int64_t got = file->stream ? read_stream(file, buffer, bytes)
                               : input_file_read_at(file, file->position, buffer, bytes);
    if (got > 0) {
        apply_overlay(file, buffer, got);
        file->position += got;
    }
    return got;
}

const char *input_file_failure(const InputFile *file) {
    if (file->error != 0)
        return strerror(file->error);
    return file->shrunk ? "the file became shorter while it was read" : NULL;
}

int64_t input_file_seek(InputFile *file, int64_t offset, int whence) {
    return descriptor_seek(&file->position, file->size, offset, whence);
}
