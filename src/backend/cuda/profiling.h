/* profiling.h: the time of each step, by events of the GPU around it. */
#ifndef CLEAVE_BACKEND_CUDA_PROFILING_H
#define CLEAVE_BACKEND_CUDA_PROFILING_H

#include "backend/backend.h"
#include "backend/cuda/driver.h"
#include "backend/cuda/plan.h"

typedef struct CudaProfiling {
    Profile *profile;
    int *ops; /* of the profile, per step */
    int row;
    CudaEvent *events; /* before each step, and behind the last */
    double last_end;
} CudaProfiling;

cleave_status cuda_profiling_begin(CudaProfiling *profiling, Profile *profile,
                                   const CudaDriver *driver, const CudaPlan *plan,
                                   DeviceFailure *failure, cleave_error *error);
void cuda_profiling_end(CudaProfiling *profiling, const CudaDriver *driver, const CudaPlan *plan);

/* Reports a run whose events have all happened by now. */
void cuda_profiling_ran(CudaProfiling *profiling, const CudaDriver *driver, const CudaPlan *plan,
                        int batch);

#endif
