/* journal.c: keeping what is done of a separation, and taking it up again. The file's layout is in
 * journal_file.h. */
#include "stream/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "stream/journal_file.h"

struct Journal {
    JournalFile file;
    char *path;
    cleave_logger log;
    JournalMove move; /* as found at opening */
    int64_t chunks;   /* completed before it was opened */
    int64_t next;     /* index of the record that is written next */
    int64_t read_offset;
    int64_t end;        /* of the last record */
    atomic_bool failed; /* a write failed: nothing more is kept */
    float *frames;      /* of the record that was read last: (planes, capacity) */
    int64_t capacity;
};

/* ---- Errors ---- */

static cleave_status journal_cannot_write(const Journal *journal, cleave_error *error) {
    error_set(error, CLEAVE_ERROR_OUTPUT, "cannot write the journal " PATH_FORMAT ": %s",
              journal->path, strerror(errno));
    return error_advise(error, CLEAVE_ERROR_OUTPUT,
                        "choose another output folder, or run without --resume");
}

/* What cannot be read may be whole: it is neither taken for damaged nor replaced. */
static cleave_status journal_cannot_read(const Journal *journal, cleave_error *error) {
    error_set(error, CLEAVE_ERROR_INPUT, "cannot read the journal " PATH_FORMAT ": %s",
              journal->path, strerror(journal->file.read_error));
    return error_advise(error, CLEAVE_ERROR_INPUT, "try again, or delete it to start over");
}

static cleave_status journal_does_not_fit(const Journal *journal, cleave_error *error) {
    if (journal->file.read_error != 0)
        return journal_cannot_read(journal, error);
    error_set(error, CLEAVE_ERROR_INPUT, "the journal " PATH_FORMAT " does not fit the input",
              journal->path);
    return error_advise(error, CLEAVE_ERROR_INPUT, "delete it and start over");
}

/* ---- Opening ---- */

/* Whether the file is a journal of the same separation. */
static bool journal_is_fitting(Journal *journal) {
    JournalHeader found;
    const JournalHeader *wanted = &journal->file.header;
    if (!journal_file_read(&journal->file, 0, &found, sizeof(found)) ||
        found.magic != wanted->magic)
        return false;
    if (memcmp(&found, wanted, sizeof(found)) == 0)
        return journal_file_read_move(&journal->file, &journal->move);
    log_write(&journal->log, CLEAVE_LOG_WARNING,
              PATH_FORMAT ": an unfinished run of another input, model or settings; starting over",
              journal->path);
    return false;
}

/* Empties the file but for a header. */
static cleave_status journal_begin(Journal *journal, cleave_error *error) {
    const JournalHeader *header = &journal->file.header;
    journal->move = (JournalMove){.device = ""};
    journal->chunks = 0;
    journal->next = 0;
    journal->end = journal_first_record(&journal->file);
    if (!journal_file_empty(&journal->file) ||
        !journal_file_write(&journal->file, 0, header, sizeof(*header)))
        return journal_cannot_write(journal, error);
    return CLEAVE_OK;
}

static cleave_status journal_start(Journal *journal, cleave_error *error) {
    JournalFile *file = &journal->file;
    do {
        file->fd = open(journal->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    } while (file->fd < 0 && errno == EINTR);
    if (file->fd < 0)
        return journal_cannot_write(journal, error);
    JournalState state = {.end = journal_first_record(file)};
    bool fitting = journal_is_fitting(journal);
    if (fitting)
        state = journal_file_latest_state(file);
    if (file->read_error != 0)
        return journal_cannot_read(journal, error);
    journal->chunks = journal->next = state.chunks;
    journal->end = state.end;
    journal->read_offset = journal_first_record(file);
    return fitting ? CLEAVE_OK : journal_begin(journal, error);
}

static void journal_set_fingerprint(Journal *journal, const char *fingerprint) {
    char *text = journal->file.header.fingerprint;
    memset(text, 0, JOURNAL_FINGERPRINT_SIZE);
    snprintf(text, JOURNAL_FINGERPRINT_SIZE, "%s", fingerprint);
}

cleave_status journal_open(Journal **result, const char *path, const char *fingerprint,
                           const ChunkGeometry *geometry, int planes, const cleave_logger *log,
                           cleave_error *error) {
    *result = NULL;
    Journal *journal = calloc(1, sizeof(*journal));
    if (!journal)
        return error_memory(error, "a journal", sizeof(*journal));
    journal->log = *log;
    journal->file.fd = -1;
    journal->file.hop = geometry->hop;
    journal->file.header.magic = JOURNAL_MAGIC;
    journal->file.header.planes = planes;
    journal->file.header.carried = chunk_carried(geometry);
    journal_set_fingerprint(journal, fingerprint);
    journal->path = string_copy(path);
    cleave_status status = journal->path ? journal_start(journal, error)
                                         : error_memory(error, "a path", strlen(path) + 1);
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

unsigned journal_outgrown(const Journal *journal) {
    return journal->move.outgrown;
}

bool journal_fits_device(const Journal *journal, const char *fingerprint) {
    return strcmp(journal->move.fingerprint, fingerprint) == 0;
}

cleave_status journal_restart(Journal *journal, const char *fingerprint, cleave_error *error) {
    journal_set_fingerprint(journal, fingerprint);
    return journal_begin(journal, error);
}

/* ---- Reading ---- */

int64_t journal_chunks(const Journal *journal) {
    return journal->chunks;
}

static cleave_status journal_reserve(Journal *journal, int64_t frames, cleave_error *error) {
    if (frames <= journal->capacity && journal->frames)
        return CLEAVE_OK;
    size_t bytes = ((size_t)frames + 1) * (size_t)journal->file.header.planes * sizeof(float);
    free(journal->frames);
    journal->frames = malloc(bytes);
    journal->capacity = journal->frames ? frames : 0;
    return journal->frames ? CLEAVE_OK : error_memory(error, "a journal's record", bytes);
}

cleave_status journal_read(Journal *journal, int64_t index, float **planes, int64_t frames,
                           cleave_error *error) {
    JournalFile *file = &journal->file;
    JournalRecord record;
    if (!journal_file_read_record(file, journal->read_offset, index, &record) ||
        record.frames != frames)
        return journal_does_not_fit(journal, error);
    cleave_status status = journal_reserve(journal, frames, error);
    if (status != CLEAVE_OK)
        return status;
    size_t bytes = (size_t)journal_record_floats(file, &record) * sizeof(float);
    journal->read_offset += (int64_t)sizeof(record);
    if (!journal_file_read(file, journal->read_offset, journal->frames, bytes))
        return journal_does_not_fit(journal, error);
    journal->read_offset += (int64_t)bytes;
    for (int64_t plane = 0; plane < file->header.planes; plane++)
        planes[plane] = journal->frames + plane * frames;
    return CLEAVE_OK;
}

/* What a state keeps of the blender, in this order: each plane's sums, then the weights. */
static float *journal_state_plane(const Journal *journal, const Blender *blender, int64_t plane) {
    return plane < journal->file.header.planes ? blender->sums + plane * blender->geometry.chunk
                                               : blender->weights;
}

cleave_status journal_restore(Journal *journal, Blender *blender, cleave_error *error) {
    JournalFile *file = &journal->file;
    size_t bytes = (size_t)file->header.carried * sizeof(float);
    int64_t offset = journal_state_offset(file, journal->chunks) + (int64_t)sizeof(JournalState);
    for (int64_t plane = 0; plane <= file->header.planes; plane++) {
        if (!journal_file_read(file, offset, journal_state_plane(journal, blender, plane), bytes))
            return journal_does_not_fit(journal, error);
        offset += (int64_t)bytes;
    }
    return CLEAVE_OK;
}

/* ---- Writing ---- */

static void journal_give_up(Journal *journal) {
    journal->failed = true;
    log_write(&journal->log, CLEAVE_LOG_WARNING,
              "cannot write the journal " PATH_FORMAT ": %s; going on, but what is done from here "
              "on cannot be resumed",
              journal->path, strerror(errno));
}

void journal_write(Journal *journal, const float *const *planes, int64_t frames) {
    if (journal->failed)
        return;
    const JournalFile *file = &journal->file;
    JournalRecord record = {.index = journal->next, .frames = frames};
    size_t bytes = (size_t)frames * sizeof(float);
    int64_t offset = journal->end + (int64_t)sizeof(record);
    record.sum = journal_sum_record(&record);
    bool good = true;
    for (int64_t plane = 0; plane < file->header.planes && good; plane++) {
        record.sum = journal_sum_floats(record.sum, planes[plane], frames);
        good = journal_file_write(file, offset, planes[plane], bytes);
        offset += (int64_t)bytes;
    }
    good = good && journal_file_write(file, journal->end, &record, sizeof(record));
    if (good)
        journal->end = offset;
    else
        journal_give_up(journal);
}

void journal_complete(Journal *journal, const Blender *blender) {
    if (journal->failed)
        return;
    const JournalFile *file = &journal->file;
    const int64_t carried = file->header.carried;
    JournalState state = {.chunks = journal->next + 1, .end = journal->end};
    int64_t begin = journal_state_offset(file, state.chunks);
    int64_t offset = begin + (int64_t)sizeof(state);
    state.sum = journal_sum_state(&state);
    bool good = true;
    for (int64_t plane = 0; plane <= file->header.planes && good; plane++) {
        const float *from = journal_state_plane(journal, blender, plane);
        state.sum = journal_sum_floats(state.sum, from, carried);
        good = journal_file_write(file, offset, from, (size_t)carried * sizeof(float));
        offset += carried * (int64_t)sizeof(float);
    }
    if (good && journal_file_write(file, begin, &state, sizeof(state)))
        journal->next++;
    else
        journal_give_up(journal);
}

void journal_move(Journal *journal, const char *device, unsigned outgrown,
                  const char *fingerprint) {
    JournalMove move = {.outgrown = outgrown};
    if (journal->failed)
        return;
    snprintf(move.device, sizeof(move.device), "%s", device);
    snprintf(move.fingerprint, sizeof(move.fingerprint), "%s", fingerprint);
    move.sum = journal_sum_move(&move);
    if (!journal_file_write(&journal->file, JOURNAL_MOVE_OFFSET, &move, sizeof(move)))
        journal_give_up(journal);
}

/* ---- Closing ---- */

void journal_close(Journal *journal, bool keep) {
    if (!journal)
        return;
    if (journal->file.fd >= 0 && journal->path) {
        close(journal->file.fd);
        if (!keep || (journal->next == 0 && journal->file.read_error == 0))
            unlink(journal->path);
    }
    free(journal->frames);
    free(journal->path);
    free(journal);
}
