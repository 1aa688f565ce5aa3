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

/* What a job runs. */
typedef struct DemixNetwork {
    Executable *executable;
    int batch;                  /* the most chunks at once */
    cleave_precision precision; /* never AUTO */
    bool may_widen; /* if its output is no number, the job goes on in a wider precision */
} DemixNetwork;

/* Called from the calling thread when the device fails, or when the output of a network that may
 * widen is no number (CLEAVE_ERROR_MODEL): makes the network ready on another device, or in a wider
 * precision. `error` says what failed. On success *network is the new one; if no device is left,
 * the status of `error` is returned.
 * This is the one call that goes up, from the stream to the session (or the track, whose journal
 * must know of the move first): only they can make a network ready. */
typedef cleave_status (*DemixMoveOn)(void *user, DemixNetwork *network, cleave_error *error);

typedef struct DemixJob {
    DemixNetwork network;
    ChunkGeometry geometry;
    int overlap;
    bool tta;
    bool normalize;
    bool keep_mix;                 /* the sink wants the mix */
    int network_stems;             /* that the network puts out */
    const int *stems;              /* the wanted ones, as indices of the network's */
    const char *const *stem_names; /* of the wanted ones, for error texts */
    int stem_count;                /* wanted ones */
    int sample_rate;               /* Hz, for error texts */
    AudioReader *reader;           /* already converted to the network's rate and channels */
    DemixSink sink;
    void *sink_user;
    cleave_progress_callback progress; /* may be NULL */
    void *progress_user;
    atomic_bool *cancel; /* may be NULL; a job that fails sets it, to wake a reader of a pipe */
    DemixMoveOn move_on; /* may be NULL: the job then fails with its network */
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
