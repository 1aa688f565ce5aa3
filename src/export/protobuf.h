/* protobuf.h: messages in Protocol Buffers' wire format, built field by field in memory.
 *
 * Writing takes only three of the format's six kinds of fields, and no schema. A library would
 * need every weight of a network in memory, in the type and order of the file, before it writes
 * the first byte (protobuf-c does, and that of C++ also counts a message in an int). Here a
 * message holds everything but the weights; onnx_file.c streams those behind it from the mapped
 * checkpoint. */
#ifndef CLEAVE_EXPORT_PROTOBUF_H
#define CLEAVE_EXPORT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} is an empty message. */
typedef struct Message {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
    bool failed; /* memory ran out: the message is incomplete */
} Message;

void message_free(Message *message);

void message_integer(Message *message, int field, int64_t value);
void message_float(Message *message, int field, float value);
void message_bytes(Message *message, int field, const void *bytes, size_t size);
void message_text(Message *message, int field, const char *text);

/* Adds `part` as a field and frees it. */
void message_nest(Message *message, int field, Message *part);

/* Adds the fields of `part` to those of `message`. message_append() frees it. */
void message_append(Message *message, Message *part);
void message_copy(Message *message, const Message *part);

/* Adds only the head of a field of `size` bytes, for bytes that are written elsewhere. */
void message_head(Message *message, int field, uint64_t size);

#endif
