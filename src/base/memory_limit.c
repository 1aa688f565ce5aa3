/* memory_limit.c: reads the limits of machine, container and ulimit. The files are Linux's
 * (proc(5), cgroups(7) and the kernel's admin-guide on cgroup v1 and v2); elsewhere they are
 * missing, and then nothing limits but the free memory that platform.h knows. */
#include "base/memory_limit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cgroup.h"
#include "base/platform.h"
#include "base/utf8.h"

static const MemoryLimit no_limit = {.bytes = INT64_MAX};

static MemoryLimit limit_least(MemoryLimit a, MemoryLimit b) {
    return b.bytes < a.bytes ? b : a;
}

/* a + b, at most INT64_MAX; neither is negative. */
static int64_t add_clamped(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* limit - used, at least 0; unknown stays unknown. */
static int64_t left_of(int64_t limit, int64_t used) {
    if (limit == INT64_MAX)
        return limit;
    return used < limit ? limit - used : 0;
}

/* ---- The machine ------------------------------------------------------------------------- */

static int64_t read_kilobytes(const char *root, const char *file, const char *key,
                              int64_t otherwise) {
    int64_t kilobytes = system_file_keyed(root, "/proc/", file, key, -1);
    return kilobytes < 0 ? otherwise : kilobytes * 1024;
}

static int64_t machine_free(const char *root) {
    int64_t bytes = read_kilobytes(root, "meminfo", "MemAvailable", INT64_MAX);
    return bytes == INT64_MAX && root[0] == '\0' ? platform_free_memory() : bytes;
}

static MemoryLimit of_machine(int64_t bytes) {
    if (bytes == INT64_MAX)
        return no_limit;
    return (MemoryLimit){bytes, "the machine's free memory"};
}

MemoryLimit memory_limit_machine(const char *root) {
    return of_machine(machine_free(root));
}

/* ---- Containers -------------------------------------------------------------------------- */

/* What the files of one version of cgroups are called. */
typedef struct CgroupFiles {
    CgroupHierarchy hierarchy;
    const char *maximum;
    const char *soft; /* or NULL */
    const char *current;
    const char *cache[2]; /* keys of memory.stat: what the kernel drops when it needs memory */
    const char *slabs;    /* or NULL */
} CgroupFiles;

/* In v1, memory.stat's totals include the groups below, as usage does; slabs are counted apart. */
static const CgroupFiles versions[] = {
    {{"cgroup2", "", "/sys/fs/cgroup"},
     "/memory.max",
     "/memory.high",
     "/memory.current",
     {"inactive_file", "active_file"},
     "slab_reclaimable"},
    {{"cgroup", "memory", "/sys/fs/cgroup/memory"},
     "/memory.limit_in_bytes",
     NULL,
     "/memory.usage_in_bytes",
     {"total_inactive_file", "total_active_file"},
     NULL},
};

#define VERSION_COUNT (sizeof(versions) / sizeof(versions[0]))

/* Bytes in use at a level that the kernel cannot simply drop. */
static int64_t level_used(const char *root, const CgroupFiles *files, const char *folder) {
    int64_t used = system_file_number(root, folder, files->current, 0);
    int64_t droppable = 0;
    const char *const keys[] = {files->cache[0], files->cache[1], files->slabs};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (keys[i])
            droppable =
                add_clamped(droppable, system_file_keyed(root, folder, "/memory.stat", keys[i], 0));
    return left_of(used, droppable);
}

static MemoryLimit level_limit(const char *root, const CgroupFiles *files, const char *folder,
                               const char *path) {
    MemoryLimit limit = no_limit;
    int64_t maximum = system_file_number(root, folder, files->maximum, INT64_MAX);
    int64_t soft =
        files->soft ? system_file_number(root, folder, files->soft, INT64_MAX) : (int64_t)INT64_MAX;
    if (maximum == INT64_MAX && soft == INT64_MAX)
        return limit;
    limit.bytes = left_of(soft < maximum ? soft : maximum, level_used(root, files, folder));
    char shown[MEMORY_SOURCE_SIZE - sizeof("the container's soft limit, cgroup ")];
    utf8_show(shown, sizeof(shown), path[0] ? path : "/");
    snprintf(limit.source, sizeof(limit.source), "the container's %slimit, cgroup %s",
             soft < maximum ? "soft " : "", shown);
    return limit;
}

MemoryLimit memory_limit_container(const char *root) {
    MemoryLimit limit = no_limit;
    char folder[CGROUP_PATH_SIZE];
    Cgroup cgroup;
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        bool more = cgroup_find(root, &versions[i].hierarchy, &cgroup);
        while (more) {
            if (cgroup_folder(&cgroup, folder))
                limit = limit_least(limit, level_limit(root, &versions[i], folder, cgroup.path));
            more = cgroup_up(&cgroup);
        }
    }
    return limit;
}

int64_t memory_container_size(const char *root) {
    int64_t size = INT64_MAX;
    char folder[CGROUP_PATH_SIZE];
    Cgroup cgroup;
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        bool more = cgroup_find(root, &versions[i].hierarchy, &cgroup);
        while (more) {
            int64_t level = cgroup_folder(&cgroup, folder)
                                ? system_file_number(root, folder, versions[i].maximum, INT64_MAX)
                                : INT64_MAX;
            size = level < size ? level : size;
            more = cgroup_up(&cgroup);
        }
    }
    return size;
}

/* ---- ulimit ------------------------------------------------------------------------------ */

/* `key` is of /proc/self/limits, `used` of /proc/self/status. */
static MemoryLimit resource_limit(const char *root, const char *key, const char *used,
                                  int64_t stacks, const char *source) {
    MemoryLimit limit = no_limit;
    int64_t maximum = system_file_keyed(root, "/proc/self/", "limits", key, INT64_MAX);
    if (maximum == INT64_MAX)
        return limit;
    limit.bytes =
        left_of(maximum, add_clamped(read_kilobytes(root, "self/status", used, 0), stacks));
    snprintf(limit.source, sizeof(limit.source), "%s", source);
    return limit;
}

MemoryLimit memory_limit_resources(const char *root, int64_t stacks) {
    return limit_least(resource_limit(root, "Max address space", "VmSize", stacks, "ulimit -v"),
                       resource_limit(root, "Max data size", "VmData", stacks, "ulimit -d"));
}

MemoryLimit memory_limit(const char *root, int64_t stacks) {
    int64_t swap = read_kilobytes(root, "meminfo", "SwapFree", 0);
    MemoryLimit limit = of_machine(add_clamped(machine_free(root), swap));
    limit = limit_least(limit, memory_limit_container(root));
    return limit_least(limit, memory_limit_resources(root, stacks));
}
