/* recording_pool.h: what the pools of recording_pool.c write down. They stand in for those of
 * thread_pool.c in a program that links recording_pool.c: each says that it has the threads it was
 * asked for, starts none, and runs all tasks on the caller, one after the other. */
#ifndef CLEAVE_BENCH_RECORDING_POOL_H
#define CLEAVE_BENCH_RECORDING_POOL_H

#include <stdbool.h>

#include "base/thread_pool.h"

/* One loop: its tasks' times are those from `first` on. */
typedef struct RecordedLoop {
    size_t first;
    size_t tasks;
} RecordedLoop;

typedef struct Recording {
    double *seconds; /* of each task, in the order in which they were handed out */
    size_t count;
    size_t capacity;
    RecordedLoop *loops;
    size_t loop_count;
    size_t loop_capacity;
    double inside; /* seconds between the begin and the end of a loop, of all loops */
    bool failed;   /* memory ran out: the rest is not recorded */
} Recording;

/* The pool appends to `recording` from the next loop on; NULL: it records nothing. */
void recording_pool_record(ThreadPool *pool, Recording *recording);

/* Forgets what is recorded, and keeps the memory. */
void recording_clear(Recording *recording);
void recording_free(Recording *recording);

#endif
