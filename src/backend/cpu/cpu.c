/* cpu.c: what the processor and its memory are. The one file of the CPU backend that asks the
 * operating system. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef __APPLE__
#include <sys/sysctl.h>
#endif
#include <sys/utsname.h>

#include "backend/cpu/executable.h"
#include "backend/cpu/kernels/arm_processor.h"
#include "base/memory_limit.h"

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
    if (sysctlbyname("machdep.cpu.brand_string", name, &size, NULL, 0) == 0)
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

/* The machine's memory, or the container's share of it. */
static void describe_memory(cleave_device_info *info) {
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    int64_t container = memory_container_size("");
    int64_t available = memory_limit_machine("").bytes;
    int64_t left = memory_limit_container("").bytes;
    if (pages > 0 && page_size > 0)
        info->memory_total = (int64_t)pages * page_size;
    if (container < info->memory_total)
        info->memory_total = container;
    available = left < available ? left : available;
    info->memory_available = available < INT64_MAX ? available : 0;
    if (info->memory_total > 0 && info->memory_available > info->memory_total)
        info->memory_available = info->memory_total;
}

static void describe_system(cleave_device_info *info) {
    struct utsname name;
    if (uname(&name) == 0)
        snprintf(info->system, sizeof(info->system), "%.60s %.60s", name.sysname, name.release);
}

static void describe_precision(cleave_device_info *info, cleave_capability_kind kind,
                               cleave_precision precision) {
    const Kernels *kernels = kernels_select();
    cleave_capability *capability = &info->capabilities[kind];
    capability->able = kernels->products[precision].native;
    if (!capability->able)
        snprintf(capability->reason, sizeof(capability->reason),
                 "%s kernels have no products of %s: they are computed as f32", kernels->name,
                 precision_name(precision));
}

static void describe_capabilities(cleave_device_info *info) {
    describe_precision(info, CLEAVE_CAPABILITY_F16, CLEAVE_PRECISION_F16);
    describe_precision(info, CLEAVE_CAPABILITY_BF16, CLEAVE_PRECISION_BF16);
    info->capabilities[CLEAVE_CAPABILITY_STFT].able = 1;
    info->capabilities[CLEAVE_CAPABILITY_COMPILE].able = 1;
    info->capabilities[CLEAVE_CAPABILITY_UNIFIED_MEMORY].able = 1;
}

void cpu_describe(cleave_device_info *info) {
    describe_name(info->name, sizeof(info->name));
    describe_memory(info);
    describe_system(info);
    describe_capabilities(info);
    info->kind = CLEAVE_DEVICE_CPU;
    info->system_memory_total = info->memory_total;
    info->system_memory_available = info->memory_available;
    snprintf(info->kernels, sizeof(info->kernels), "%s", kernels_select()->name);
    info->threads = thread_available_processors();
    info->available = 1;
}
