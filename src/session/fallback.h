/* fallback.h: the ops of a separator that ran elsewhere than on its device, as a list that outlives
 * the executables. */
#ifndef CLEAVE_SESSION_FALLBACK_H
#define CLEAVE_SESSION_FALLBACK_H

#include "backend/backend.h"
#include "cleave/extra.h"

/* An executable that is given with a list may be NULL: released. `device` is the id of its device.
 * If memory runs out, ops are left out. */
typedef struct FallbackList {
    cleave_fallback_op *ops; /* of executables that are gone */
    int count;
    int told; /* the user knows of the first so many, the executable's ops counted behind these */
} FallbackList;

/* Adds an executable's ops before it goes: their runs, if they are listed already. */
void fallback_add(FallbackList *list, const Executable *executable, const char *device);

/* The separator moves to another device: forgets ops that never ran. */
void fallback_change_device(FallbackList *list);

/* A list with the executable's ops added, to be freed. */
FallbackList fallback_all(const FallbackList *list, const Executable *executable,
                          const char *device);

/* Warns of the ops that the user does not know of yet, those of a device in one line. */
void fallback_warn(FallbackList *list, const Executable *executable, const char *device,
                   const cleave_logger *log);

void fallback_free(FallbackList *list);

#endif
