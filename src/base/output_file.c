/* output_file.c: opening, bytes, and the end of an output file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/output_file_private.h"
#include "base/platform.h"

/* ---- Opening ---- */

/* ENAMETOOLONG must show now and not at the rename, hours later: the name itself was looked up by
 * output_check_target(). */
static cleave_status open_file(OutputFile *file, const char *path, bool named,
                               cleave_error *error) {
    memset(file, 0, sizeof(*file));
    file->fd = -1;
    file->path = string_copy(path);
    if (!file->path)
        return error_memory(error, "a path", strlen(path) + 1);
    cleave_status status = output_make_folder(file, error);
    if (status == CLEAVE_OK)
        status = output_check_target(path, error);
    if (status == CLEAVE_OK && (named || !output_create_nameless(file)))
        status = output_create_named(file, error);
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

/* ---- Bytes ---- */

int64_t output_file_write(OutputFile *file, const void *data, int64_t bytes) {
    if (file->is_stream)
        return output_stream_write(file, data, bytes);
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
    return descriptor_seek(&file->position, file->size, offset, whence);
}

cleave_status output_file_check(const OutputFile *file, cleave_error *error) {
    if (file->error == 0)
        return CLEAVE_OK;
    if (file->is_stream)
        return output_stream_failed(file->error, error);
    return output_failed("cannot write", file->path, file->error, error);
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
        status = output_check_target(file->path, error);
    if (status == CLEAVE_OK && !file->named)
        status = output_give_name(file, error);
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
        return output_failed("cannot rename the finished file to", file->path, errno, error);
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
