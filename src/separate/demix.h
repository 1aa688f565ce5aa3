/* demix.h: the one way from audio to stems: read → chunk → batch → run → blend → emit. */
#ifndef CLEAVE_SEPARATE_DEMIX_H
#define CLEAVE_SEPARATE_DEMIX_H

#include <stdatomic.h>

#include "audio/audio.h"
#include "backend/backend.h"
#include "separate/chunker.h"

/* Takes the next `frames` frames of every wanted stem, planes[stem · channels + channel], and of
 * the mix that they came from, mix[channel]. */
typedef cleave_status (*DemixSink)(void *user, const float *const *planes, const float *const *mix,
                                   int64_t frames, cleave_error *error);

typedef struct DemixJob {
    Executable *executable;
    ChunkPlan plan;
    int overlap;
    int batch;
    bool tta;
    bool normalize;
    int network_stems; /* that the network puts out */
    const int *stems;  /* those that are wanted, as indices of the network's */
    int stem_count;
    AudioReader *reader; /* already converted to the network's rate and channels */
    DemixSink sink;
    void *sink_user;
    cleave_progress_callback progress; /* or NULL */
    void *progress_user;
    const atomic_bool *cancel;
} DemixJob;

typedef struct DemixResult {
    int64_t samples;        /* per channel */
    double network_seconds; /* wall time inside the network */
} DemixResult;

cleave_status demix_run(const DemixJob *job, DemixResult *result, cleave_error *error);

#endif
