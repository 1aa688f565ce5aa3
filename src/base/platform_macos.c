/* platform_macos.c: macOS. Compiled for it by `make check-macos`; it has not run there
 * yet, for want of a Mac. */
#include "base/platform.h"

#include <crt_externs.h>
#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <string.h>
#include <strings.h>
#include <sys/sysctl.h>
#include <unistd.h>

const char platform_cache_folder[] = "Library/Caches";
const char platform_object_extension[] = "dylib";

/* ---- Names ---- */

void platform_system_name(char *name, size_t size) {
    char number[32];
    size_t length = sizeof(number);
    if (sysctlbyname("kern.osproductversion", number, &length, NULL, 0) == 0)
        snprintf(name, size, "macOS %s", number);
    else
        snprintf(name, size, "macOS");
}

void platform_system_build(char *build, size_t size) {
    size_t length = size;
    build[0] = '\0';
    if (sysctlbyname("kern.osversion", build, &length, NULL, 0) != 0)
        build[0] = '\0';
}

void platform_libc_name(char *name, size_t size) {
    snprintf(name, size, "the system's");
}

bool platform_processor_name(char *name, size_t size) {
    char brand[128];
    size_t length = sizeof(brand);
    if (sysctlbyname("machdep.cpu.brand_string", brand, &length, NULL, 0) != 0)
        return false;
    snprintf(name, size, "%s", brand);
    return true;
}

/* ---- Processors ---- */

#ifdef __aarch64__

/* A name that the system does not know is a feature that it does not offer. */
static bool has(const char *name) {
    int value = 0;
    size_t size = sizeof(value);
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}

ArmFeatures platform_arm_features(void) {
    return (ArmFeatures){.fp16 = has("hw.optional.arm.FEAT_FP16"),
                         .fhm = has("hw.optional.arm.FEAT_FHM"),
                         .bf16 = has("hw.optional.arm.FEAT_BF16")};
}

#else

ArmFeatures platform_arm_features(void) {
    return (ArmFeatures){.fp16 = false};
}

#endif

bool platform_may_use_tiles(void) {
    return false;
}

int platform_processors(void) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* ---- Memory ---- */

/* What macOS itself goes by when it warns programs of low memory: it counts what can be compressed
 * or dropped, which page counts do not tell. Not documented, so that it may be missing. */
static int64_t free_by_level(void) {
    int percent = 0;
    size_t percent_size = sizeof(percent);
    int64_t memory = 0;
    size_t memory_size = sizeof(memory);
    if (sysctlbyname("kern.memorystatus_level", &percent, &percent_size, NULL, 0) != 0 ||
        sysctlbyname("hw.memsize", &memory, &memory_size, NULL, 0) != 0 || percent < 0 ||
        percent > 100)
        return -1;
    return memory / 100 * percent;
}

static int64_t free_by_pages(void) {
    vm_statistics64_data_t statistics = {0};
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
    vm_size_t page = 0;
    host_t host = mach_host_self();
    bool known =
        host_page_size(host, &page) == KERN_SUCCESS &&
        host_statistics64(host, HOST_VM_INFO64, (host_info64_t)&statistics, &count) == KERN_SUCCESS;
    mach_port_deallocate(mach_task_self(), host);
    if (!known)
        return INT64_MAX;
    return ((int64_t)statistics.free_count + (int64_t)statistics.inactive_count +
            (int64_t)statistics.purgeable_count) *
           (int64_t)page;
}

int64_t platform_free_memory(void) {
    int64_t bytes = free_by_level();
    return bytes >= 0 ? bytes : free_by_pages();
}

/* The task's own: what getrusage() says may include the time before this program. */
int64_t platform_peak_resident(void) {
    mach_task_basic_info_data_t basic = {0};
    mach_msg_type_number_t count = (mach_msg_type_number_t)MACH_TASK_BASIC_INFO_COUNT;
    if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&basic, &count) !=
        KERN_SUCCESS)
        return 0;
    return (int64_t)basic.resident_size_max;
}

void platform_reset_recent_peak(void) {
}

int64_t platform_recent_peak(void) {
    return platform_peak_resident();
}

/* ---- Programs ---- */

/* Shared libraries have no environ of their own. */
char **platform_environment(void) {
    return *_NSGetEnviron();
}

/* ---- Files ---- */

bool platform_program_path(char *path, size_t size) {
    uint32_t room = (uint32_t)size;
    return _NSGetExecutablePath(path, &room) == 0 && path[0] == '/';
}

struct timespec platform_modified(const struct stat *status) {
    return status->st_mtimespec;
}

int platform_compare_paths(const char *a, const char *b) {
    return strcasecmp(a, b);
}
