/* contexts.h: primary contexts, and each thread's stack of current ones. */
#ifndef CUDASIM_CONTEXTS_H
#define CUDASIM_CONTEXTS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "calls.h"
#include "objects.h"
#include "settings.h"

typedef struct SimContext {
    SimObject object;
    int device;
    CUresult error;       /* sticky: what all calls return from now on; or CUDA_SUCCESS */
    uint64_t nanoseconds; /* the device's clock, which its work moves on */
} SimContext;

/* What every call that needs no context begins with: takes the lock, counts the call, and fails
 * where the settings want it, or cuInit() is missing. Returns CUDA_SUCCESS and holds the lock,
 * until sim_end(); else the call returns what this returned. */
CUresult sim_begin(SimCall call);

/* The same for calls that need a context: returns the current one, or NULL, where the call returns
 * *status. */
SimContext *sim_enter(SimCall call, CUresult *status);

/* Gives the lock back; returns `status`. */
CUresult sim_end(CUresult status);

/* Ends the context's life for its user: all calls return `error` from now on. */
void sim_context_break(SimContext *context, CUresult error);
bool sim_is_sticky(CUresult error);

const SimDeviceSettings *sim_device_of(const SimContext *context);

int64_t sim_contexts_created(void);

/* cuInit() was called, and worked. */
void sim_set_initialised(void);

#endif
