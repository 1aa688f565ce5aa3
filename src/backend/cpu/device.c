/* device.c: asking the system for the processor's name, its threads and its memory. */
#include "backend/cpu/device.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/cpu/kernels/kernels.h"
#include "backend/names.h"
#include "base/memory_limit.h"
#include "base/platform.h"
#include "base/processors.h"

static void describe_name(char *name, size_t size) {
    if (platform_processor_name(name, size))
        return;
#ifdef __aarch64__
    snprintf(name, size, "64-bit ARM processor");
#endif
}

/* The memory of the machine, or of the container that the process runs in. */
void cpu_read_memory(int index, cleave_device_info *info) {
    (void)index;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    int64_t machine = memory_limit_machine("").bytes;
    int64_t container = memory_container_size("");
    int64_t left = memory_limit_container("").bytes;
    int64_t total = pages > 0 && page_size > 0 ? (int64_t)pages * page_size : 0;
    info->system_memory_total = total;
    info->system_memory_available = machine < INT64_MAX ? machine : 0;
    info->memory_total = container < total ? container : total;
    int64_t available = left < machine ? left : machine;
    info->memory_available = available < INT64_MAX ? available : 0;
    if (info->memory_total > 0 && info->memory_available > info->memory_total)
        info->memory_available = info->memory_total;
}

/* A precision without native arithmetic is computed as f32. */
static void describe_precision(cleave_capability *capability, cleave_precision precision) {
    const Kernels *kernels = kernels_select();
    capability->able = kernels->products[precision].native;
    if (!capability->able)
        snprintf(capability->reason, sizeof(capability->reason),
                 "no native %s arithmetic (%s kernels): %s saves memory, not time",
                 precision_name(precision), kernels->name, precision_name(precision));
}

void cpu_describe_capabilities(int index, cleave_capability *capabilities) {
    (void)index;
    describe_precision(&capabilities[CLEAVE_CAPABILITY_F16], CLEAVE_PRECISION_F16);
    describe_precision(&capabilities[CLEAVE_CAPABILITY_BF16], CLEAVE_PRECISION_BF16);
    capabilities[CLEAVE_CAPABILITY_STFT].able = 1;
    capabilities[CLEAVE_CAPABILITY_COMPILE].able = 1;
    capabilities[CLEAVE_CAPABILITY_UNIFIED_MEMORY].able = 1;
}

int cpu_count(char *reason, size_t size) {
    (void)reason;
    (void)size;
    return 1;
}

void cpu_describe(int index, cleave_device_info *info) {
    (void)index;
    describe_name(info->name, sizeof(info->name));
    platform_system_name(info->system, sizeof(info->system));
    snprintf(info->kernels, sizeof(info->kernels), "%s", kernels_select()->name);
    info->threads = thread_available_processors();
    info->available = 1;
}
