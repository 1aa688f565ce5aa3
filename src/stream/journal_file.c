/* journal_file.c: reading, writing and checking the parts of a journal's file. */
#include "stream/journal_file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define STATE_COUNT  2
#define CHECK_FLOATS 16384

/* ---- Bytes ---- */

bool journal_file_read(JournalFile *file, int64_t offset, void *data, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(file->fd, (char *)data + done, bytes - done, offset + (off_t)done);
        if (got < 0 && errno != EINTR)
            file->read_error = errno;
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0)
            done += (size_t)got;
    }
    return true;
}

bool journal_file_write(const JournalFile *file, int64_t offset, const void *data, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        ssize_t put =
            pwrite(file->fd, (const char *)data + done, bytes - done, offset + (off_t)done);
        if (put == 0)
            errno = ENOSPC;
        if (put == 0 || (put < 0 && errno != EINTR))
            return false;
        if (put > 0)
            done += (size_t)put;
    }
    return true;
}

bool journal_file_empty(const JournalFile *file) {
    int result;
    do {
        result = ftruncate(file->fd, 0);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* ---- Offsets and sizes ---- */

/* Floats of a state: of each plane and the weights, what later chunks still add to. */
static int64_t journal_state_floats(const JournalFile *file) {
    return (file->header.planes + 1) * file->header.carried;
}

int64_t journal_state_offset(const JournalFile *file, int64_t chunks) {
    int64_t bytes =
        (int64_t)sizeof(JournalState) + journal_state_floats(file) * (int64_t)sizeof(float);
    return JOURNAL_MOVE_OFFSET + (int64_t)sizeof(JournalMove) + chunks % STATE_COUNT * bytes;
}

int64_t journal_first_record(const JournalFile *file) {
    return journal_state_offset(file, STATE_COUNT - 1) + (int64_t)sizeof(JournalState) +
           journal_state_floats(file) * (int64_t)sizeof(float);
}

/* ---- Check sums ---- */

static uint32_t journal_sum(uint32_t sum, const void *data, size_t bytes) {
    return (uint32_t)crc32_z(sum, data, bytes);
}

uint32_t journal_sum_move(const JournalMove *move) {
    return journal_sum(0, &move->outgrown, sizeof(*move) - offsetof(JournalMove, outgrown));
}

uint32_t journal_sum_state(const JournalState *state) {
    return journal_sum(0, &state->chunks, sizeof(*state) - offsetof(JournalState, chunks));
}

uint32_t journal_sum_record(const JournalRecord *record) {
    return journal_sum(0, &record->index, sizeof(*record) - offsetof(JournalRecord, index));
}

uint32_t journal_sum_floats(uint32_t sum, const float *samples, int64_t count) {
    return journal_sum(sum, samples, (size_t)count * sizeof(float));
}

/* Adds `count` floats at an offset of the file to *sum; false if they are not there. */
static bool journal_file_sum(JournalFile *file, int64_t offset, int64_t count, uint32_t *sum) {
    float block[CHECK_FLOATS];
    for (int64_t done = 0; done < count;) {
        int64_t part = count - done < CHECK_FLOATS ? count - done : CHECK_FLOATS;
        if (!journal_file_read(file, offset + done * (int64_t)sizeof(float), block,
                               (size_t)part * sizeof(float)))
            return false;
        *sum = journal_sum_floats(*sum, block, part);
        done += part;
    }
    return true;
}

/* ---- What is whole ---- */

bool journal_file_read_record(JournalFile *file, int64_t offset, int64_t index,
                              JournalRecord *record) {
    return journal_file_read(file, offset, record, sizeof(*record)) && record->index == index &&
           record->frames >= 0 && record->frames <= file->header.carried + file->hop;
}

/* Whether the records before the state's end are what was written. */
static bool journal_check_records(JournalFile *file, const JournalState *state) {
    int64_t offset = journal_first_record(file);
    for (int64_t index = 0; index < state->chunks; index++) {
        JournalRecord record;
        if (!journal_file_read_record(file, offset, index, &record))
            return false;
        uint32_t sum = journal_sum_record(&record);
        int64_t floats = journal_record_floats(file, &record);
        offset += (int64_t)sizeof(record);
        if (!journal_file_sum(file, offset, floats, &sum) || sum != record.sum)
            return false;
        offset += floats * (int64_t)sizeof(float);
    }
    return offset == state->end;
}

static bool journal_check_state(JournalFile *file, int slot, JournalState *state) {
    int64_t offset = journal_state_offset(file, slot);
    if (!journal_file_read(file, offset, state, sizeof(*state)) || state->chunks < 1 ||
        state->chunks % STATE_COUNT != slot)
        return false;
    uint32_t sum = journal_sum_state(state);
    return journal_file_sum(file, offset + (int64_t)sizeof(*state), journal_state_floats(file),
                            &sum) &&
           sum == state->sum && journal_check_records(file, state);
}

JournalState journal_file_latest_state(JournalFile *file) {
    JournalState latest = {.end = journal_first_record(file)};
    for (int slot = 0; slot < STATE_COUNT; slot++) {
        JournalState state;
        if (journal_check_state(file, slot, &state) && state.chunks > latest.chunks)
            latest = state;
    }
    return latest;
}

bool journal_file_read_move(JournalFile *file, JournalMove *move) {
    static const JournalMove none;
    if (!journal_file_read(file, JOURNAL_MOVE_OFFSET, move, sizeof(*move)))
        *move = none; /* the file ends before: nothing was completed */
    bool moved = memcmp(move, &none, sizeof(*move)) != 0;
    bool whole = journal_sum_move(move) == move->sum &&
                 memchr(move->device, 0, sizeof(move->device)) &&
                 memchr(move->fingerprint, 0, sizeof(move->fingerprint));
    if (moved && !whole)
        *move = none;
    return !moved || whole;
}
