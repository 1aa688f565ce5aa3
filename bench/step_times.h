/* step_times.h: the measured times of a network's steps, and what they come to on several threads.
 */
#ifndef CLEAVE_BENCH_STEP_TIMES_H
#define CLEAVE_BENCH_STEP_TIMES_H

#include "recording_pool.h"

/* A loop of a step as it was cut for some numbers of threads. */
typedef struct Cut {
    size_t loop; /* of the step */
    size_t tasks;
    double *seconds;  /* of each task: the shortest that was measured */
    unsigned threads; /* a bit for each number of threads that it was cut so for */
} Cut;

typedef struct StepTimes {
    double serial; /* outside of loops: the shortest that was measured; less than 0: none yet */
    Cut *cuts;
    size_t cut_count;
} StepTimes;

/* Takes in one run of a step, with `serial` seconds outside of loops, that was cut for the number
 * of threads that `bit` stands for. Equal numbers of tasks are taken for the same cut. False if
 * memory ran out. */
bool step_times_add(StepTimes *step, const Recording *recording, double serial, unsigned bit);
void step_times_free(StepTimes *step);

/* When `threads` threads, each of which takes the next task when it has finished one, are all done.
 */
double makespan(const double *seconds, size_t tasks, int threads);

/* Seconds of the step as cut for `bit`, on `threads` threads: its loops one after the other, each
 * begun when the one before has ended, and what is outside of loops on one thread. */
double step_times_span(const StepTimes *step, unsigned bit, int threads);

/* The tasks of the loop that takes the most time, as cut for `bit`; 0: there is none. */
size_t step_times_tasks(const StepTimes *step, unsigned bit);

#endif
