/* cgroup.h: the place of this process in Linux's control groups (cgroups(7), v2 and v1), and the
 * system's small text files, such as those of a group. Other systems have no such files. Every
 * function takes a `root` in front of /proc and /sys: "" for the system's own, a folder of fixtures
 * in tests. */
#ifndef CLEAVE_BASE_CGROUP_H
#define CLEAVE_BASE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CGROUP_PATH_SIZE 4096

/* A hierarchy of groups. */
typedef struct CgroupHierarchy {
    const char *type;       /* of the mount: "cgroup2" or "cgroup" */
    const char *controller; /* in /proc/self/cgroup and the mount's options; "" in v2 */
    const char *folder;     /* where it is mounted if mountinfo does not say */
} CgroupHierarchy;

typedef struct Cgroup {
    char mount[CGROUP_PATH_SIZE]; /* where the hierarchy is mounted */
    char path[CGROUP_PATH_SIZE];  /* of a group below it: "" or "/a/b" */
} Cgroup;

/* Finds where the process stands in a hierarchy; false if it has no place there. */
bool cgroup_find(const char *root, const CgroupHierarchy *hierarchy, Cgroup *cgroup);

/* The group's folder, of CGROUP_PATH_SIZE; false where its path is too long. */
bool cgroup_folder(const Cgroup *cgroup, char *folder);

/* One level up: "/a/b" → "/a" → ""; false at the top. */
bool cgroup_up(Cgroup *cgroup);

/* ---- Small text files ---- */

/* Opens the file named ROOT FOLDER NAME (one after the other); NULL: there is none. */
FILE *system_file_open(const char *root, const char *folder, const char *name);

/* The whole number at the beginning of such a file; `otherwise` if it begins with something else
 * ("max", "unlimited"), or with a number so large that it means no limit. */
int64_t system_file_number(const char *root, const char *folder, const char *name,
                           int64_t otherwise);

/* The number behind `key` and blanks (or a colon) in a file of such lines. */
int64_t system_file_keyed(const char *root, const char *folder, const char *name, const char *key,
                          int64_t otherwise);

#endif
