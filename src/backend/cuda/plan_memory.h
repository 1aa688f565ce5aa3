/* plan_memory.h: the sizes and places of all that a plan needs in the GPU's memory. Parts of plan.c
 * alone. */
#ifndef CLEAVE_BACKEND_CUDA_PLAN_MEMORY_H
#define CLEAVE_BACKEND_CUDA_PLAN_MEMORY_H

#include "backend/cuda/plan.h"

/* Room for a step's weights, norms and tables. */
void plan_reserve(CudaPlan *plan, int step);

/* Gives every value of the planned steps its place in the arena. */
cleave_status plan_place(CudaPlan *plan, cleave_error *error);

/* Whether a step reads a node's value, in whatever way. */
bool plan_step_reads(const Step *step, int node);

/* Elements of a convolution's kernel. */
int plan_taps(const Node *node);

#endif
