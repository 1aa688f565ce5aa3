/* cgroup.c: reads /proc/self/cgroup, /proc/self/mountinfo and small files of numbers. */
#include "base/cgroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE CGROUP_PATH_SIZE
#define LINE_SIZE 8192 /* of mountinfo: two paths */

/* cgroup v1 says "none" with the largest multiple of a page that fits; so large is no limit. */
#define UNLIMITED ((int64_t)1 << 60)

/* ---- Small text files ---- */

FILE *system_file_open(const char *root, const char *folder, const char *name) {
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

int64_t system_file_number(const char *root, const char *folder, const char *name,
                           int64_t otherwise) {
    char line[64] = "";
    FILE *file = system_file_open(root, folder, name);
    if (!file)
        return otherwise;
    if (!fgets(line, sizeof(line), file))
        line[0] = '\0';
    fclose(file);
    return parse_number(line, otherwise);
}

int64_t system_file_keyed(const char *root, const char *folder, const char *name, const char *key,
                          int64_t otherwise) {
    char line[512];
    size_t length = strlen(key);
    int64_t number = otherwise;
    FILE *file = system_file_open(root, folder, name);
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

/* ---- Where the process stands ---- */

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
static bool read_own_path(const char *root, const CgroupHierarchy *hierarchy, char *path) {
    char line[LINE_SIZE];
    bool found = false;
    FILE *file = system_file_open(root, "/proc/self/", "cgroup");
    if (!file)
        return false;
    while (!found && fgets(line, sizeof(line), file)) {
        char *list = strchr(line, ':');
        char *name = list ? strchr(list + 1, ':') : NULL;
        if (!name)
            continue;
        *name++ = '\0';
        name[strcspn(name, "\n")] = '\0';
        found = list_has(list + 1, hierarchy->controller);
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
static bool parse_mount(char *line, const CgroupHierarchy *hierarchy, char **mount_root,
                        char **mount) {
    char *fields[5];
    char *rest = NULL;
    char *tail = strstr(line, " - ");
    if (!tail)
        return false;
    *tail = '\0';
    char *type = strtok_r(tail + 3, " \n", &rest);
    char *source = strtok_r(NULL, " \n", &rest);
    char *super = strtok_r(NULL, " \n", &rest);
    if (!type || !source || strcmp(type, hierarchy->type) != 0)
        return false;
    if (hierarchy->controller[0] != '\0' && (!super || !list_has(super, hierarchy->controller)))
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

bool cgroup_find(const char *root, const CgroupHierarchy *hierarchy, Cgroup *cgroup) {
    char line[LINE_SIZE];
    char own[PATH_SIZE];
    char *mount_root = NULL;
    char *mount = NULL;
    bool found = false;
    if (!read_own_path(root, hierarchy, own))
        return false;
    FILE *file = system_file_open(root, "/proc/self/", "mountinfo");
    while (file && !found && fgets(line, sizeof(line), file))
        found = parse_mount(line, hierarchy, &mount_root, &mount);
    if (file)
        fclose(file);
    snprintf(cgroup->mount, PATH_SIZE, "%.*s", PATH_SIZE - 1, found ? mount : hierarchy->folder);
    snprintf(cgroup->path, PATH_SIZE, "%s", path_below(own, found ? mount_root : "/"));
    /* "/../…": the group lies outside of what this process may see. */
    if (strncmp(cgroup->path, "/..", 3) == 0)
        cgroup->path[0] = '\0';
    return true;
}

bool cgroup_folder(const Cgroup *cgroup, char *folder) {
    int length = snprintf(folder, PATH_SIZE, "%s%s", cgroup->mount, cgroup->path);
    return length >= 0 && length < PATH_SIZE;
}

bool cgroup_up(Cgroup *cgroup) {
    char *slash = strrchr(cgroup->path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}
