/* cpu.c: what the processor and its memory are. The one file of the CPU backend that asks the
 * operating system. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/cpu/executable.h"
#include "backend/cpu/kernels/arm_processor.h"
#ifdef __APPLE__
#include "base/macos.h"
#endif
#include "base/memory_limit.h"
#include "base/processors.h"
#include "base/system.h"

/* The value behind "KEY<blanks>: " in a text file such as /proc/cpuinfo; false if there is none. */
static bool read_field(const char *path, const char *key, char *value, size_t size) {
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    while (!found && fgets(line, sizeof(line), file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || !colon)
            continue;
        const char *start = colon + 1 + strspn(colon + 1, " \t");
        snprintf(value, size, "%.*s", (int)strcspn(start, "\n"), start);
        found = true;
    }
    fclose(file);
    return found;
}

#ifdef __aarch64__
/* Linux on 64-bit ARM has numbers there; those of the first processor, where there are several. */
static void describe_arm_name(char *name, size_t size) {
    char implementer[32];
    char part[32];
    const char *known = NULL;
    if (read_field("/proc/cpuinfo", "CPU implementer", implementer, sizeof(implementer)) &&
        read_field("/proc/cpuinfo", "CPU part", part, sizeof(part)))
        known = arm_processor_name(implementer, part);
    snprintf(name, size, "%s", known ? known : "64-bit ARM processor");
}
#endif

static void describe_name(char *name, size_t size) {
#ifdef __APPLE__
    if (macos_processor_name(name, size))
        return;
#endif
    char value[128];
    if (read_field("/proc/cpuinfo", "model name", value, sizeof(value)))
        snprintf(name, size, "%s", value);
#ifdef __aarch64__
    else
        describe_arm_name(name, size);
#endif
}

/* That of the machine, and what is left of both where a container has its share of it. */
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

/* What is not native is computed as f32: it saves memory, but no time. */
static void describe_precision(cleave_device_info *info, cleave_capability_kind kind,
                               cleave_precision precision) {
    const Kernels *kernels = kernels_select();
    cleave_capability *capability = &info->capabilities[kind];
    capability->able = kernels->products[precision].native;
    if (!capability->able)
        snprintf(capability->reason, sizeof(capability->reason),
                 "the %s kernels have no such products, so that %s saves memory but no time",
                 kernels->name, precision_name(precision));
}

static void describe_capabilities(cleave_device_info *info) {
    describe_precision(info, CLEAVE_CAPABILITY_F16, CLEAVE_PRECISION_F16);
    describe_precision(info, CLEAVE_CAPABILITY_BF16, CLEAVE_PRECISION_BF16);
    info->capabilities[CLEAVE_CAPABILITY_STFT].able = 1;
    info->capabilities[CLEAVE_CAPABILITY_COMPILE].able = 1;
    info->capabilities[CLEAVE_CAPABILITY_UNIFIED_MEMORY].able = 1;
}

int cpu_count(char *reason, size_t size) {
    (void)reason;
    (void)size;
    return 1;
}

void cpu_describe(int index, cleave_device_info *info) {
    (void)index;
    describe_name(info->name, sizeof(info->name));
    describe_capabilities(info);
    system_name(info->system, sizeof(info->system));
    snprintf(info->kernels, sizeof(info->kernels), "%s", kernels_select()->name);
    info->threads = thread_available_processors();
    info->available = 1;
}
