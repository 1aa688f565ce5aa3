/* platform_linux.c: for Linux, and for other Unixes as far as they are alike: what Linux says in
 * files (proc(5)) is unknown on systems without them. */
#include "base/platform.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#ifdef __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#endif
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "base/arm_names.h"

const char platform_cache_folder[] = ".cache";
const char platform_object_extension[] = "so";

/* ---- Names ---- */

/* The value of PRETTY_NAME="…" in os-release(5); "": it has none. */
static void read_distribution(char *name, size_t size) {
    static const char key[] = "PRETTY_NAME=";
    char line[256];
    FILE *file = fopen("/etc/os-release", "re");
    name[0] = '\0';
    while (file && name[0] == '\0' && fgets(line, sizeof(line), file)) {
        const char *value = line + sizeof(key) - 1;
        if (strncmp(line, key, sizeof(key) - 1) != 0)
            continue;
        value += strspn(value, "\"'");
        snprintf(name, size, "%.*s", (int)strcspn(value, "\"'\n"), value);
    }
    if (file)
        fclose(file);
}

void platform_system_name(char *name, size_t size) {
    struct utsname kernel;
    char distribution[64];
    name[0] = '\0';
    if (uname(&kernel) != 0)
        return;
    read_distribution(distribution, sizeof(distribution));
    if (distribution[0])
        snprintf(name, size, "%.20s %.40s (%.60s)", kernel.sysname, kernel.release, distribution);
    else
        snprintf(name, size, "%.20s %.60s", kernel.sysname, kernel.release);
}

void platform_system_build(char *build, size_t size) {
    struct utsname kernel;
    snprintf(build, size, "%s", uname(&kernel) == 0 ? kernel.release : "");
}

void platform_libc_name(char *name, size_t size) {
#ifdef __GLIBC__
    snprintf(name, size, "glibc %s (built with %d.%d)", gnu_get_libc_version(), __GLIBC__,
             __GLIBC_MINOR__);
#else
    snprintf(name, size, "not glibc; it does not tell its version");
#endif
}

/* The value behind "KEY<blanks>: " in a text file such as /proc/cpuinfo; false if there is none. */
static bool read_field(const char *path, const char *key, char *value, size_t size) {
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "re");
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

/* On 64-bit ARM there are numbers: those of the first processor. */
static const char *arm_name(void) {
    char implementer[32];
    char part[32];
    if (!read_field("/proc/cpuinfo", "CPU implementer", implementer, sizeof(implementer)) ||
        !read_field("/proc/cpuinfo", "CPU part", part, sizeof(part)))
        return NULL;
    return arm_processor_name(implementer, part);
}

bool platform_processor_name(char *name, size_t size) {
    char value[128];
    bool named = read_field("/proc/cpuinfo", "model name", value, sizeof(value));
    const char *known = named ? value : arm_name();
    if (known)
        snprintf(name, size, "%s", known);
    return known != NULL;
}

/* ---- Processors ---- */

ArmFeatures platform_arm_features(void) {
#if defined(__aarch64__) && defined(__linux__)
    unsigned long bits = getauxval(AT_HWCAP);
    unsigned long more_bits = getauxval(AT_HWCAP2);
    return (ArmFeatures){.fp16 = (bits & HWCAP_ASIMDHP) != 0,
                         .fhm = (bits & HWCAP_ASIMDFHM) != 0,
                         .bf16 = (more_bits & HWCAP2_BF16) != 0};
#else
    return (ArmFeatures){.fp16 = false};
#endif
}

/* Tiles are 8 KB of each thread's state, which Linux lets a process have that asks for it (Linux,
 * Documentation/arch/x86/xstate.rst). */
bool platform_may_use_tiles(void) {
#if defined(__x86_64__) && defined(__linux__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return false;
#endif
}

int platform_processors(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* ---- Memory ---- */

int64_t platform_free_memory(void) {
    return INT64_MAX;
}

/* The largest peak that a reset took out of VmHWM. */
static _Atomic int64_t peak_before_reset;

/* getrusage() is asked only where /proc is missing: a program begins with the peak of the one that
 * started it, which fork() copies and exec() keeps. */
int64_t platform_recent_peak(void) {
    char text[32];
    struct rusage usage;
    long long kilobytes = 0;
    if (read_field("/proc/self/status", "VmHWM", text, sizeof(text)))
        kilobytes = strtoll(text, NULL, 10);
    if (kilobytes <= 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        kilobytes = usage.ru_maxrss;
    return (int64_t)kilobytes * 1024;
}

int64_t platform_peak_resident(void) {
    int64_t before = atomic_load(&peak_before_reset);
    int64_t recent = platform_recent_peak();
    return recent > before ? recent : before;
}

/* Linux, Documentation/filesystems/proc.rst: 5 resets the peak. */
void platform_reset_recent_peak(void) {
    int64_t peak = platform_recent_peak();
    int64_t before = atomic_load(&peak_before_reset);
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (!file)
        return;
    while (peak > before && !atomic_compare_exchange_weak(&peak_before_reset, &before, peak)) {
        /* another thread's came in between, and `before` is it */
    }
    fputs("5", file);
    fclose(file);
}

/* ---- Programs ---- */

char **platform_environment(void) {
    return environ;
}

/* ---- Files ---- */

bool platform_program_path(char *path, size_t size) {
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length > 0)
        path[length] = '\0';
    return length > 0 && path[0] == '/';
}

struct timespec platform_modified(const struct stat *status) {
    return status->st_mtim;
}

int platform_compare_paths(const char *a, const char *b) {
    return strcmp(a, b);
}
