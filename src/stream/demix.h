/* demix.h: the one way from audio to stems: feed → run → collect → blend. Reading and chunking, the
 * network, and blending and writing each have a thread, so that they overlap. */
#ifndef CLEAVE_STREAM_DEMIX_H
#define CLEAVE_STREAM_DEMIX_H

#include <stdatomic.h>

#include "audio/audio.h"
#include "backend/backend.h"
#include "base/log_relay.h"
#include "stream/chunker.h"
#include "stream/journal.h"

/* Takes the next `frames` frames of every wanted stem, planes[stem · channels + channel], and, if
 * the job keeps it, of the mix that they came from, mix[channel]. Called from a thread of demix's
 * own, never twice at once. */
typedef cleave_status (*DemixSink)(void *user, const float *const *planes, const float *const *mix,
                                   int64_t frames, cleave_error *error);

/* Called when the device fails, from the calling thread: makes the network ready on another device.
 * `error` says what failed. On success *executable is the new one and *batch suits its device; if
 * no device is left, the status of `error` is returned.
 * This is the one call that goes up, from the stream to the session (or the track, whose journal
 * must know of the move first): only they can make a network ready. */
typedef cleave_status (*DemixMoveOn)(void *user, Executable **executable, int *batch,
                                     cleave_error *error);

typedef struct DemixJob {
    Executable *executable;
    ChunkGeometry geometry;
    int overlap;
    int batch;
    bool tta;
    bool normalize;
    bool keep_mix;                 /* the sink wants the mix */
    int network_stems;             /* that the network puts out */
    const int *stems;              /* the wanted ones, as indices of the network's */
    const char *const *stem_names; /* of the network's, for error texts */
    int stem_count;                /* wanted ones */
    int sample_rate;               /* Hz, for error texts */
    AudioReader *reader;           /* already converted to the network's rate and channels */
    DemixSink sink;
    void *sink_user;
    cleave_progress_callback progress; /* may be NULL */
    void *progress_user;
    atomic_bool *cancel; /* may be NULL; a job that fails sets it, to wake a reader of a pipe */
    DemixMoveOn move_on; /* may be NULL: the job then fails with its device */
    void *move_on_user;
    Journal *journal; /* may be NULL: nothing is kept for later */
    LogRelay *log;
    Profile *profile; /* may be NULL */
} DemixJob;

typedef struct DemixResult {
    int64_t samples;        /* per channel */
    double network_seconds; /* wall time inside the network */
    int batch;              /* the largest that fitted into memory, at most the job's */
} DemixResult;

/* Progress and log lines come from the calling thread. */
cleave_status demix_run(const DemixJob *job, DemixResult *result, cleave_error *error);

/* Bytes that demix_run() allocates if all stems are wanted, with a residual, on a device that works
 * on up to `depth` batches at once; at most INT64_MAX. */
int64_t demix_memory(const ChunkGeometry *geometry, int batch, int depth, int stems);

#endif
