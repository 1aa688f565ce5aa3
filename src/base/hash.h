/* hash.h: a number that differs for different texts and tables, unless somebody makes them collide
 * on purpose. */
#ifndef CLEAVE_BASE_HASH_H
#define CLEAVE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325u

/* FNV-1a (Fowler, Noll, Vo): `hash` with the bytes added. */
static inline uint64_t hash_add(uint64_t hash, const void *data, size_t bytes) {
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

/* The same with 32 bits, for a text. */
static inline uint32_t hash_text(const char *text) {
    uint32_t hash = 0x811c9dc5u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x01000193u;
    return hash;
}

/* The same for a number; does not depend on the order of its bytes in memory. */
static inline uint64_t hash_add_number(uint64_t hash, uint64_t number) {
    for (int i = 0; i < 8; i++, number >>= 8)
        hash = (hash ^ (number & 0xff)) * 0x100000001b3u;
    return hash;
}

#endif
