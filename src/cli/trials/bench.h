/* bench.h: what the files of `cleave bench` share: its configurations, and what was measured. */
#ifndef CLEAVE_CLI_BENCH_H
#define CLEAVE_CLI_BENCH_H

#include <stdint.h>

#include "cli/trials/trial_audio.h"
#include "cli/trials/trial_modes.h"

#define BENCH_RUNS     3
#define BENCH_RUNS_MAX 100
#define BENCH_SECONDS  10

/* One row of the table. */
typedef struct BenchResult {
    double open_seconds;   /* compiling */
    double warm_seconds;   /* the warm-up */
    double *seconds;       /* of each run that was completed */
    int64_t host_memory;   /* bytes: the process's peak during the runs (platform_recent_peak()) */
    int64_t device_memory; /* bytes: the device's peak */
    int64_t fallback_ops;  /* that did not run on the device */
    Mode mode;
    int overlap;        /* asked for; 0: as configured. What was used, once it has run */
    int batch;          /* asked for; 0: auto. What was used, once it has run */
    int runs;           /* that were completed */
    int compiled;       /* 0: op by op, also because compiling failed */
    cleave_error error; /* status other than CLEAVE_OK: it did not run to its end */
    char kernels[32];
    bool began;
} BenchResult;

typedef struct BenchOptions {
    TrialOptions trial;  /* first */
    NumberList overlaps; /* none: as configured */
    NumberList batches;  /* 0: auto */
    int runs;            /* of each configuration */
    const char *profile; /* NULL, or the trace to write */
} BenchOptions;

typedef struct Bench {
    const BenchOptions *options;
    cleave_model_info model;
    TrialAudio trial;
    char simulated[MODES_SIMULATED_SIZE]; /* as in ModeList */
    BenchResult *results;                 /* sorted, once all is done */
    int count;
} Bench;

/* Fills bench->results with all configurations: each mode with each overlap and each batch. */
void bench_list(Bench *bench);

/* Runs all configurations. A failure is said, and is in its result. Returns an exit code. */
int bench_run(Bench *bench, const cleave_model *model, ProgressStyle style);

/* Runs a configuration once more, timing every op; prints the table of ops and writes the trace.
 * False after a failure, which is said. */
bool bench_profile(const Bench *bench, const cleave_model *model, const BenchResult *result);

/* ---- Figures ---- */

/* Of the times of its runs; 0 without runs. */
double bench_median(const BenchResult *result);

/* Half of the range of its times, as a fraction of the median. */
double bench_spread(const BenchResult *result);

/* Seconds of audio for each second of work; 0 without runs. */
double bench_real_time(const Bench *bench, const BenchResult *result);

/* How many times as fast as the slowest; 0 without runs. */
double bench_speed_up(const Bench *bench, const BenchResult *result);

/* Fastest first; those that did not run come last, in their order. */
void bench_sort(Bench *bench);

/* The fastest, once they are sorted; NULL if none ran. */
const BenchResult *bench_fastest(const Bench *bench);

/* ---- Output ---- */

void bench_print(const Bench *bench);
void bench_print_json(const Bench *bench);

/* "compiled" or "op by op". */
const char *bench_graph(const BenchResult *result);

#endif
