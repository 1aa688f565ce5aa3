/* separator.h: what the public separator is made of. Inside separate/ only. */
#ifndef CLEAVE_SEPARATE_SEPARATOR_H
#define CLEAVE_SEPARATE_SEPARATOR_H

#include "model/model.h"
#include "separate/demix.h"

struct cleave_separator {
    const cleave_model *model;
    cleave_separator_settings settings; /* resolved: no zeros that stand for a choice */
    const Backend *backend;
    Executable *executable; /* NULL: released */
    ChunkPlan plan;
    NetworkPlan layers;  /* as measured; empty where the backend is to estimate */
    const char *kernels; /* of the executable, also while it is released, as are the next three */
    uint64_t plan_digest;
    bool compiled_once; /* batch and plan are settled */
    bool compiled;      /* rather than op by op */
    int64_t peak_device_memory;
    const char *plan_source; /* of how layers are computed, as in cleave_layer_list */
    cleave_memory_need need; /* at the batch that was settled on */
    atomic_bool cancel;
};

/* Compiles the network again where it was released. */
cleave_status separator_ensure(cleave_separator *separator, cleave_error *error);

/* The most bytes that it took on the device so far. */
int64_t separator_peak_memory(const cleave_separator *separator);

/* A job for this separator, for the caller to complete: stems, sink, progress. Converts `reader` to
 * the network's rate and channels, and warns of channels that are left out. */
cleave_status separator_job(cleave_separator *separator, AudioReader *reader,
                            const cleave_logger *log, DemixJob *job, cleave_error *error);

#endif
