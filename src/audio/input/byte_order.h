/* byte_order.h: numbers out of the headers of files. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_INPUT_BYTE_ORDER_H
#define CLEAVE_AUDIO_INPUT_BYTE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* An unsigned number of up to 8 bytes. */
static inline uint64_t get_number(const unsigned char *bytes, int count, bool big_endian) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[big_endian ? i : count - 1 - i];
    return value;
}

#endif
