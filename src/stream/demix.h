/* demix.h: the one way from audio to stems: read → chunk → batch → run → blend → emit. Reading and
 * chunking, the network, and blending and writing each have a thread, so that they overlap. */
#ifndef CLEAVE_STREAM_DEMIX_H
#define CLEAVE_STREAM_DEMIX_H

#include <stdatomic.h>

#include "audio/audio.h"
#include "backend/backend.h"
#include "base/log_relay.h"
#include "stream/chunker.h"
#include "stream/journal.h"

/* Takes the next `frames` frames of every wanted stem, planes[stem · channels + channel], and,
 * where the job keeps it, of the mix that they came from, mix[channel]. Called from a thread of
 * demix's own, never twice at once. */
typedef cleave_status (*DemixSink)(void *user, const float *const *planes, const float *const *mix,
                                   int64_t frames, cleave_error *error);

typedef struct DemixJob {
    Executable *executable;
    ChunkPlan plan;
    int overlap;
    int batch;
    bool tta;
    bool normalize;
    bool keep_mix;                 /* the sink wants the mix */
    int network_stems;             /* that the network puts out */
    const int *stems;              /* those that are wanted, as indices of the network's */
    const char *const *stem_names; /* of the network's, for error texts */
    int stem_count;
    int sample_rate;     /* Hz, for error texts */
    AudioReader *reader; /* already converted to the network's rate and channels */
    DemixSink sink;
    void *sink_user;
    cleave_progress_callback progress; /* or NULL */
    void *progress_user;
    atomic_bool *cancel; /* or NULL; set where the job fails, too, to wake who waits for a pipe */
    /* Where the device fails: finds another one, on which to go on. *executable is replaced, and
     * *batch what suits it. Returns the status of `error`, which says what failed, if there is
     * none. Called from the calling thread. */
    cleave_status (*move_on)(void *user, Executable **executable, int *batch, cleave_error *error);
    void *move_on_user;
    Journal *journal; /* or NULL: nothing is kept for a later run to go on from */
    LogRelay *log;
    Profile *profile; /* or NULL: nobody wants to know where the time goes */
} DemixJob;

typedef struct DemixResult {
    int64_t samples;        /* per channel */
    double network_seconds; /* wall time inside the network */
    int batch;              /* the largest that fitted into memory, at most the job's */
} DemixResult;

/* Progress and log lines come from the calling thread. */
cleave_status demix_run(const DemixJob *job, DemixResult *result, cleave_error *error);

#endif
