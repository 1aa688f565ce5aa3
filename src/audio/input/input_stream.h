/* input_stream.h: the bytes of a pipe or a device, which come once. The first of them are kept, so
 * that the beginning can be looked at and a decoder can give up without losing them; the rest is
 * handed on and forgotten. */
#ifndef CLEAVE_AUDIO_INPUT_INPUT_STREAM_H
#define CLEAVE_AUDIO_INPUT_INPUT_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes that are kept. Decoders look for a format within less. */
#define INPUT_STREAM_KEPT (INT64_C(1) << 20)

typedef struct InputStream {
    int fd;                    /* borrowed */
    const atomic_bool *cancel; /* NULL, or what ends the waiting: reads fail with ECANCELED */
    unsigned char *head;       /* room for INPUT_STREAM_KEPT bytes; `kept` are there */
    int64_t kept;
    int64_t received; /* all bytes so far */
    bool ended;       /* no more will come */
} InputStream;

/* NULL where memory ran out. */
InputStream *input_stream_create(int fd);
void input_stream_destroy(InputStream *stream); /* NULL is allowed */

/* Waits until `bytes` bytes (at most INPUT_STREAM_KEPT) from the start on are kept, or all that
 * there are. False with errno where reading failed. */
bool input_stream_fill(InputStream *stream, int64_t bytes);

/* Whether every byte that came is still at hand. */
bool input_stream_is_whole(const InputStream *stream);

/* Reads at a position: within what is kept, or where the stream stands. Returns the bytes read, at
 * least one before the end; 0 at the end and where the bytes are gone; -1 with errno. */
int64_t input_stream_read(InputStream *stream, int64_t position, void *buffer, int64_t bytes);

#endif
