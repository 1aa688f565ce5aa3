/* ogg_page.c: the layout of a page as in RFC 3533, section 6. */
#include "audio/input/ogg_page.h"

#include <string.h>

#define FLAGS_OFFSET    5
#define FLAG_FIRST      2
#define FLAG_LAST       4
#define SERIAL_OFFSET   14
#define CHECKSUM_OFFSET 22
#define SEGMENTS_OFFSET 26

size_t ogg_page_size(const unsigned char *data, size_t size) {
    if (size < 4 || memcmp(data, "OggS", 4) != 0)
        return 0;
    if (size < OGG_HEADER_SIZE)
        return OGG_HEADER_SIZE;
    size_t segments = data[SEGMENTS_OFFSET];
    size_t total = OGG_HEADER_SIZE + segments;
    if (size < total)
        return total;
    for (size_t i = 0; i < segments; i++)
        total += data[OGG_HEADER_SIZE + i];
    return total;
}

bool ogg_page_is_last(const unsigned char *page) {
    return (page[FLAGS_OFFSET] & FLAG_LAST) != 0;
}

bool ogg_page_is_first(const unsigned char *page) {
    return (page[FLAGS_OFFSET] & FLAG_FIRST) != 0;
}

uint32_t ogg_page_serial(const unsigned char *page) {
    uint32_t serial = 0;
    for (int i = 3; i >= 0; i--)
        serial = serial << 8 | page[SERIAL_OFFSET + i];
    return serial;
}

/* CRC-32 with the polynomial 0x04c11db7, most significant bit first, no inversion. */
static uint32_t checksum(const unsigned char *data, size_t size) {
    uint32_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint32_t)data[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
    }
    return crc;
}

static void put_u32(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

void ogg_page_set_serial(unsigned char *page, size_t size, uint32_t serial) {
    put_u32(page + SERIAL_OFFSET, serial);
    put_u32(page + CHECKSUM_OFFSET, 0);
    put_u32(page + CHECKSUM_OFFSET, checksum(page, size));
}
