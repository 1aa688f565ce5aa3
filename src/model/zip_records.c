/* zip_records.c: finding and reading these records. Layouts are those of PKWARE's APPNOTE, sections
 * 4.3.7, 4.3.12, 4.3.16 and 4.5.3. */
#include "model/zip_records.h"

#include <string.h>

#define CENTRAL_SIZE 46
#define LOCAL_SIZE   30
#define END_SIZE     22
#define MAX_COMMENT  UINT16_MAX
#define MARKER       UINT32_MAX

static uint64_t number_at(const unsigned char *bytes, int count) {
    uint64_t number = 0;
    for (int i = 0; i < count; i++)
        number |= (uint64_t)bytes[i] << (8 * i);
    return number;
}

/* The header of `length` bytes at `offset`; NULL where it is not there. */
static const unsigned char *header_at(const unsigned char *data, size_t size, uint64_t offset,
                                      size_t length, const char *signature) {
    if (size < length || offset > size - length || memcmp(data + offset, signature, 4) != 0)
        return NULL;
    return data + offset;
}

bool zip_has_end(const unsigned char *data, size_t size) {
    for (size_t back = END_SIZE; back <= size && back <= END_SIZE + MAX_COMMENT; back++) {
        const unsigned char *end = header_at(data, size, size - back, END_SIZE, "PK\x05\x06");
        if (end && number_at(end + 20, 2) <= back - END_SIZE)
            return true;
    }
    return false;
}

bool zip64_is_used(const unsigned char *data, size_t size, uint64_t record) {
    const unsigned char *central = header_at(data, size, record, CENTRAL_SIZE, "PK\x01\x02");
    return central &&
           (number_at(central + 20, 4) == MARKER || number_at(central + 24, 4) == MARKER ||
            number_at(central + 42, 4) == MARKER);
}

/* The extra field with id 1 of a central record; *length is its size. NULL if there is none. */
static const unsigned char *find_extra(const unsigned char *central, size_t left, size_t *length) {
    size_t name_size = (size_t)number_at(central + 28, 2);
    size_t extra_size = (size_t)number_at(central + 30, 2);
    if (CENTRAL_SIZE + name_size + extra_size > left)
        return NULL;
    const unsigned char *field = central + CENTRAL_SIZE + name_size;
    while (extra_size >= 4) {
        size_t size = (size_t)number_at(field + 2, 2);
        if (size > extra_size - 4)
            return NULL;
        if (number_at(field, 2) == 1) {
            *length = size;
            return field + 4;
        }
        field += 4 + size;
        extra_size -= 4 + size;
    }
    return NULL;
}

/* Replaces a number that is only the marker for "see the extra field" by the field's next 64
 * bits. */
static bool widen(uint64_t *number, const unsigned char **extra, size_t *length) {
    if (*number != MARKER)
        return true;
    if (*length < 8)
        return false;
    *number = number_at(*extra, 8);
    *extra += 8;
    *length -= 8;
    return true;
}

bool zip64_read(const unsigned char *data, size_t size, uint64_t record, Zip64Entry *entry) {
    size_t length = 0;
    const unsigned char *central = header_at(data, size, record, CENTRAL_SIZE, "PK\x01\x02");
    if (!central)
        return false;
    const unsigned char *extra = find_extra(central, size - (size_t)record, &length);
    uint64_t local_offset = number_at(central + 42, 4);
    entry->compressed_size = number_at(central + 20, 4);
    entry->size = number_at(central + 24, 4);
    if (!extra || !widen(&entry->size, &extra, &length) ||
        !widen(&entry->compressed_size, &extra, &length) || !widen(&local_offset, &extra, &length))
        return false;
    const unsigned char *local = header_at(data, size, local_offset, LOCAL_SIZE, "PK\x03\x04");
    if (!local)
        return false;
    entry->data_offset =
        local_offset + LOCAL_SIZE + number_at(local + 26, 2) + number_at(local + 28, 2);
    return entry->data_offset <= size;
}
