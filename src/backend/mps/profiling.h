/* profiling.h: what a profile is told of the GPU: one op for the network that is compiled whole, or
 * each op by itself. Inside backend/mps only. */
#ifndef CLEAVE_MPS_PROFILING_H
#define CLEAVE_MPS_PROFILING_H

#include "backend/backend.h"

typedef struct MpsProfiling {
    Profile *profile; /* NULL: nobody wants to know */
    int *ops;         /* in the profile: of each node; compiled whole, of the one */
    int row;          /* the GPU's */
    double last_end;
} MpsProfiling;

/* Declares the ops and the GPU's row. Without a profile there is nothing to do. */
cleave_status mps_profiling_begin(MpsProfiling *profiling, Profile *profile, const Graph *network,
                                  const CompileOptions *options, cleave_error *error);
void mps_profiling_end(MpsProfiling *profiling);

/* An op has just ended that took the GPU `seconds`: its own clock is another than the host's. 0,
 * where it does not tell: what passed since `host_begin` counts. */
void mps_profiling_ran(MpsProfiling *profiling, int op, double seconds, double host_begin,
                       int chunks);

#endif
