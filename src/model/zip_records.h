/* zip_records.h: the two records of a ZIP that minizip does not read as it should: the end record,
 * which it does without where there is a 64-bit one, so that a file cut there looks whole; and the
 * 64-bit fields of a central record. minizip 1.1, which Debian 12 and its contemporaries ship,
 * compares their markers with a 64-bit -1 where long has 64 bits, and so never reads them: an entry
 * behind the fourth gigabyte could not be found. Everything else about ZIPs is minizip's. */
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

/* Whether the file has an end record, whole and with all of its comment. As ZIP tools allow, other
 * bytes may follow it, but not more than a comment could have. */
bool zip_has_end(const unsigned char *data, size_t size);

/* Whether the central record at `record` of a file is there and has 64-bit fields. */
bool zip64_is_used(const unsigned char *data, size_t size, uint64_t record);

/* Reads them, and finds the data behind the local header. False where the file is damaged. */
bool zip64_read(const unsigned char *data, size_t size, uint64_t record, Zip64Entry *entry);

#endif
