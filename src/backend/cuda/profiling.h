/* profiling.h: the time of each step, by events of the GPU around it. */
#ifndef CLEAVE_BACKEND_CUDA_PROFILING_H
#define CLEAVE_BACKEND_CUDA_PROFILING_H

#include "backend/backend.h"
#include "backend/cuda/driver.h"
#include "backend/cuda/plan.h"

/* Batches on their way at once: while one is computed, the other is sent or fetched. */
#define CUDA_FLIGHTS 2

typedef struct CudaProfiling {
    Profile *profile;
    int *ops; /* of the profile, per step */
    int row;
    CudaEvent *events; /* of each flight: before each step, and behind the last */
    bool *recorded;    /* per flight: its batch was launched between events */
    double last_end;
} CudaProfiling;

cleave_status cuda_profiling_begin(CudaProfiling *profiling, Profile *profile,
                                   const CudaDriver *driver, const CudaPlan *plan,
                                   DeviceFailure *failure, cleave_error *error);

/* What is on the device, while the context is current. */
void cuda_profiling_release(CudaProfiling *profiling, const CudaDriver *driver,
                            const CudaPlan *plan);
void cuda_profiling_end(CudaProfiling *profiling);

/* The events of a flight's batch. */
static inline CudaEvent *cuda_profiling_events(const CudaProfiling *profiling, const CudaPlan *plan,
                                               int flight) {
    return profiling->events + (size_t)flight * ((size_t)plan->program.count + 1);
}

/* Reports a flight's batch, whose events have all happened by now. Batches come in the order in
 * which they were launched. */
void cuda_profiling_ran(CudaProfiling *profiling, const CudaDriver *driver, const CudaPlan *plan,
                        int flight, int batch);

#endif
