/* memory_limit.c: see memory_limit.h. The files are Linux's (proc(5), cgroups(7) and the kernel's
 * admin-guide on cgroup v1 and v2); elsewhere they are missing, and then nothing limits. */
#include "base/memory_limit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __APPLE__
#include <mach/mach.h>
#endif

#define PATH_SIZE 4096
#define LINE_SIZE 8192 /* of mountinfo: two paths */

/* cgroup v1 says "none" with the largest multiple of a page that fits; so large is no limit. */
#define UNLIMITED ((int64_t)1 << 60)

static const MemoryLimit no_limit = {.bytes = INT64_MAX};

static MemoryLimit least(MemoryLimit a, MemoryLimit b) {
    return b.bytes < a.bytes ? b : a;
}

/* a + b, at most INT64_MAX; neither is negative. */
static int64_t add(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* limit - used, at least 0; unknown stays unknown. */
static int64_t left_of(int64_t limit, int64_t used) {
    if (limit == INT64_MAX)
        return limit;
    return used < limit ? limit - used : 0;
}

/* ---- Small text files -------------------------------------------------------------------- */

/* Opens ROOT, FOLDER and NAME written one after the other; NULL where there is none. */
static FILE *open_below(const char *root, const char *folder, const char *name) {
    char path[PATH_SIZE];
    int length = snprintf(path, sizeof(path), "%s%s%s", root, folder, name);
    return length > 0 && length < (int)sizeof(path) ? fopen(path, "re") : NULL;
}

/* A whole number that `text` begins with; `otherwise` if it does not ("max", "unlimited"), or if
 * it is so large that it means none. */
static int64_t parse_number(const char *text, int64_t otherwise) {
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool good = end != text && errno == 0 && number >= 0 && number < UNLIMITED;
    return good ? number : otherwise;
}

static int64_t read_number(const char *root, const char *folder, const char *name,
                           int64_t otherwise) {
    char line[64] = "";
    FILE *file = open_below(root, folder, name);
    if (!file)
        return otherwise;
    if (!fgets(line, sizeof(line), file))
        line[0] = '\0';
    fclose(file);
    return parse_number(line, otherwise);
}

/* The number behind `key` and blanks (or a colon) in a file of such lines. */
static int64_t read_keyed(const char *root, const char *folder, const char *name, const char *key,
                          int64_t otherwise) {
    char line[512];
    size_t length = strlen(key);
    int64_t number = otherwise;
    FILE *file = open_below(root, folder, name);
    if (!file)
        return otherwise;
    while (fgets(line, sizeof(line), file)) {
        const char *value = line + length;
        if (strncmp(line, key, length) != 0 || !strchr(": \t", *value) || *value == '\0')
            continue;
        number = parse_number(value + strspn(value, ": \t"), otherwise);
        break;
    }
    fclose(file);
    return number;
}

/* ---- The machine ------------------------------------------------------------------------- */

static int64_t read_kilobytes(const char *root, const char *file, const char *key,
                              int64_t otherwise) {
    int64_t kilobytes = read_keyed(root, "/proc/", file, key, -1);
    return kilobytes < 0 ? otherwise : kilobytes * 1024;
}

static int64_t machine_free(const char *root) {
#ifdef __APPLE__
    /* Not compiled or tried so far: no such machine was at hand. */
    vm_statistics64_data_t statistics = {0};
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
    vm_size_t page = 0;
    if (root[0] == '\0' && host_page_size(mach_host_self(), &page) == KERN_SUCCESS &&
        host_statistics64(mach_host_self(), HOST_VM_INFO64, (host_info64_t)&statistics, &count) ==
            KERN_SUCCESS)
        return ((int64_t)statistics.free_count + (int64_t)statistics.inactive_count +
                (int64_t)statistics.purgeable_count) *
               (int64_t)page;
#endif
    return read_kilobytes(root, "meminfo", "MemAvailable", INT64_MAX);
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
    const char *type;       /* of the mount */
    const char *controller; /* in /proc/self/cgroup and the mount's options; "" in v2 */
    const char *folder;     /* where it is mounted if mountinfo does not tell */
    const char *maximum;
    const char *soft; /* or NULL */
    const char *current;
    const char *cache[2]; /* keys of memory.stat: what the kernel drops when it needs memory */
    const char *slabs;    /* or NULL */
} CgroupFiles;

/* In v1, memory.stat's totals include the groups below, as usage does; slabs are counted apart. */
static const CgroupFiles versions[] = {
    {"cgroup2",
     "",
     "/sys/fs/cgroup",
     "/memory.max",
     "/memory.high",
     "/memory.current",
     {"inactive_file", "active_file"},
     "slab_reclaimable"},
    {"cgroup",
     "memory",
     "/sys/fs/cgroup/memory",
     "/memory.limit_in_bytes",
     NULL,
     "/memory.usage_in_bytes",
     {"total_inactive_file", "total_active_file"},
     NULL},
};

#define VERSION_COUNT (sizeof(versions) / sizeof(versions[0]))

typedef struct Cgroup {
    char mount[PATH_SIZE]; /* where the hierarchy is mounted */
    char path[PATH_SIZE];  /* of the process's group below it: "" or "/a/b" */
} Cgroup;

/* Whether a list such as "cpu,memory" names `word`; the empty list names "". */
static bool list_has(const char *list, const char *word) {
    size_t length = strlen(word);
    if (length == 0)
        return list[0] == '\0';
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/* The process's path from "ID:CONTROLLERS:PATH"; false where the hierarchy has none. */
static bool read_own_path(const char *root, const CgroupFiles *files, char *path) {
    char line[LINE_SIZE];
    bool found = false;
    FILE *file = open_below(root, "/proc/self/", "cgroup");
    if (!file)
        return false;
    while (!found && fgets(line, sizeof(line), file)) {
        char *list = strchr(line, ':');
        char *name = list ? strchr(list + 1, ':') : NULL;
        if (!name)
            continue;
        *name++ = '\0';
        name[strcspn(name, "\n")] = '\0';
        found = list_has(list + 1, files->controller);
        if (found)
            snprintf(path, PATH_SIZE, "%.*s", PATH_SIZE - 1, name);
    }
    fclose(file);
    return found;
}

/* Undoes mountinfo's octal escapes (blank, tab, newline, backslash) in place. */
static void unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from; to++) {
        bool octal = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                     from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
        unsigned code = (unsigned char)from[0];
        if (octal)
            code = (unsigned)(from[1] - '0') * 64u + (unsigned)(from[2] - '0') * 8u +
                   (unsigned)(from[3] - '0');
        memcpy(to, &(unsigned char){(unsigned char)code}, 1);
        from += octal ? 4 : 1;
    }
    *to = '\0';
}

/* Fields of "ID PARENT DEV ROOT MOUNT OPTIONS … - TYPE SOURCE SUPER-OPTIONS"; false if the line is
 * not a mount of this hierarchy. */
static bool parse_mount(char *line, const CgroupFiles *files, char **mount_root, char **mount) {
    char *fields[5];
    char *rest = NULL;
    char *tail = strstr(line, " - ");
    if (!tail)
        return false;
    *tail = '\0';
    char *type = strtok_r(tail + 3, " \n", &rest);
    char *source = strtok_r(NULL, " \n", &rest);
    char *super = strtok_r(NULL, " \n", &rest);
    if (!type || !source || strcmp(type, files->type) != 0)
        return false;
    if (files->controller[0] != '\0' && (!super || !list_has(super, files->controller)))
        return false;
    for (int i = 0; i < 5; i++) {
        fields[i] = strtok_r(i == 0 ? line : NULL, " ", &rest);
        if (!fields[i])
            return false;
    }
    *mount_root = fields[3];
    *mount = fields[4];
    unescape(*mount_root);
    unescape(*mount);
    return true;
}

/* What is left of `path` below a mount of the folder `mount_root`. A container that sees the whole
 * system's paths, but only its own part mounted, has that part's name in both. */
static const char *path_below(const char *path, const char *mount_root) {
    size_t length = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
    if (strncmp(path, mount_root, length) == 0 && (path[length] == '/' || path[length] == '\0'))
        path += length;
    return strcmp(path, "/") == 0 ? "" : path;
}

/* Finds where the process stands in a hierarchy; false if it has no place there. */
static bool find_cgroup(const char *root, const CgroupFiles *files, Cgroup *cgroup) {
    char line[LINE_SIZE];
    char own[PATH_SIZE];
    char *mount_root = NULL;
    char *mount = NULL;
    bool found = false;
    if (!read_own_path(root, files, own))
        return false;
    FILE *file = open_below(root, "/proc/self/", "mountinfo");
    while (file && !found && fgets(line, sizeof(line), file))
        found = parse_mount(line, files, &mount_root, &mount);
    if (file)
        fclose(file);
    snprintf(cgroup->mount, PATH_SIZE, "%.*s", PATH_SIZE - 1, found ? mount : files->folder);
    snprintf(cgroup->path, PATH_SIZE, "%s", path_below(own, found ? mount_root : "/"));
    /* "/../…": the group lies outside of what this process may see. */
    if (strncmp(cgroup->path, "/..", 3) == 0)
        cgroup->path[0] = '\0';
    return true;
}

static bool folder_of(const Cgroup *cgroup, char *folder) {
    int length = snprintf(folder, PATH_SIZE, "%s%s", cgroup->mount, cgroup->path);
    return length >= 0 && length < PATH_SIZE;
}

/* Bytes in use at a level that the kernel cannot simply drop. */
static int64_t level_used(const char *root, const CgroupFiles *files, const char *folder) {
    int64_t used = read_number(root, folder, files->current, 0);
    int64_t droppable = 0;
    const char *const keys[] = {files->cache[0], files->cache[1], files->slabs};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (keys[i])
            droppable = add(droppable, read_keyed(root, folder, "/memory.stat", keys[i], 0));
    return left_of(used, droppable);
}

static MemoryLimit level_limit(const char *root, const CgroupFiles *files, const char *folder,
                               const char *path) {
    MemoryLimit limit = no_limit;
    int64_t maximum = read_number(root, folder, files->maximum, INT64_MAX);
    int64_t soft =
        files->soft ? read_number(root, folder, files->soft, INT64_MAX) : (int64_t)INT64_MAX;
    if (maximum == INT64_MAX && soft == INT64_MAX)
        return limit;
    limit.bytes = left_of(soft < maximum ? soft : maximum, level_used(root, files, folder));
    int room = MEMORY_SOURCE_SIZE - (int)sizeof("the container's soft limit, cgroup /");
    snprintf(limit.source, sizeof(limit.source), "the container's %slimit, cgroup %.*s",
             soft < maximum ? "soft " : "", room, path[0] ? path : "/");
    return limit;
}

/* One level up: "/a/b" → "/a" → ""; false at the top. */
static bool go_up(Cgroup *cgroup) {
    char *slash = strrchr(cgroup->path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

MemoryLimit memory_limit_container(const char *root) {
    MemoryLimit limit = no_limit;
    char folder[PATH_SIZE];
    Cgroup cgroup;
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        bool more = find_cgroup(root, &versions[i], &cgroup);
        while (more) {
            if (folder_of(&cgroup, folder))
                limit = least(limit, level_limit(root, &versions[i], folder, cgroup.path));
            more = go_up(&cgroup);
        }
    }
    return limit;
}

int64_t memory_container_size(const char *root) {
    int64_t size = INT64_MAX;
    char folder[PATH_SIZE];
    Cgroup cgroup;
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        bool more = find_cgroup(root, &versions[i], &cgroup);
        while (more) {
            int64_t level = folder_of(&cgroup, folder)
                                ? read_number(root, folder, versions[i].maximum, INT64_MAX)
                                : INT64_MAX;
            size = level < size ? level : size;
            more = go_up(&cgroup);
        }
    }
    return size;
}

/* ---- ulimit ------------------------------------------------------------------------------ */

/* `key` is of /proc/self/limits, `used` of /proc/self/status. */
static MemoryLimit resource_limit(const char *root, const char *key, const char *used,
                                  int64_t stacks, const char *source) {
    MemoryLimit limit = no_limit;
    int64_t maximum = read_keyed(root, "/proc/self/", "limits", key, INT64_MAX);
    if (maximum == INT64_MAX)
        return limit;
    limit.bytes = left_of(maximum, add(read_kilobytes(root, "self/status", used, 0), stacks));
    snprintf(limit.source, sizeof(limit.source), "%s", source);
    return limit;
}

MemoryLimit memory_limit_resources(const char *root, int64_t stacks) {
    return least(resource_limit(root, "Max address space", "VmSize", stacks, "ulimit -v"),
                 resource_limit(root, "Max data size", "VmData", stacks, "ulimit -d"));
}

MemoryLimit memory_limit(const char *root, int64_t stacks) {
    int64_t swap = read_kilobytes(root, "meminfo", "SwapFree", 0);
    MemoryLimit limit = of_machine(add(machine_free(root), swap));
    limit = least(limit, memory_limit_container(root));
    return least(limit, memory_limit_resources(root, stacks));
}
