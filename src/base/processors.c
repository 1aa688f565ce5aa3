/* processors.c: reads the quotas of cgroups. */
#include "base/processors.h"

#include <limits.h>
#include <string.h>

#include "base/cgroup.h"
#include "base/platform.h"

#define DEFAULT_PERIOD 100000 /* microseconds: the kernel's */

static int quota_processors(int64_t quota, int64_t period) {
    if (quota <= 0 || period <= 0)
        return INT_MAX;
    int64_t processors = (quota - 1) / period + 1;
    return processors < INT_MAX ? (int)processors : INT_MAX;
}

/* "QUOTA PERIOD"; the quota may be "max". */
static int level_v2(const char *root, const char *folder) {
    char line[64] = "";
    long long quota = 0;
    long long period = DEFAULT_PERIOD;
    FILE *file = system_file_open(root, folder, "/cpu.max");
    if (!file)
        return INT_MAX;
    int fields = fgets(line, sizeof(line), file) ? sscanf(line, "%lld %lld", &quota, &period) : 0;
    fclose(file);
    return fields >= 1 ? quota_processors(quota, period) : INT_MAX;
}

/* A quota of -1 means no limit. */
static int level_v1(const char *root, const char *folder) {
    return quota_processors(system_file_number(root, folder, "/cpu.cfs_quota_us", 0),
                            system_file_number(root, folder, "/cpu.cfs_period_us", DEFAULT_PERIOD));
}

typedef struct Version {
    CgroupHierarchy hierarchy;
    int (*level)(const char *root, const char *folder);
} Version;

static const Version versions[] = {
    {{"cgroup2", "", "/sys/fs/cgroup"}, level_v2},
    {{"cgroup", "cpu", "/sys/fs/cgroup/cpu"}, level_v1},
};

int processors_quota(const char *root) {
    int least = INT_MAX;
    char folder[CGROUP_PATH_SIZE];
    Cgroup cgroup;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        bool more = cgroup_find(root, &versions[i].hierarchy, &cgroup);
        while (more) {
            int level = cgroup_folder(&cgroup, folder) ? versions[i].level(root, folder) : INT_MAX;
            least = level < least ? level : least;
            more = cgroup_up(&cgroup);
        }
    }
    return least;
}

int thread_available_processors(void) {
    int quota = processors_quota("");
    int processors = platform_processors();
    return quota < processors ? quota : processors;
}
