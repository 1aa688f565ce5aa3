/* journal.h: what is done of a track, in a file beside its outputs. A separation that was
 * interrupted, or killed, goes on from its last completed chunk and gives the same bits.
 *
 * A chunk counts as completed once the blender's state after it is whole in the file. The file is
 * for the machine that wrote it. After a power failure damage is recognised by check sums: work may
 * be lost then, but nothing wrong is taken up. */
#ifndef CLEAVE_STREAM_JOURNAL_H
#define CLEAVE_STREAM_JOURNAL_H

#include "base/error.h"
#include "base/log.h"
#include "stream/blender.h"

typedef struct Journal Journal;

/* Of a fingerprint, its end included. */
#define JOURNAL_FINGERPRINT_SIZE 4000

#define JOURNAL_DEVICE_SIZE 32

/* Opens the journal at `path`, of signals of `planes` planes that are cut as `geometry` says. The
 * fingerprint says what decides the bits; if the journal has another one, or is missing or damaged,
 * a new one begins. If it cannot be written later, the logger gets one warning, and nothing more is
 * kept. */
cleave_status journal_open(Journal **journal, const char *path, const char *fingerprint,
                           const ChunkGeometry *geometry, int planes, const cleave_logger *log,
                           cleave_error *error);

/* Chunks that were completed before the journal was opened. */
int64_t journal_chunks(const Journal *journal);

/* The id of the device to which the separation had moved; "" if it had not. It may go on only
 * there, and only with the fingerprint that it had there. It had moved to the device that it was on
 * if it had outgrown a precision: bits 1 << cleave_precision. */
const char *journal_device(const Journal *journal);
unsigned journal_outgrown(const Journal *journal);
bool journal_fits_device(const Journal *journal, const char *fingerprint);

/* Forgets what was done and begins with this fingerprint. */
cleave_status journal_restart(Journal *journal, const char *fingerprint, cleave_error *error);

/* The separation goes on on another device, or in a wider precision. To be called before anything
 * is computed so; from any thread. */
void journal_move(Journal *journal, const char *device, unsigned outgrown, const char *fingerprint);

/* Points planes[] at the final frames of a completed chunk until the next call; there must be
 * `frames` of them. Chunks are read in order. */
cleave_status journal_read(Journal *journal, int64_t index, float **planes, int64_t frames,
                           cleave_error *error);

/* Brings the blender to the state after the last completed chunk. */
cleave_status journal_restore(Journal *journal, Blender *blender, cleave_error *error);

/* Appends the final frames of the next chunk; then completes it with the state after it. */
void journal_write(Journal *journal, const float *const *planes, int64_t frames);
void journal_complete(Journal *journal, const Blender *blender);

/* Closes; with `keep` the file stays if it holds at least one chunk. NULL is allowed. */
void journal_close(Journal *journal, bool keep);

#endif
