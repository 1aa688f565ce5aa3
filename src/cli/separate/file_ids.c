/* file_ids.c: a hash table with open addressing, at most half full. */
#include "cli/separate/file_ids.h"

#include <stdint.h>
#include <stdlib.h>

#include "cli/console/allocate.h"

/* Inode numbers are often consecutive; multiplying by an odd number near 2^64 / phi spreads them.
 */
static size_t first_slot(const FileIds *ids, dev_t device, ino_t inode) {
    uint64_t hash = ((uint64_t)inode ^ (uint64_t)device << 40) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(hash >> 32) & (ids->capacity - 1);
}

/* The slot of a file, or the empty slot where it belongs. The set must have slots. */
static FileId *slot_of(const FileIds *ids, dev_t device, ino_t inode) {
    size_t at = first_slot(ids, device, inode);
    while (ids->slots[at].number >= 0 &&
           (ids->slots[at].device != device || ids->slots[at].inode != inode))
        at = (at + 1) & (ids->capacity - 1);
    return &ids->slots[at];
}

static void file_ids_grow(FileIds *ids) {
    FileIds larger = {.capacity = ids->capacity > 0 ? 2 * ids->capacity : 64, .count = ids->count};
    larger.slots = allocate(larger.capacity, sizeof *larger.slots);
    for (size_t i = 0; i < larger.capacity; i++)
        larger.slots[i].number = -1;
    for (size_t i = 0; i < ids->capacity; i++)
        if (ids->slots[i].number >= 0)
            *slot_of(&larger, ids->slots[i].device, ids->slots[i].inode) = ids->slots[i];
    free(ids->slots);
    *ids = larger;
}

int file_ids_find(const FileIds *ids, const struct stat *file) {
    return ids->count > 0 ? slot_of(ids, file->st_dev, file->st_ino)->number : -1;
}

int file_ids_add(FileIds *ids, const struct stat *file, int number) {
    if (2 * (ids->count + 1) > ids->capacity)
        file_ids_grow(ids);
    FileId *slot = slot_of(ids, file->st_dev, file->st_ino);
    int found = slot->number;
    if (found < 0) {
        *slot = (FileId){file->st_dev, file->st_ino, number};
        ids->count++;
    }
    return found;
}

void file_ids_free(FileIds *ids) {
    free(ids->slots);
    *ids = (FileIds){NULL, 0, 0};
}
