/* tensors.h: between the frameworks' shapes and types and the simulator's. */
#ifndef APPLESIM_TENSORS_H
#define APPLESIM_TENSORS_H

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include "op.h"
#include "types.h"

/* Raises where the simulated macOS has no such type; aborts where the simulator has not. */
SimElement sim_element_of(MPSDataType type, const char *what);
MPSDataType sim_data_type(SimElement element);

/* Aborts where a size is not known, or the array too large. */
SimType sim_type_of(MPSShape *shape, MPSDataType type, const char *what);
MPSShape *sim_shape(const SimType *type);

/* Numbers of an array, at most SIM_MAX_RANK; returns their count. */
int sim_numbers(NSArray *array, int64_t *numbers, const char *what);

/* An axis that may be counted from the end. */
int sim_axis(int64_t axis, int rank, const char *what);

/* A buffer of its own for a result. */
MPSGraphTensorData *sim_new_result(const SimType *type);

/* A copy to be freed. */
SimType *sim_copy_type(const SimType *type);

/* Aborts unless data is of that type. `what` names it. */
void sim_check_data(id data, const SimType *type, const char *what);

#endif
