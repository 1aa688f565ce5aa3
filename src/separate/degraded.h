/* degraded.h: the ops that ran elsewhere than on a separator's devices, as a list that outlives the
 * executables which know of them. Inside separate/ only. */
#ifndef CLEAVE_SEPARATE_DEGRADED_H
#define CLEAVE_SEPARATE_DEGRADED_H

#include "backend/backend.h"

typedef struct DegradedList {
    cleave_degraded_op *ops;
    int count;
} DegradedList;

/* Adds those of an executable on `device`: runs to an op that is listed, or else the op. Where
 * memory runs out they are left out. */
void degraded_add(DegradedList *list, const Executable *executable, const char *device);

/* Leaves out those that never ran; returns how many of the first `first` stay. */
int degraded_drop_unused(DegradedList *list, int first);

/* Ops from `first` on that were to run on the same device. */
int degraded_group(const DegradedList *list, int first);

void degraded_free(DegradedList *list);

#endif
