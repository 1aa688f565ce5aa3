/* memory.c: device memory that the host cannot touch, pinned memory, and who touched what where it
 * must not. */
#include "memory.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graphs.h"
#include "pages.h"
#include "strict.h"
#include "work.h"

#define DEVICE_ALIGNMENT 256
#define SLACK            0xa5 /* stands around a range, in its first and last page */

static SimRange *live;  /* ranges of all contexts */
static SimRange *freed; /* kept to tell of */
static SimMemoryCounts counts;
static uint64_t used[SIM_DEVICES_MAX]; /* bytes */
static bool is_open;
static const char *user; /* what touches device memory now */
static struct sigaction default_action;

SimMemoryCounts sim_memory_counts(void) {
    return counts;
}

static bool holds(const SimRange *range, uintptr_t address) {
    return address >= range->begin && address - range->begin < range->bytes;
}

SimRange *sim_range_at(uintptr_t address) {
    SimRange *range = live;
    while (range && !holds(range, address))
        range = range->next;
    return range;
}

/* ---- Faults ---- */

static bool near(const SimRange *range, uintptr_t address) {
    uintptr_t begin = (uintptr_t)range->mapping - pages_size();
    return address >= begin && address - begin < range->mapping_bytes + 2 * pages_size();
}

/* Where an address lies, for a message. Returns false if it has nothing to do with ranges. */
static bool tell_place(uintptr_t address, char *text, size_t size) {
    const SimRange *lists[] = {live, freed};
    for (int i = 0; i < 2; i++) {
        for (const SimRange *range = lists[i]; range; range = range->next) {
            if (!near(range, address))
                continue;
            snprintf(text, size, "byte %" PRIdPTR " of %zu bytes of %s%s",
                     (intptr_t)(address - range->begin), range->bytes,
                     range->device ? "device memory" : "pinned memory",
                     i ? ", which is freed" : "");
            return true;
        }
    }
    return false;
}

static void say(const char *what, const char *place) {
    char line[256];
    int length = snprintf(line, sizeof(line), "cudasim: %s touches %s\n", what, place);
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        abort();
}

/* A fault at memory of ours ends the process with a line; others are left to who was there
 * before. */
static void explain_fault(int signal_number, siginfo_t *info, void *machine) {
    char place[128];
    (void)signal_number;
    (void)machine;
    if (tell_place((uintptr_t)info->si_addr, place, sizeof(place))) {
        say(user ? user : "the host", place);
        abort();
    }
    if (user) {
        snprintf(place, sizeof(place), "%p, where no memory is", info->si_addr);
        say(user, place);
    }
    sigaction(SIGSEGV, &default_action, NULL);
}

static void watch_faults(void) {
    static bool watched;
    struct sigaction action = {.sa_sigaction = explain_fault, .sa_flags = SA_SIGINFO};
    if (!watched)
        sigaction(SIGSEGV, &action, &default_action);
    watched = true;
}

/* ---- Ranges ---- */

static void set_slack(const SimRange *range) {
    unsigned char *begin = (unsigned char *)range->begin;
    unsigned char *end = range->mapping + range->mapping_bytes;
    memset(range->mapping, SLACK, (size_t)(begin - range->mapping));
    memset(begin + range->bytes, SLACK, (size_t)(end - (begin + range->bytes)));
}

static void check_slack(const SimRange *range) {
    const unsigned char *begin = (const unsigned char *)range->begin;
    const unsigned char *end = range->mapping + range->mapping_bytes;
    for (const unsigned char *at = range->mapping; at < end; at++) {
        if (at == begin)
            at += range->bytes;
        if (at < end && *at != SLACK)
            sim_abort("byte %td of %zu bytes of %s was written", at - begin, range->bytes,
                      range->device ? "device memory" : "pinned memory");
    }
}

/* A range ends where its last page ends, but for its alignment, so that whoever runs over its end
 * meets the guard. */
static SimRange *map_range(SimContext *context, size_t bytes, size_t alignment, bool device) {
    size_t page = pages_size();
    SimRange *range = sim_allocate(sizeof(*range));
    size_t aligned = (bytes + alignment - 1) / alignment * alignment;
    range->context = context;
    range->device = device;
    range->bytes = bytes;
    range->mapping_bytes = (bytes + page - 1) / page * page;
    range->mapping = pages_map(range->mapping_bytes);
    if (!range->mapping) {
        free(range);
        return NULL;
    }
    range->begin = (uintptr_t)range->mapping + range->mapping_bytes - aligned;
    set_slack(range);
    if (device && !is_open)
        pages_open(range->mapping, range->mapping_bytes, false);
    range->next = live;
    live = range;
    watch_faults();
    return range;
}

static void free_range(SimRange *range) {
    SimRange **link = &live;
    while (*link != range)
        link = &(*link)->next;
    *link = range->next;
    if (range->device && !is_open)
        pages_open(range->mapping, range->mapping_bytes, true);
    check_slack(range);
    pages_retire(range->mapping, range->mapping_bytes);
    if (range->device) {
        used[range->context->device] -= range->bytes;
        counts.live_bytes -= (int64_t)range->bytes;
    } else {
        counts.pinned--;
        counts.pinned_bytes -= (int64_t)range->bytes;
    }
    range->context = NULL;
    range->next = freed;
    freed = range;
}

void sim_memory_forget(SimContext *context) {
    for (SimRange *range = live, *next = NULL; range; range = next) {
        next = range->next;
        if (range->context == context)
            free_range(range);
    }
}

static void open_all(bool open) {
    is_open = open;
    for (const SimRange *range = live; range; range = range->next)
        if (range->device)
            pages_open(range->mapping, range->mapping_bytes, open);
}

void sim_memory_open(void) {
    watch_faults();
    open_all(true);
}

void sim_memory_close(void) {
    open_all(false);
    user = NULL;
}

void sim_memory_user(const char *what) {
    user = what;
}

/* ---- Checks ---- */

void sim_check_device(const SimContext *context, CUdeviceptr address, size_t bytes) {
    const SimRange *range = sim_range_at((uintptr_t)address);
    if (!range || !range->device)
        sim_abort("a copy of %zu bytes at 0x%llx, which is no device memory", bytes, address);
    if (range->context != context)
        sim_abort("a copy of %zu bytes at 0x%llx, which is memory of another context", bytes,
                  address);
    size_t offset = (size_t)(address - range->begin);
    if (bytes > range->bytes - offset)
        sim_abort("a copy of %zu bytes at byte %zu of %zu bytes of device memory", bytes, offset,
                  range->bytes);
}

bool sim_check_host(const void *memory, size_t bytes) {
    const SimRange *range = sim_range_at((uintptr_t)memory);
    if (!memory)
        sim_abort("a copy of %zu bytes at NULL", bytes);
    if (!range)
        return false;
    size_t offset = (size_t)((uintptr_t)memory - range->begin);
    if (range->device)
        sim_abort("a copy between host and device at %p, which is device memory", memory);
    if (bytes > range->bytes - offset)
        sim_abort("a copy of %zu bytes at byte %zu of %zu bytes of pinned memory", bytes, offset,
                  range->bytes);
    return true;
}

static SimRange *range_to_free(uintptr_t address, bool device, const SimContext *context) {
    const char *what = device ? "device memory" : "pinned memory";
    SimRange *range = sim_range_at(address);
    char place[128];
    if (!range || range->begin != address || range->device != device)
        sim_abort("%s at 0x%" PRIxPTR " is freed, but it is %s", what, address,
                  tell_place(address, place, sizeof(place)) ? place : "none");
    if (range->context != context)
        sim_abort("%s of another context than the current one is freed", what);
    if (sim_work_uses(range->begin, range->bytes))
        sim_abort("%zu bytes of %s are freed that work in flight uses", range->bytes, what);
    return range;
}

/* ---- Calls ---- */

static uint64_t available(const SimContext *context) {
    const SimDeviceSettings *device = sim_device_of(context);
    uint64_t taken = device->used + used[context->device];
    return taken < device->memory ? device->memory - taken : 0;
}

static CUresult allocate(SimContext *context, CUdeviceptr *address, size_t bytes) {
    const SimDeviceSettings *device = sim_device_of(context);
    if (bytes == 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (bytes > available(context) ||
        (device->limit && used[context->device] + bytes > device->limit))
        return CUDA_ERROR_OUT_OF_MEMORY;
    SimRange *range = map_range(context, bytes, DEVICE_ALIGNMENT, true);
    if (!range)
        return CUDA_ERROR_OUT_OF_MEMORY;
    used[context->device] += bytes;
    counts.allocations++;
    counts.live_bytes += (int64_t)bytes;
    if (counts.live_bytes > counts.peak_bytes)
        counts.peak_bytes = counts.live_bytes;
    *address = range->begin;
    return CUDA_SUCCESS;
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuMemAlloc_v2, &status);
    return context ? sim_end(allocate(context, address, bytes)) : status;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuMemFree_v2, &status);
    if (!context)
        return status;
    if (address)
        free_range(range_to_free((uintptr_t)address, true, context));
    return sim_end(CUDA_SUCCESS);
}

static CUresult allocate_host(SimContext *context, void **memory, size_t bytes) {
    if (bytes == 0)
        return CUDA_ERROR_INVALID_VALUE;
    SimRange *range = map_range(context, bytes, pages_size(), false);
    if (!range)
        return CUDA_ERROR_OUT_OF_MEMORY;
    counts.pinned++;
    counts.pinned_bytes += (int64_t)bytes;
    *memory = (void *)range->begin;
    return CUDA_SUCCESS;
}

CUresult cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuMemHostAlloc, &status);
    if (!context)
        return status;
    if (flags > 7)
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    return sim_end(allocate_host(context, memory, bytes));
}

CUresult cuMemFreeHost(void *memory) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuMemFreeHost, &status);
    if (!context)
        return status;
    free_range(range_to_free((uintptr_t)memory, false, context));
    return sim_end(CUDA_SUCCESS);
}

CUresult cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuMemGetInfo_v2, &status);
    if (!context)
        return status;
    *free_bytes = (size_t)available(context);
    *total = (size_t)sim_device_of(context)->memory;
    return sim_end(CUDA_SUCCESS);
}

uint64_t cudasim_memory_used(int device) {
    sim_lock();
    uint64_t bytes = device >= 0 && device < SIM_DEVICES_MAX ? used[device] : 0;
    sim_unlock();
    return bytes;
}
