/* bench.h: what the files of `cleave bench` share: its configurations, and what was measured. */
#ifndef CLEAVE_CLI_BENCH_H
#define CLEAVE_CLI_BENCH_H

#include <stdint.h>

#include "modes.h"
#include "trial_audio.h"

#define BENCH_RUNS     3
#define BENCH_RUNS_MAX 100
#define BENCH_SECONDS  10

/* One row of the table. */
typedef struct BenchResult {
    Mode mode;
    int overlap;           /* asked for; 0: as configured. What was used, once it has run */
    int batch;             /* asked for; 0: auto. What was used, once it has run */
    double open_seconds;   /* compiling */
    double warm_seconds;   /* the warm-up */
    double *seconds;       /* of each run that was completed */
    int64_t host_memory;   /* bytes: the process's peak meanwhile (platform_recent_peak()) */
    int64_t device_memory; /* bytes: the device's peak */
    int64_t fallback_ops;  /* that did not run on the device */
    int runs;              /* that were completed */
    int compiled;          /* 0: op by op, which a compilation that fails comes down to */
    cleave_error error;    /* status other than CLEAVE_OK: it did not run to its end */
    char kernels[32];
    bool began;
} BenchResult;

typedef struct Bench {
    const Options *options;
    cleave_model_info model;
    TrialAudio trial;
    char simulated[MODES_SIMULATED_SIZE]; /* as in ModeList */
    BenchResult *results;                 /* sorted, once all is done */
    int count;
} Bench;

/* Lists all configurations, modes by overlaps by batches, into bench->results (zeroed but for what
 * is asked for). */
void bench_list(Bench *bench);

/* Runs all of them; what fails is said, and goes into its result. Returns an exit code. */
int bench_run(Bench *bench, const cleave_model *model, ProgressStyle style);

/* Runs a configuration once more, timing every op; prints the table of ops and writes the trace.
 * False after a failure, which is said. */
bool bench_profile(const Bench *bench, const cleave_model *model, const BenchResult *result);

/* ---- Figures ---- */

/* Of the times of its runs, 0 for none. */
double bench_median(const BenchResult *result);

/* Half of the range of its times, as a part of the median. */
double bench_spread(const BenchResult *result);

/* Seconds of audio for each second of work; 0 for none. */
double bench_real_time(const Bench *bench, const BenchResult *result);

/* How many times as fast as the slowest; 0 where there is nothing to compare. */
double bench_speed_up(const Bench *bench, const BenchResult *result);

/* Fastest first; those that did not run last, in the order in which they were listed. */
void bench_sort(Bench *bench);

/* The fastest after sorting; NULL where none ran. */
const BenchResult *bench_fastest(const Bench *bench);

/* ---- Output ---- */

void bench_print(const Bench *bench);
void bench_print_json(const Bench *bench);

/* "compiled" or "op by op". */
const char *bench_graph(const BenchResult *result);

#endif
