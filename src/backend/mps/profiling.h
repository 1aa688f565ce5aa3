/* profiling.h: what a profile receives from the GPU: one op for a network that is compiled whole,
 * or each op by itself. Inside backend/mps only. */
#ifndef CLEAVE_MPS_PROFILING_H
#define CLEAVE_MPS_PROFILING_H

#include "backend/backend.h"

typedef struct MpsProfiling {
    Profile *profile; /* may be NULL: then nothing is recorded */
    int *ops;         /* in the profile: of each node; compiled whole, of the one */
    int row;          /* the GPU's */
    double last_end;
} MpsProfiling;

/* Adds the ops and the GPU's row to the profile, if there is one. */
cleave_status mps_profiling_begin(MpsProfiling *profiling, Profile *profile, const Graph *network,
                                  const CompileOptions *options, cleave_error *error);
void mps_profiling_end(MpsProfiling *profiling);

/* An op has just ended that took the GPU `seconds`, by the GPU's own clock. 0: not known; then the
 * time since `host_begin` counts. */
void mps_profiling_ran(MpsProfiling *profiling, int op, double seconds, double host_begin,
                       int chunks);

#endif
