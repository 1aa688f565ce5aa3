/* journal.c: see journal.h. */
#include "stream/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/path_format.h"

#define MAGIC        UINT64_C(0x324a564145454c43) /* "CLEEAVJ2" in this byte order */
#define STATE_COUNT  2
#define CHECK_FLOATS 16384

typedef struct Header {
    uint64_t magic;
    int64_t planes;
    int64_t carried; /* frames of a state: what later chunks still add to */
    char fingerprint[JOURNAL_FINGERPRINT_SIZE];
} Header;

/* The sum of a part covers all that follows the sum in it. */
typedef struct Move {
    uint32_t sum;
    uint32_t unused;
    char device[JOURNAL_DEVICE_SIZE]; /* "": the run did not move, and all is zero */
    char fingerprint[JOURNAL_FINGERPRINT_SIZE];
} Move;

typedef struct State {
    uint32_t sum;
    uint32_t unused;
    int64_t chunks; /* completed */
    int64_t end;    /* of the last one's record, in the file */
} State;

typedef struct Record {
    uint32_t sum;
    uint32_t unused;
    int64_t index;
    int64_t frames;
} Record;

struct Journal {
    int fd;
    char *path;
    cleave_logger log;
    Header header;
    Move move; /* of an earlier run */
    int64_t step;
    int64_t chunks; /* completed by an earlier run */
    int64_t next;   /* index of the record that is written next */
    int64_t read_offset;
    int64_t end;        /* of the last record */
    int read_error;     /* errno of the last read that failed; 0: none did */
    atomic_bool failed; /* a write failed: nothing more is kept */
    float *frames;      /* of the record that was read last: (planes, capacity) */
    int64_t capacity;
};

/* ---- Bytes ---- */

/* False where the file ends before, or where it cannot be read: journal->read_error tells. */
static bool read_at(Journal *journal, int64_t offset, void *data, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(journal->fd, (char *)data + done, bytes - done, offset + (off_t)done);
        if (got < 0 && errno != EINTR)
            journal->read_error = errno;
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0)
            done += (size_t)got;
    }
    return true;
}

static bool write_at(const Journal *journal, int64_t offset, const void *data, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        ssize_t put =
            pwrite(journal->fd, (const char *)data + done, bytes - done, offset + (off_t)done);
        if (put == 0)
            errno = ENOSPC;
        if (put == 0 || (put < 0 && errno != EINTR))
            return false;
        if (put > 0)
            done += (size_t)put;
    }
    return true;
}

static uint32_t sum_floats(uint32_t sum, const float *samples, int64_t count) {
    return (uint32_t)crc32_z(sum, (const unsigned char *)samples, (size_t)count * sizeof(float));
}

static uint32_t sum_move(const Move *move) {
    const unsigned char *from = (const unsigned char *)move->device;
    return (uint32_t)crc32_z(0, from, sizeof(*move) - offsetof(Move, device));
}

static uint32_t sum_state(const State *state) {
    const unsigned char *from = (const unsigned char *)&state->chunks;
    return (uint32_t)crc32_z(0, from, sizeof(*state) - offsetof(State, chunks));
}

static uint32_t sum_record(const Record *record) {
    const unsigned char *from = (const unsigned char *)&record->index;
    return (uint32_t)crc32_z(0, from, sizeof(*record) - offsetof(Record, index));
}

/* Adds `count` floats at an offset of the file to *sum; false where they are not there. */
static bool sum_file(Journal *journal, int64_t offset, int64_t count, uint32_t *sum) {
    float block[CHECK_FLOATS];
    for (int64_t done = 0; done < count;) {
        int64_t part = count - done < CHECK_FLOATS ? count - done : CHECK_FLOATS;
        if (!read_at(journal, offset + done * (int64_t)sizeof(float), block,
                     (size_t)part * sizeof(float)))
            return false;
        *sum = sum_floats(*sum, block, part);
        done += part;
    }
    return true;
}

/* ---- Where things are ---- */

/* Floats of a state: per plane and for the weights, what later chunks still add to. */
static int64_t state_floats(const Journal *journal) {
    return (journal->header.planes + 1) * journal->header.carried;
}

static int64_t state_offset(const Journal *journal, int64_t chunks) {
    int64_t bytes = (int64_t)sizeof(State) + state_floats(journal) * (int64_t)sizeof(float);
    return (int64_t)(sizeof(Header) + sizeof(Move)) + chunks % STATE_COUNT * bytes;
}

static int64_t first_record(const Journal *journal) {
    return state_offset(journal, STATE_COUNT - 1) + (int64_t)sizeof(State) +
           state_floats(journal) * (int64_t)sizeof(float);
}

static int64_t record_floats(const Journal *journal, const Record *record) {
    return journal->header.planes * record->frames;
}

/* ---- Opening ---- */

static bool read_record(Journal *journal, int64_t offset, int64_t index, Record *record) {
    return read_at(journal, offset, record, sizeof(*record)) && record->index == index &&
           record->frames >= 0 && record->frames <= journal->header.carried + journal->step;
}

/* Whether the records before the state's end are what was written. */
static bool check_records(Journal *journal, const State *state) {
    int64_t offset = first_record(journal);
    for (int64_t index = 0; index < state->chunks; index++) {
        Record record;
        if (!read_record(journal, offset, index, &record))
            return false;
        uint32_t sum = sum_record(&record);
        offset += (int64_t)sizeof(record);
        if (!sum_file(journal, offset, record_floats(journal, &record), &sum) || sum != record.sum)
            return false;
        offset += record_floats(journal, &record) * (int64_t)sizeof(float);
    }
    return offset == state->end;
}

static bool check_state(Journal *journal, int slot, State *state) {
    int64_t offset = state_offset(journal, slot);
    if (!read_at(journal, offset, state, sizeof(*state)) || state->chunks < 1 ||
        state->chunks % STATE_COUNT != slot)
        return false;
    uint32_t sum = sum_state(state);
    return sum_file(journal, offset + (int64_t)sizeof(*state), state_floats(journal), &sum) &&
           sum == state->sum && check_records(journal, state);
}

/* Finds the latest whole state. */
static void find_state(Journal *journal) {
    for (int slot = 0; slot < STATE_COUNT; slot++) {
        State state;
        if (!check_state(journal, slot, &state) || state.chunks <= journal->chunks)
            continue;
        journal->chunks = state.chunks;
        journal->end = state.end;
    }
}

/* Whether the move is whole, or there is none. */
static bool check_move(Journal *journal) {
    static const Move none;
    Move *move = &journal->move;
    if (!read_at(journal, (int64_t)sizeof(Header), move, sizeof(*move)))
        *move = none; /* the file ends before: nothing was completed */
    bool moved = memcmp(move, &none, sizeof(*move)) != 0;
    bool whole = sum_move(move) == move->sum && memchr(move->device, 0, sizeof(move->device)) &&
                 memchr(move->fingerprint, 0, sizeof(move->fingerprint));
    if (moved && !whole)
        *move = none;
    return !moved || whole;
}

static bool is_fitting(Journal *journal) {
    Header found;
    if (!read_at(journal, 0, &found, sizeof(found)) || found.magic != MAGIC)
        return false;
    if (memcmp(&found, &journal->header, sizeof(found)) == 0)
        return check_move(journal);
    log_write(&journal->log, CLEAVE_LOG_WARNING,
              PATH_FORMAT ": an unfinished run of another input, model or settings; starting over",
              journal->path);
    return false;
}

static cleave_status fail(const Journal *journal, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_OUTPUT,
                     "cannot write the journal " PATH_FORMAT ": %s; choose another output folder, "
                     "or run without --resume",
                     journal->path, strerror(errno));
}

/* What could not be read may be whole: it is neither taken for damaged nor replaced. */
static cleave_status cannot_read(const Journal *journal, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read the journal " PATH_FORMAT
                     ": %s; try again, or delete it to start "
                     "over",
                     journal->path, strerror(journal->read_error));
}

static bool empty(const Journal *journal) {
    int result;
    do {
        result = ftruncate(journal->fd, 0);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* Makes the file that of a run that begins. */
static cleave_status begin(Journal *journal, cleave_error *error) {
    journal->move = (Move){.device = ""};
    journal->chunks = 0;
    journal->next = 0;
    journal->end = first_record(journal);
    if (!empty(journal) || !write_at(journal, 0, &journal->header, sizeof(journal->header)))
        return fail(journal, error);
    return CLEAVE_OK;
}

static cleave_status start(Journal *journal, cleave_error *error) {
    do {
        journal->fd = open(journal->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    } while (journal->fd < 0 && errno == EINTR);
    if (journal->fd < 0)
        return fail(journal, error);
    journal->end = first_record(journal);
    bool fitting = is_fitting(journal);
    if (fitting)
        find_state(journal);
    if (journal->read_error != 0)
        return cannot_read(journal, error);
    journal->next = journal->chunks;
    journal->read_offset = first_record(journal);
    return fitting ? CLEAVE_OK : begin(journal, error);
}

static void set_fingerprint(Journal *journal, const char *fingerprint) {
    char *text = journal->header.fingerprint;
    memset(text, 0, JOURNAL_FINGERPRINT_SIZE);
    snprintf(text, JOURNAL_FINGERPRINT_SIZE, "%s", fingerprint);
}

cleave_status journal_open(Journal **result, const char *path, const char *fingerprint,
                           const ChunkPlan *plan, int planes, const cleave_logger *log,
                           cleave_error *error) {
    *result = NULL;
    Journal *journal = calloc(1, sizeof(*journal));
    if (!journal)
        return error_memory(error, "a journal", sizeof(*journal));
    journal->fd = -1;
    journal->log = *log;
    journal->step = plan->step;
    journal->header.magic = MAGIC;
    journal->header.planes = planes;
    journal->header.carried = plan->chunk - plan->step;
    set_fingerprint(journal, fingerprint);
    journal->path = string_copy(path);
    cleave_status status =
        journal->path ? start(journal, error) : error_memory(error, "a path", strlen(path) + 1);
    if (status != CLEAVE_OK) {
        journal_close(journal, true);
        return status;
    }
    *result = journal;
    return CLEAVE_OK;
}

const char *journal_device(const Journal *journal) {
    return journal->move.device;
}

bool journal_fits_device(const Journal *journal, const char *fingerprint) {
    return strcmp(journal->move.fingerprint, fingerprint) == 0;
}

cleave_status journal_restart(Journal *journal, const char *fingerprint, cleave_error *error) {
    set_fingerprint(journal, fingerprint);
    return begin(journal, error);
}

/* ---- Reading ---- */

int64_t journal_chunks(const Journal *journal) {
    return journal->chunks;
}

static cleave_status unfit(const Journal *journal, cleave_error *error) {
    if (journal->read_error != 0)
        return cannot_read(journal, error);
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "the journal " PATH_FORMAT " does not fit the input; delete it and start over",
                     journal->path);
}

static cleave_status reserve(Journal *journal, int64_t frames, cleave_error *error) {
    if (frames <= journal->capacity && journal->frames)
        return CLEAVE_OK;
    size_t bytes = ((size_t)frames + 1) * (size_t)journal->header.planes * sizeof(float);
    free(journal->frames);
    journal->frames = malloc(bytes);
    journal->capacity = journal->frames ? frames : 0;
    return journal->frames ? CLEAVE_OK : error_memory(error, "a journal's record", bytes);
}

cleave_status journal_read(Journal *journal, int64_t index, float **planes, int64_t frames,
                           cleave_error *error) {
    Record record;
    if (!read_record(journal, journal->read_offset, index, &record) || record.frames != frames)
        return unfit(journal, error);
    cleave_status status = reserve(journal, frames, error);
    if (status != CLEAVE_OK)
        return status;
    size_t bytes = (size_t)record_floats(journal, &record) * sizeof(float);
    journal->read_offset += (int64_t)sizeof(record);
    if (!read_at(journal, journal->read_offset, journal->frames, bytes))
        return unfit(journal, error);
    journal->read_offset += (int64_t)bytes;
    for (int64_t plane = 0; plane < journal->header.planes; plane++)
        planes[plane] = journal->frames + plane * frames;
    return CLEAVE_OK;
}

cleave_status journal_restore(Journal *journal, Blender *blender, cleave_error *error) {
    const int64_t carried = journal->header.carried;
    size_t bytes = (size_t)carried * sizeof(float);
    int64_t offset = state_offset(journal, journal->chunks) + (int64_t)sizeof(State);
    for (int64_t plane = 0; plane <= journal->header.planes; plane++) {
        float *to = plane < journal->header.planes ? blender->sums + plane * blender->plan.chunk
                                                   : blender->weights;
        if (!read_at(journal, offset, to, bytes))
            return unfit(journal, error);
        offset += (int64_t)bytes;
    }
    return CLEAVE_OK;
}

/* ---- Writing ---- */

static void give_up(Journal *journal) {
    journal->failed = true;
    log_write(&journal->log, CLEAVE_LOG_WARNING,
              "cannot write the journal " PATH_FORMAT ": %s; going on, but what is done from here "
              "on cannot be resumed",
              journal->path, strerror(errno));
}

void journal_write(Journal *journal, const float *const *planes, int64_t frames) {
    if (journal->failed)
        return;
    Record record = {.index = journal->next, .frames = frames};
    size_t bytes = (size_t)frames * sizeof(float);
    int64_t offset = journal->end + (int64_t)sizeof(record);
    record.sum = sum_record(&record);
    bool good = true;
    for (int64_t plane = 0; plane < journal->header.planes && good; plane++) {
        record.sum = sum_floats(record.sum, planes[plane], frames);
        good = write_at(journal, offset, planes[plane], bytes);
        offset += (int64_t)bytes;
    }
    good = good && write_at(journal, journal->end, &record, sizeof(record));
    if (good)
        journal->end = offset;
    else
        give_up(journal);
}

void journal_complete(Journal *journal, const Blender *blender) {
    if (journal->failed)
        return;
    const int64_t carried = journal->header.carried;
    State state = {.chunks = journal->next + 1, .end = journal->end};
    size_t bytes = (size_t)carried * sizeof(float);
    int64_t begin = state_offset(journal, state.chunks);
    int64_t offset = begin + (int64_t)sizeof(state);
    state.sum = sum_state(&state);
    bool good = true;
    for (int64_t plane = 0; plane <= journal->header.planes && good; plane++) {
        const float *from = plane < journal->header.planes
                                ? blender->sums + plane * blender->plan.chunk
                                : blender->weights;
        state.sum = sum_floats(state.sum, from, carried);
        good = write_at(journal, offset, from, bytes);
        offset += (int64_t)bytes;
    }
    if (good && write_at(journal, begin, &state, sizeof(state)))
        journal->next++;
    else
        give_up(journal);
}

void journal_move(Journal *journal, const char *device, const char *fingerprint) {
    Move move = {.device = ""};
    if (journal->failed)
        return;
    snprintf(move.device, sizeof(move.device), "%s", device);
    snprintf(move.fingerprint, sizeof(move.fingerprint), "%s", fingerprint);
    move.sum = sum_move(&move);
    if (!write_at(journal, (int64_t)sizeof(Header), &move, sizeof(move)))
        give_up(journal);
}

/* ---- Closing ---- */

void journal_close(Journal *journal, bool keep) {
    if (!journal)
        return;
    if (journal->fd >= 0 && journal->path) {
        close(journal->fd);
        if (!keep || (journal->next == 0 && journal->read_error == 0))
            unlink(journal->path);
    }
    free(journal->frames);
    free(journal->path);
    free(journal);
}
