/* memory_need.h: what a separation takes, known before any of it is taken, and the batch that fits
 * into what there is. Inside separate/ only. */
#ifndef CLEAVE_SESSION_MEMORY_NEED_H
#define CLEAVE_SESSION_MEMORY_NEED_H

#include "backend/registry.h"
#include "base/memory_limit.h"
#include "cleave/extra.h"
#include "stream/chunker.h"

/* What the need depends on, beside the batch. */
typedef struct MemoryQuestion {
    const Device *device;
    const Graph *graph;     /* shapes suffice */
    CompileOptions options; /* but for its batch */
    ChunkGeometry geometry;
    int stems;    /* of the network */
    int64_t held; /* bytes of the checkpoint that stay in memory; taken already */
} MemoryQuestion;

/* What may be used by the whole process: `wanted` bytes if positive, else what the system leaves,
 * with what the process holds already, and no more than is free on a device with memory of its
 * own. */
MemoryLimit memory_need_limit(const MemoryQuestion *question, int64_t wanted);

/* Fills in the bytes at `batch`, but not the limit. CLEAVE_ERROR_MEMORY where no address space
 * could hold them. */
cleave_status memory_need(const MemoryQuestion *question, int batch, cleave_memory_need *need,
                          cleave_error *error);

/* The need at the largest batch from `batch` down that fits into `limit`; at 1 if none does. */
cleave_status memory_need_fit(const MemoryQuestion *question, int batch, const MemoryLimit *limit,
                              cleave_memory_need *need, cleave_error *error);

#endif
