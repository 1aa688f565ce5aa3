/* memory_limit.h: how much memory this process may still take, and what sets that limit: the
 * machine, a container (a cgroup at any level), or ulimit. Nothing is allocated or changed. */
#ifndef CLEAVE_BASE_MEMORY_LIMIT_H
#define CLEAVE_BASE_MEMORY_LIMIT_H

#include <stdint.h>

#define MEMORY_SOURCE_SIZE 160

typedef struct MemoryLimit {
    int64_t bytes;                   /* INT64_MAX: unknown, or none */
    char source[MEMORY_SOURCE_SIZE]; /* what sets it, such as "the container's limit, cgroup /a";
                                        "" where bytes is INT64_MAX */
} MemoryLimit;

/* Every function takes a `root` in front of /proc and /sys: "" for the system's own, a folder of
 * fixtures in tests. Each reads afresh. */

/* What is free: memory that can be had without swapping others out. */
MemoryLimit memory_limit_machine(const char *root);

/* The least that is left at any level of the process's cgroups, v2 or v1: the level's limit less
 * what is in use, where pages of files and slabs that the kernel can drop do not count as used (as
 * in MemAvailable: a checkpoint that was read lately is cached, and no reason to refuse it). Swap
 * is not counted, since a container that swaps hardly moves. memory.high counts like memory.max:
 * beyond it the kernel slows a process to a crawl. */
MemoryLimit memory_limit_container(const char *root);

/* The smallest memory.max or memory.limit_in_bytes of any level, whatever is in use. */
int64_t memory_container_size(const char *root);

/* What `ulimit -v` and `ulimit -d` leave. `stacks`: address space, in bytes, that threads yet to be
 * started reserve for their stacks; it counts against these two limits alone. */
MemoryLimit memory_limit_resources(const char *root, int64_t stacks);

/* The least of these three; for the machine, free swap counts too. */
MemoryLimit memory_limit(const char *root, int64_t stacks);

#endif
