/* journal.h: what is done of a track, in a file beside its outputs, so that a run that was
 * interrupted, killed even, can go on from its last completed chunk with the same bits out.
 *
 *   header     a fingerprint of the input, the model, the device that the run began on, and all
 *              settings that change the result
 *   move       the device that the run went on on, where the first one failed, and its fingerprint
 *   states     the blender after the latest chunk and after the one before, with check sums
 *   records    per chunk the final frames of every plane, with check sums
 *
 * A chunk counts as completed once the state after it is whole. The file is for the machine that
 * wrote it: floats and integers are as in memory. What a power failure leaves is recognised by the
 * check sums, and never wrong, but may be nothing. */
#ifndef CLEAVE_STREAM_JOURNAL_H
#define CLEAVE_STREAM_JOURNAL_H

#include "base/error.h"
#include "base/log.h"
#include "stream/blender.h"

typedef struct Journal Journal;

/* What a journal is for: a run with another fingerprint, of at most JOURNAL_FINGERPRINT_SIZE bytes
 * with its end, starts over. */
#define JOURNAL_FINGERPRINT_SIZE 4000

#define JOURNAL_DEVICE_SIZE 32

/* Opens the journal at `path` for signals of `planes` planes that are blended as `plan` says; makes
 * it where there is none, or none that fits. The logger is told once if the journal cannot be
 * written later: the run then goes on without. */
cleave_status journal_open(Journal **journal, const char *path, const char *fingerprint,
                           const ChunkPlan *plan, int planes, const cleave_logger *log,
                           cleave_error *error);

/* Chunks that an earlier run completed. */
int64_t journal_chunks(const Journal *journal);

/* The id of the device to which that run had moved; "": to none. On no other, nor with another
 * fingerprint than it had there, may a run go on. */
const char *journal_device(const Journal *journal);
bool journal_fits_device(const Journal *journal, const char *fingerprint);

/* Forgets what was done: the journal is then one of a run that begins, with this fingerprint. */
cleave_status journal_restart(Journal *journal, const char *fingerprint, cleave_error *error);

/* The run goes on on another device. To be called before that one has computed anything; from any
 * thread. */
void journal_move(Journal *journal, const char *device, const char *fingerprint);

/* Points planes[] at the final frames of a completed chunk until the next call; `frames` are
 * expected. Chunks are read in order. */
cleave_status journal_read(Journal *journal, int64_t index, float **planes, int64_t frames,
                           cleave_error *error);

/* Brings the blender to the state after the last completed chunk. */
cleave_status journal_restore(Journal *journal, Blender *blender, cleave_error *error);

/* Appends the final frames of the next chunk; then completes it with the state after it. */
void journal_write(Journal *journal, const float *const *planes, int64_t frames);
void journal_complete(Journal *journal, const Blender *blender);

/* Closes; the file stays where `keep`, and holds at least one chunk. NULL is allowed. */
void journal_close(Journal *journal, bool keep);

#endif
