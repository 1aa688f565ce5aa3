/* separator.h: what the public separator is made of. Inside separate/ only. */
#ifndef CLEAVE_SESSION_SEPARATOR_H
#define CLEAVE_SESSION_SEPARATOR_H

#include "backend/registry.h"
#include "cleave/extra.h"
#include "model/model.h"
#include "stream/demix.h"
#include "session/fallback.h"

struct cleave_separator {
    const cleave_model *model;
    cleave_separator_settings asked;    /* zeros that stand for a choice of the device's remain */
    cleave_separator_settings settings; /* resolved for the device */
    const Device *device;
    unsigned tried;         /* devices that were taken, this one included; see registry_bit() */
    bool moved;             /* to another device than the one that was chosen first */
    bool settled;           /* the batch is chosen */
    Executable *executable; /* NULL: released */
    ChunkGeometry geometry;
    cleave_memory_need need; /* at the batch that was settled on */
    const char *kernels;     /* of the executable, also while it is released, as are the rest */
    uint64_t plan_digest;
    int64_t peak_device_memory;
    FallbackList fallback; /* of executables that are no more */
    int fallback_told;     /* of which the user was told, those of the executable behind them */
    Profile *profile;      /* NULL: not asked for */
    atomic_bool cancel;
};

/* A job for this separator, for the caller to complete: stems, sink, progress. Converts `reader` to
 * the network's rate and channels, and warns of channels that are left out. */
cleave_status separator_job(cleave_separator *separator, AudioReader *reader,
                            const cleave_logger *log, DemixJob *job, cleave_error *error);

/* Keeps for later jobs what a job found out: the batch that fits into memory. */
void separator_learn(cleave_separator *separator, const DemixJob *job, const DemixResult *result);

#endif
