/* output_stream.c: an output that goes into a descriptor, in order and once. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/memory.h"
#include "base/output_file_private.h"

/* Headers of WAV files take some dozens of bytes. */
#define HELD_CAPACITY 4096

cleave_status output_file_open_stream(OutputFile *file, int fd, const atomic_bool *cancel,
                                      cleave_error *error) {
    *file = (OutputFile){.fd = fd, .is_stream = true, .cancel = cancel};
    file->path = string_copy("standard output");
    file->held = calloc(1, HELD_CAPACITY);
    if (file->path && file->held)
        return CLEAVE_OK;
    free(file->path);
    free(file->held);
    *file = (OutputFile){.fd = -1};
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
int64_t output_stream_write(OutputFile *file, const void *data, int64_t bytes) {
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
