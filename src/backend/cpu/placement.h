/* placement.h: where the values of a program lie: the tensors, the arena that holds their data, and
 * their statistics. */
#ifndef CLEAVE_CPU_PLACEMENT_H
#define CLEAVE_CPU_PLACEMENT_H

#include "backend/cpu/executable.h"

/* Fills in the executable's tensors and the plans of its steps (a tensor's parts depend on the plan
 * of its writer), and allocates arena and statistics, unless it is sizes_only. */
cleave_status place_tensors(CpuExecutable *executable, cleave_error *error);

/* The precision of a step's products. */
cleave_precision step_precision(const CpuExecutable *executable, const Step *step);

/* What the cost of a step depends on. The tensors that it reads must have been placed. */
CpuLayer step_layer(const CpuExecutable *executable, const Step *step);

#endif
