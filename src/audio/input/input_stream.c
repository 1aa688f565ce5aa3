/* input_stream.c: reading a descriptor once, and keeping its beginning. */
#include "audio/input/input_stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"

InputStream *input_stream_create(int fd) {
    InputStream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    stream->fd = fd;
    stream->head = malloc((size_t)INPUT_STREAM_KEPT);
    if (!stream->head) {
        free(stream);
        return NULL;
    }
    return stream;
}

void input_stream_destroy(InputStream *stream) {
    if (!stream)
        return;
    free(stream->head);
    free(stream);
}

/* Takes what is there, once something is; 0 at the end, -1 with errno. */
static ssize_t stream_receive(InputStream *stream, void *buffer, int64_t bytes) {
    for (;;) {
        if (descriptor_wait(stream->fd, POLLIN, stream->cancel) < 0)
            return -1;
        ssize_t got = read(stream->fd, buffer, (size_t)bytes);
        if (got == 0)
            stream->ended = true;
        if (got >= 0)
            return got;
        if (errno != EINTR && errno != EAGAIN)
            return -1;
    }
}

bool input_stream_fill(InputStream *stream, int64_t bytes) {
    if (bytes > INPUT_STREAM_KEPT)
        bytes = INPUT_STREAM_KEPT;
    while (stream->kept < bytes && !stream->ended && input_stream_is_whole(stream)) {
        ssize_t got =
            stream_receive(stream, stream->head + stream->kept, INPUT_STREAM_KEPT - stream->kept);
        if (got < 0)
            return false;
        stream->kept += got;
        stream->received += got;
    }
    return true;
}

bool input_stream_is_whole(const InputStream *stream) {
    return stream->received == stream->kept;
}

int64_t input_stream_read(InputStream *stream, int64_t position, void *buffer, int64_t bytes) {
    if (position == stream->kept && position < INPUT_STREAM_KEPT &&
        !input_stream_fill(stream, position + 1))
        return -1;
    if (position < stream->kept) {
        int64_t held = stream->kept - position;
        int64_t count = bytes < held ? bytes : held;
        memcpy(buffer, stream->head + position, (size_t)count);
        return count;
    }
    if (stream->ended || position != stream->received)
        return 0;
    ssize_t got = stream_receive(stream, buffer, bytes);
    stream->received += got > 0 ? got : 0;
    return got;
}
