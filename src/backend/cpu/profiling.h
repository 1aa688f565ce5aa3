/* profiling.h: what a profile receives from an executable. */
#ifndef CLEAVE_CPU_PROFILING_H
#define CLEAVE_CPU_PROFILING_H

#include "backend/profile.h"

typedef struct CpuExecutable CpuExecutable;
struct CpuRun;

typedef struct CpuProfiling {
    Profile *profile; /* may be NULL: then nothing is recorded */
    int *ops;         /* per step: its index in the profile */
    int *rows;        /* per thread: its row in the profile */
    int op;           /* that the threads work on; -1: none that is recorded */
} CpuProfiling;

/* Adds the executable's steps and threads to the profile. */
cleave_status cpu_profiling_begin(CpuExecutable *executable, Profile *profile, cleave_error *error);
void cpu_profiling_end(CpuExecutable *executable);

/* Runs a step of an executable that has a profile. */
void cpu_run_profiled(CpuExecutable *executable, int step, const struct CpuRun *run);

#endif
