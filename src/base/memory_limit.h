/* memory_limit.h: how much memory this process may still take, and what limits it: the machine, a
 * container (a cgroup at any level), or ulimit. Nothing is allocated or changed. */
#ifndef CLEAVE_BASE_MEMORY_LIMIT_H
#define CLEAVE_BASE_MEMORY_LIMIT_H

#include <stdint.h>

#define MEMORY_SOURCE_SIZE 160

typedef struct MemoryLimit {
    int64_t bytes;                   /* INT64_MAX: unknown, or no limit */
    char source[MEMORY_SOURCE_SIZE]; /* what sets it, such as "the container's limit, cgroup /a";
                                        "" where bytes is INT64_MAX */
} MemoryLimit;

/* Every function takes a `root` in front of /proc and /sys: "" for the system's own, a folder of
 * fixtures in tests. Each reads afresh. */

/* Free memory: what can be taken without swapping other programs out. */
MemoryLimit memory_limit_machine(const char *root);

/* The least that is left at any level of the process's cgroups, v2 or v1: the level's limit less
 * what is in use. Pages of files and slabs that the kernel can drop do not count as used, as in
 * MemAvailable: a checkpoint that was just read is in the cache. Swap does not count, since a
 * container that swaps is too slow. memory.high counts like memory.max: beyond it the kernel slows
 * a process to a crawl. */
MemoryLimit memory_limit_container(const char *root);

/* The smallest memory.max or memory.limit_in_bytes of any level, without regard to use. */
int64_t memory_container_size(const char *root);

/* What `ulimit -v` and `ulimit -d` leave. `stacks`: address space in bytes for the stacks of
 * threads that will be started; it counts against these two limits only. */
MemoryLimit memory_limit_resources(const char *root, int64_t stacks);

/* The least of these three; for the machine, free swap counts too. */
MemoryLimit memory_limit(const char *root, int64_t stacks);

#endif
