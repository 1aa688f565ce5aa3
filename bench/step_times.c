/* step_times.c: keeping the shortest times, and simulating threads that share out a loop's tasks.
 */
#include "step_times.h"

#include <stdlib.h>

#define THREADS_MAX 256

static Cut *find_cut(StepTimes *step, size_t loop, size_t tasks) {
    for (size_t i = 0; i < step->cut_count; i++)
        if (step->cuts[i].loop == loop && step->cuts[i].tasks == tasks)
            return &step->cuts[i];
    return NULL;
}

/* A cut without times. NULL if memory ran out. */
static Cut *append_cut(StepTimes *step, size_t loop, size_t tasks) {
    Cut *cuts = realloc(step->cuts, (step->cut_count + 1) * sizeof(*cuts));
    if (!cuts)
        return NULL;
    step->cuts = cuts;
    Cut *cut = &cuts[step->cut_count];
    *cut = (Cut){.loop = loop, .tasks = tasks, .seconds = calloc(tasks + 1, sizeof(double))};
    if (!cut->seconds)
        return NULL;
    step->cut_count++;
    return cut;
}

bool step_times_add(StepTimes *step, const Recording *recording, double serial, unsigned bit) {
    if (step->serial < 0 || serial < step->serial)
        step->serial = serial;
    for (size_t i = 0; i < recording->loop_count; i++) {
        const RecordedLoop *loop = &recording->loops[i];
        const double *seconds = recording->seconds + loop->first;
        Cut *cut = find_cut(step, i, loop->tasks);
        bool is_new = !cut;
        if (is_new)
            cut = append_cut(step, i, loop->tasks);
        if (!cut)
            return false;
        for (size_t task = 0; task < loop->tasks; task++)
            if (is_new || seconds[task] < cut->seconds[task])
                cut->seconds[task] = seconds[task];
        cut->threads |= bit;
    }
    return true;
}

void step_times_free(StepTimes *step) {
    for (size_t i = 0; i < step->cut_count; i++)
        free(step->cuts[i].seconds);
    free(step->cuts);
    *step = (StepTimes){0};
}

/* ---- Simulating ---- */

double makespan(const double *seconds, size_t tasks, int threads) {
    double free_at[THREADS_MAX] = {0};
    double end = 0;
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    for (size_t task = 0; task < tasks; task++) {
        int first = 0;
        for (int i = 1; i < threads; i++)
            if (free_at[i] < free_at[first])
                first = i;
        free_at[first] += seconds[task];
        if (free_at[first] > end)
            end = free_at[first];
    }
    return end;
}

double step_times_span(const StepTimes *step, unsigned bit, int threads) {
    double span = step->serial > 0 ? step->serial : 0;
    for (size_t i = 0; i < step->cut_count; i++)
        if (step->cuts[i].threads & bit)
            span += makespan(step->cuts[i].seconds, step->cuts[i].tasks, threads);
    return span;
}

size_t step_times_tasks(const StepTimes *step, unsigned bit) {
    double most = -1;
    size_t tasks = 0;
    for (size_t i = 0; i < step->cut_count; i++) {
        const Cut *cut = &step->cuts[i];
        double seconds = cut->threads & bit ? makespan(cut->seconds, cut->tasks, 1) : -1;
        if (seconds > most) {
            most = seconds;
            tasks = cut->tasks;
        }
    }
    return tasks;
}
