/* plan_cache.h: measured plans, kept in the user's cache folder: a small text file for each network
 * shape, precision, set of kernels, machine, and version of cleave. Its first lines name all of
 * these, then each class of layers has a line, and the last one is a check sum:
 *   cleave plan 0.1.0, f32, avx512 kernels
 *   AMD EPYC 9R14
 *   conv 3x3 stride 1x1 pad 1x1 act 1, 8 blocks 256x1024 to 128 256x1024: winograd 8x8 weights 9 ns
 *   check 0123abcd
 * A file is as good as what was measured, or it is not used: each line must be, byte by byte, what
 * would be written for the values that it holds, and the plan must fit the layer.
 * Inside separate/ only. */
#ifndef CLEAVE_SEPARATE_PLAN_CACHE_H
#define CLEAVE_SEPARATE_PLAN_CACHE_H

#include "backend/backend.h"

/* What a plan is for, beside the classes of its layers. */
typedef struct PlanKey {
    const Backend *backend;
    const char *machine;
    const char *kernels;
    const char *precision;
} PlanKey;

/* Where the plan of a network with these classes is kept, or would be; to be freed. NULL where no
 * environment variable tells of a folder, or memory ran out. */
char *plan_cache_path(const NetworkPlan *plan, const PlanKey *key);

/* Puts what the file says in the place of the plan's estimates. False, and the plan as it was,
 * where there is no such file, or one that cannot be used, which is logged. */
bool plan_cache_read(NetworkPlan *plan, const PlanKey *key, const char *path,
                     const cleave_logger *log);

/* The same for a file's text. */
bool plan_cache_parse(NetworkPlan *plan, const PlanKey *key, const char *text);

/* Replaces the file when the new one is whole. A failure is logged: nothing depends on it but the
 * time that the next measurement takes. */
bool plan_cache_write(const NetworkPlan *plan, const PlanKey *key, const char *path,
                      const cleave_logger *log);

#endif
