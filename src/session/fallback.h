/* fallback.h: the ops that ran elsewhere than on a separator's devices, as a list that outlives the
 * executables which know of them. Inside separate/ only. */
#ifndef CLEAVE_SESSION_FALLBACK_H
#define CLEAVE_SESSION_FALLBACK_H

#include "backend/backend.h"
#include "cleave/extra.h"

typedef struct FallbackList {
    cleave_fallback_op *ops;
    int count;
} FallbackList;

/* Adds those of an executable on `device`: runs to an op that is listed, or else the op. Where
 * memory runs out they are left out. */
void fallback_add(FallbackList *list, const Executable *executable, const char *device);

/* Leaves out those that never ran; returns how many of the first `first` stay. */
int fallback_drop_unused(FallbackList *list, int first);

/* Ops from `first` on that were to run on the same device. */
int fallback_group(const FallbackList *list, int first);

void fallback_free(FallbackList *list);

#endif
