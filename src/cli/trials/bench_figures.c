/* bench_figures.c: lists the configurations of `cleave bench`, and computes figures from their
 * times. */
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/trials/bench.h"

/* ---- Configurations ---- */

/* The length of an option's list; 1, for the default, without one. */
static int count_values(int count) {
    return count > 0 ? count : 1;
}

void bench_list(Bench *bench) {
    const BenchOptions *options = bench->options;
    ModeList modes = modes_list(&options->trial, MODES_THAT_GAIN);
    int overlaps = count_values(options->overlaps.count);
    int batches = count_values(options->batches.count);
    size_t most = (size_t)modes.count * (size_t)overlaps * (size_t)batches;
    bench->results = allocate(most + 1, sizeof *bench->results);
    bench->count = 0;
    for (int mode = 0; mode < modes.count; mode++)
        for (int overlap = 0; overlap < overlaps; overlap++)
            for (int batch = 0; batch < batches; batch++)
                bench->results[bench->count++] =
                    (BenchResult){.mode = modes.items[mode],
                                  .overlap = options->overlaps.values[overlap],
                                  .batch = options->batches.values[batch]};
    memcpy(bench->simulated, modes.simulated, sizeof bench->simulated);
    free(modes.items);
}

/* ---- Figures ---- */

static int compare_seconds(const void *a, const void *b) {
    double one = *(const double *)a;
    double other = *(const double *)b;
    return one < other ? -1 : one > other;
}

/* Its times, sorted. Free them. */
static double *sorted_seconds(const BenchResult *result) {
    double *sorted = allocate((size_t)result->runs + 1, sizeof *sorted);
    if (result->runs > 0)
        memcpy(sorted, result->seconds, (size_t)result->runs * sizeof *sorted);
    qsort(sorted, (size_t)result->runs, sizeof *sorted, compare_seconds);
    return sorted;
}

double bench_median(const BenchResult *result) {
    double *sorted = sorted_seconds(result);
    int middle = result->runs / 2;
    double median = 0;
    if (result->runs > 0)
        median = result->runs % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    free(sorted);
    return median;
}

double bench_spread(const BenchResult *result) {
    double median = bench_median(result);
    double *sorted = sorted_seconds(result);
    double range = result->runs > 0 ? sorted[result->runs - 1] - sorted[0] : 0;
    free(sorted);
    return median > 0 ? range / 2 / median : 0;
}

double bench_real_time(const Bench *bench, const BenchResult *result) {
    const cleave_audio *audio = &bench->trial.audio;
    double median = bench_median(result);
    return median > 0 ? (double)audio->samples / (double)audio->sample_rate / median : 0;
}

double bench_speed_up(const Bench *bench, const BenchResult *result) {
    double slowest = 0;
    double median = bench_median(result);
    for (int i = 0; i < bench->count; i++) {
        double other = bench_median(&bench->results[i]);
        slowest = other > slowest ? other : slowest;
    }
    return median > 0 ? slowest / median : 0;
}

/* Insertion sort, which keeps the order of equals. */
void bench_sort(Bench *bench) {
    for (int i = 1; i < bench->count; i++) {
        BenchResult moving = bench->results[i];
        double median = bench_median(&moving);
        int to = i;
        while (to > 0 && median > 0) {
            double before = bench_median(&bench->results[to - 1]);
            if (before > 0 && before <= median)
                break;
            bench->results[to] = bench->results[to - 1];
            to--;
        }
        bench->results[to] = moving;
    }
}

const BenchResult *bench_fastest(const Bench *bench) {
    return bench->count > 0 && bench->results[0].runs > 0 ? &bench->results[0] : NULL;
}

const char *bench_graph(const BenchResult *result) {
    return (result->runs > 0 ? result->compiled : result->mode.compile) ? "compiled" : "op by op";
}
