/* memory_need.h: the memory that a separation takes, known before any of it is taken, and the batch
 * that fits into what there is. */
#ifndef CLEAVE_SESSION_MEMORY_NEED_H
#define CLEAVE_SESSION_MEMORY_NEED_H

#include "base/memory_limit.h"
#include "cleave/extra.h"
#include "session/target.h"

/* What the whole process may use: `wanted` bytes if positive, else what the system leaves, with
 * what the process holds already, and no more than is free on a device with its own memory. */
MemoryLimit memory_need_limit(const Target *target, int64_t wanted);

/* Fills in the bytes at `batch`, but not the limit. CLEAVE_ERROR_MEMORY if no address space could
 * hold them. */
cleave_status memory_need(const Target *target, int batch, cleave_memory_need *need,
                          cleave_error *error);

/* The need at the largest batch, from `batch` down, that fits into `limit`; at 1 if none does. */
cleave_status memory_need_fit(const Target *target, int batch, const MemoryLimit *limit,
                              cleave_memory_need *need, cleave_error *error);

#endif
