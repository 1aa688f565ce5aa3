/* processors.h: how many processors this process may keep busy. */
#ifndef CLEAVE_BASE_PROCESSORS_H
#define CLEAVE_BASE_PROCESSORS_H

/* The processor time that the process's cgroups allow at every level (cpu.max in v2,
 * cpu.cfs_quota_us in v1), in processors, rounded up; INT_MAX: no limit. `root` as in
 * cgroup.h. */
int processors_quota(const char *root);

/* Processors this process may use: online, within its affinity mask, and no more than its cgroups
 * allow, since threads beyond those only get in each other's way; at least 1. */
int thread_available_processors(void);

#endif
