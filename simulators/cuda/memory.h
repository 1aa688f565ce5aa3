/* memory.h: memory of the device, and pinned memory of the host. */
#ifndef CUDASIM_MEMORY_H
#define CUDASIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contexts.h"

/* A piece of memory that the program asked for, alone between pages that nobody may touch. */
typedef struct SimRange {
    struct SimRange *next;
    SimContext *context; /* NULL: freed */
    bool device;         /* else pinned memory of the host */
    uintptr_t begin;
    size_t bytes;
    unsigned char *mapping; /* its pages, without the guards */
    size_t mapping_bytes;
} SimRange;

/* The live range in which an address lies, or NULL. */
SimRange *sim_range_at(uintptr_t address);

/* The device memory that a copy of `bytes` bytes touches. Aborts if it is none, or too small. */
void sim_check_device(const SimContext *context, CUdeviceptr address, size_t bytes);

/* The same for memory of the host; returns whether it is pinned. */
bool sim_check_host(const void *memory, size_t bytes);

/* Between these, and only then, device memory can be touched. `what` is what touches it. */
void sim_memory_open(void);
void sim_memory_close(void);
void sim_memory_user(const char *what);

/* Frees all of a context. */
void sim_memory_forget(SimContext *context);

typedef struct SimMemoryCounts {
    int64_t allocations; /* of device memory, ever */
    int64_t live_bytes;
    int64_t peak_bytes;
    int64_t pinned; /* pieces of pinned memory */
    int64_t pinned_bytes;
} SimMemoryCounts;

SimMemoryCounts sim_memory_counts(void);

#endif
