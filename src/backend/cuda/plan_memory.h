/* plan_memory.h: the sizes and places of all that a plan needs in the GPU's memory. Parts of plan.c
 * alone. */
#ifndef CLEAVE_BACKEND_CUDA_PLAN_MEMORY_H
#define CLEAVE_BACKEND_CUDA_PLAN_MEMORY_H

#include "backend/cuda/plan.h"

/* Room for a step's weights, norms and tables. */
void plan_reserve(CudaPlan *plan, int step);

/* Gives every value of the planned steps its place in the arena. */
cleave_status plan_place(CudaPlan *plan, cleave_error *error);

#endif
