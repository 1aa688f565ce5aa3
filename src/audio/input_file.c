/* input_file.c: opening and reading input files. What their bytes mean is the decoders' affair. */
#include "audio/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static cleave_status fail(const char *path, const char *why, const char *advice,
                          cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_INPUT, "cannot open audio: " PATH_FORMAT ": %s; %s", path,
                     why, advice);
}

static const char *advice_for(int number) {
    if (number == EACCES || number == EPERM)
        return "check the file's permissions";
    if (number == EMFILE || number == ENFILE)
        return "close other programs or raise the limit on open files";
    return "check the name";
}

/* Opening must not wait for the other end of a pipe, hence O_NONBLOCK; it means nothing to the
 * regular files that pass the check which follows. */
static int open_for_reading(const char *path) {
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static cleave_status check_regular(InputFile *file, const char *path, cleave_error *error) {
    struct stat status;
    if (fstat(file->fd, &status) != 0)
        return fail(path, strerror(errno), "check the name", error);
    if (S_ISDIR(status.st_mode))
        return fail(path, "is a folder", "name an audio file", error);
    if (!S_ISREG(status.st_mode))
        return fail(path, "is a pipe or a device", "save the audio to a file first", error);
    if (status.st_size == 0)
        return fail(path, "the file is empty", "try to copy or download it again", error);
    file->size = (int64_t)status.st_size;
    return CLEAVE_OK;
}

cleave_status input_file_open(InputFile *file, const char *path, cleave_error *error) {
    memset(file, 0, sizeof(*file));
    file->fd = open_for_reading(path);
    if (file->fd < 0)
        return fail(path, strerror(errno), advice_for(errno), error);
    cleave_status status = check_regular(file, path, error);
    if (status == CLEAVE_OK) {
        file->path = string_copy(path);
        if (!file->path)
            status = error_memory(error, "a path", strlen(path) + 1);
    }
    if (status != CLEAVE_OK)
        input_file_close(file);
    return status;
}

void input_file_close(InputFile *file) {
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    free(file->path);
    file->path = NULL;
}

int64_t input_file_read_at(InputFile *file, int64_t offset, void *buffer, int64_t bytes) {
    if (offset < 0 || bytes <= 0 || offset >= file->size)
        return 0;
    if (bytes > file->size - offset)
        bytes = file->size - offset;
    int64_t done = 0;
    while (done < bytes) {
        ssize_t got =
            pread(file->fd, (char *)buffer + done, (size_t)(bytes - done), (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            file->error = errno;
            return -1;
        }
        if (got == 0)
            break;
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

int64_t input_file_read(InputFile *file, void *buffer, int64_t bytes) {
    int64_t got = input_file_read_at(file, file->position, buffer, bytes);
    if (got > 0) {
        apply_overlay(file, buffer, got);
        file->position += got;
    }
    return got;
}

int64_t input_file_seek(InputFile *file, int64_t offset, int whence) {
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->position : file->size;
    int64_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0)
        return -1;
    file->position = target;
    return target;
}
