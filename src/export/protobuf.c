/* protobuf.c: appending fields to a message. */
#include "export/protobuf.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The wire format's types of fields. */
enum { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define VARINT_MAX 10 /* bytes */

void message_free(Message *message) {
    free(message->bytes);
    *message = (Message){0};
}

/* Room for `size` more bytes; NULL where memory ran out. */
static unsigned char *message_extend(Message *message, size_t size) {
    size_t needed = 0;
    message->failed = message->failed || !size_add(message->size, size, &needed);
    if (!message->failed && needed > message->capacity) {
        size_t capacity = size_max(needed, size_max(256, message->capacity * 2));
        unsigned char *bytes = realloc(message->bytes, capacity);
        message->failed = !bytes;
        if (bytes) {
            message->bytes = bytes;
            message->capacity = capacity;
        }
    }
    if (message->failed)
        return NULL;
    unsigned char *place = message->bytes + message->size;
    message->size = needed;
    return place;
}

static void message_add(Message *message, const void *bytes, size_t size) {
    unsigned char *place = size > 0 ? message_extend(message, size) : NULL;
    if (place)
        memcpy(place, bytes, size);
}

/* Seven bits a byte, the lowest first; the eighth says that more follow. */
static void message_varint(Message *message, uint64_t value) {
    unsigned char bytes[VARINT_MAX];
    size_t count = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[count++] = (unsigned char)(value | 0x80);
    bytes[count++] = (unsigned char)value;
    message_add(message, bytes, count);
}

static void message_key(Message *message, int field, int wire) {
    message_varint(message, ((uint64_t)field << 3) | (uint64_t)wire);
}

void message_integer(Message *message, int field, int64_t value) {
    message_key(message, field, WIRE_VARINT);
    message_varint(message, (uint64_t)value);
}

void message_float(Message *message, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    unsigned char bytes[4];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    message_key(message, field, WIRE_FIXED32);
    message_add(message, bytes, sizeof(bytes));
}

void message_head(Message *message, int field, uint64_t size) {
    message_key(message, field, WIRE_BYTES);
    message_varint(message, size);
}

void message_bytes(Message *message, int field, const void *bytes, size_t size) {
    message_head(message, field, size);
    message_add(message, bytes, size);
}

void message_text(Message *message, int field, const char *text) {
    message_bytes(message, field, text, strlen(text));
}

void message_nest(Message *message, int field, Message *part) {
    message->failed = message->failed || part->failed;
    message_bytes(message, field, part->bytes, part->size);
    message_free(part);
}

void message_copy(Message *message, const Message *part) {
    message->failed = message->failed || part->failed;
    message_add(message, part->bytes, part->size);
}

void message_append(Message *message, Message *part) {
    message_copy(message, part);
    message_free(part);
}
