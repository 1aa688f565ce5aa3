/* file_ids.h: a set of files and folders, identified by device and inode rather than by name, each
 * with a number. Finding and adding take constant time. */
#ifndef CLEAVE_CLI_FILE_IDS_H
#define CLEAVE_CLI_FILE_IDS_H

#include <stddef.h>
#include <sys/stat.h>

typedef struct FileId {
    dev_t device;
    ino_t inode;
    int number; /* negative: an empty slot */
} FileId;

/* All zeros is an empty set. */
typedef struct FileIds {
    FileId *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
} FileIds;

/* The number of a file; -1 if it is not in the set. */
int file_ids_find(const FileIds *ids, const struct stat *file);

/* Adds a file with `number` (0 or more) and returns -1. If the file is already in the set, returns
 * its number and changes nothing. */
int file_ids_add(FileIds *ids, const struct stat *file, int number);

void file_ids_free(FileIds *ids);

#endif
