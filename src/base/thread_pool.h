/* thread_pool.h: a fixed set of threads that share the tasks of one loop at a time. */
#ifndef CLEAVE_BASE_THREAD_POOL_H
#define CLEAVE_BASE_THREAD_POOL_H

#include <stddef.h>

#include "base/error.h"

typedef struct ThreadPool ThreadPool;

/* One task of a loop. `thread` is 0 … thread_count - 1, for scratch memory of its own. Any
 * thread may run any task, so a task's result must not depend on `thread`. */
typedef void (*ThreadTask)(void *context, size_t task, int thread);

/* `threads` counts the caller of thread_pool_run, which works too: 1 starts no thread. */
cleave_status thread_pool_create(ThreadPool **pool, int threads, cleave_error *error);
void thread_pool_destroy(ThreadPool *pool);

int thread_pool_size(const ThreadPool *pool);

/* Runs run(context, task, thread) for every task in [0, tasks); returns when all are done. One
 * caller at a time. */
void thread_pool_run(ThreadPool *pool, size_t tasks, ThreadTask run, void *context);

/* Called by each thread that had tasks of a loop, at its end: it worked on them from `begin` to
 * `end`, in clock_seconds(). */
typedef void (*ThreadObserver)(void *context, int thread, double begin, double end);

/* Calls the observer from the next loop on; NULL: none, and no clock is read. Only the thread that
 * calls thread_pool_run() may call this. */
void thread_pool_observe(ThreadPool *pool, ThreadObserver observer, void *context);

#endif
