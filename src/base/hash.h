/* hash.h: a number that tells texts and tables apart by chance, not against malice. */
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

#endif
