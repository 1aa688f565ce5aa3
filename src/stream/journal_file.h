/* journal_file.h: a journal as a file: its layout, its check sums, and which of it is whole. What
 * is done with it is in journal.c. Inside stream/ only.
 *
 *   header     what the journal is for
 *   move       the device that the separation moved to, if the first one failed, and the precisions
 *              that it outgrew
 *   states     the blender after the latest chunk and after the one before
 *   records    for each chunk the final frames of every plane
 *
 * Floats and integers are as in memory. All but the header have a check sum, of what follows it. */
#ifndef CLEAVE_STREAM_JOURNAL_FILE_H
#define CLEAVE_STREAM_JOURNAL_FILE_H

#include <stdbool.h>

#include "stream/journal.h"

typedef struct JournalHeader {
    uint64_t magic;
    int64_t planes;
    int64_t carried; /* frames of a state: what later chunks still add to */
    char fingerprint[JOURNAL_FINGERPRINT_SIZE];
} JournalHeader;

typedef struct JournalMove {
    uint32_t sum;
    uint32_t outgrown;                /* precisions, as bits 1 << cleave_precision */
    char device[JOURNAL_DEVICE_SIZE]; /* "": it did not move, and all is zero */
    char fingerprint[JOURNAL_FINGERPRINT_SIZE];
} JournalMove;

/* Followed by the carried frames of each plane, then of the weights. */
typedef struct JournalState {
    uint32_t sum;
    uint32_t unused;
    int64_t chunks; /* completed */
    int64_t end;    /* of the last one's record, in the file */
} JournalState;

/* Followed by the frames of each plane. */
typedef struct JournalRecord {
    uint32_t sum;
    uint32_t unused;
    int64_t index;
    int64_t frames;
} JournalRecord;

typedef struct JournalFile {
    int fd;
    int read_error; /* errno of the last read that failed; 0: none did */
    int64_t hop;    /* frames from one chunk to the next */
    JournalHeader header;
} JournalFile;

/* The header's magic number. */
#define JOURNAL_MAGIC UINT64_C(0x334a564145454c43) /* "CLEEAVJ3" in this byte order */

/* False if the file ends before, or cannot be read (then read_error is set). */
bool journal_file_read(JournalFile *file, int64_t offset, void *data, size_t bytes);

/* False, and errno, if the file cannot be written to. */
bool journal_file_write(const JournalFile *file, int64_t offset, const void *data, size_t bytes);
bool journal_file_empty(const JournalFile *file);

/* ---- Offsets and sizes ---- */

#define JOURNAL_MOVE_OFFSET ((int64_t)sizeof(JournalHeader))

/* Of the state after so many chunks. */
int64_t journal_state_offset(const JournalFile *file, int64_t chunks);

int64_t journal_first_record(const JournalFile *file);

static inline int64_t journal_record_floats(const JournalFile *file, const JournalRecord *record) {
    return file->header.planes * record->frames;
}

/* ---- Check sums ---- */

uint32_t journal_sum_move(const JournalMove *move);

/* Of the head alone; journal_sum_floats() adds what follows it. */
uint32_t journal_sum_state(const JournalState *state);
uint32_t journal_sum_record(const JournalRecord *record);

uint32_t journal_sum_floats(uint32_t sum, const float *samples, int64_t count);

/* ---- What is whole ---- */

/* Reads the head of chunk `index`'s record; false if there is no such record. */
bool journal_file_read_record(JournalFile *file, int64_t offset, int64_t index,
                              JournalRecord *record);

/* Finds the latest state that is whole, with all records before its end; else chunks is 0. */
JournalState journal_file_latest_state(JournalFile *file);

/* Reads the move; false if it is damaged. Without a move all of *move is zero. */
bool journal_file_read_move(JournalFile *file, JournalMove *move);

#endif
