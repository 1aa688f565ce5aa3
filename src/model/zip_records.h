/* zip_records.h: the two records of a ZIP that minizip does not read as it should. It does without
 * the end record if there is a 64-bit one, so a file that was cut there looks whole. And minizip
 * 1.1, which Debian 12 has, never reads the 64-bit fields of a central record where long has 64
 * bits, since it compares their markers with a 64-bit -1: it cannot find an entry beyond the fourth
 * gigabyte. minizip reads everything else. */
#ifndef CLEAVE_MODEL_ZIP_RECORDS_H
#define CLEAVE_MODEL_ZIP_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Zip64Entry {
    uint64_t size;
    uint64_t compressed_size;
    uint64_t data_offset; /* in the file; lies inside it */
} Zip64Entry;

/* Whether the file has a whole end record with all of its comment. As in ZIP tools, other bytes may
 * follow it, but no more than a comment could have. */
bool zip_has_end(const unsigned char *data, size_t size);

/* Whether the central record at `record` of a file is there and has 64-bit fields. */
bool zip64_is_used(const unsigned char *data, size_t size, uint64_t record);

/* Reads them, and finds the data behind the local header. False where the file is damaged. */
bool zip64_read(const unsigned char *data, size_t size, uint64_t record, Zip64Entry *entry);

#endif
