/* compiled.h: a network as compiled for a device, and what stays known of it once it is released.
 */
#ifndef CLEAVE_SESSION_COMPILED_H
#define CLEAVE_SESSION_COMPILED_H

#include "session/target.h"

typedef struct Compiled {
    Executable *executable; /* NULL: released */
    const char *kernels;    /* of the latest executable; "" or its instruction set */
    uint64_t plan_digest;   /* of the latest executable: how its layers are computed */
    int64_t peak_memory;    /* bytes: the most that an earlier executable took */
} Compiled;

/* Compiles for runs of *batch chunks, or of half as many again and again while memory runs out;
 * *batch becomes what fits. */
cleave_status compiled_make(Compiled *compiled, const Target *target, int *batch,
                            cleave_error *error);

void compiled_release(Compiled *compiled);

/* Bytes that it takes on its device; 0 once it is released. */
int64_t compiled_memory(const Compiled *compiled);

/* The most bytes that it, or an earlier one, took so far. */
int64_t compiled_peak_memory(const Compiled *compiled);

#endif
