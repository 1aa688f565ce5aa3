/* recording_pool.c: base/thread_pool.h for programs that want the time of every task, undisturbed
 * by others: see recording_pool.h. */
#include "recording_pool.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

struct ThreadPool {
    int size;
    Recording *recording; /* or NULL */
};

cleave_status thread_pool_create(ThreadPool **result, int threads, cleave_error *error) {
    ThreadPool *pool = calloc(1, sizeof(*pool));
    *result = pool;
    if (!pool)
        return error_memory(error, "the recording pool", sizeof(*pool));
    pool->size = threads > 1 ? threads : 1;
    return CLEAVE_OK;
}

void thread_pool_destroy(ThreadPool *pool) {
    free(pool);
}

int thread_pool_size(const ThreadPool *pool) {
    return pool->size;
}

/* Nobody is told of a thread's share of a loop, since there is one thread. */
void thread_pool_observe(ThreadPool *pool, ThreadObserver observer, void *context) {
    (void)pool;
    (void)observer;
    (void)context;
}

void recording_pool_record(ThreadPool *pool, Recording *recording) {
    pool->recording = recording;
}

/* Room for `wanted` items of `size` bytes; false if memory ran out. */
static bool reserve(void **items, size_t *capacity, size_t wanted, size_t size) {
    if (wanted <= *capacity)
        return true;
    size_t room = size_max(wanted, 2 * *capacity);
    void *grown = realloc(*items, room * size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = room;
    return true;
}

/* Where the times of a loop's tasks belong; NULL: nowhere. */
static double *begin_loop(Recording *recording, size_t tasks) {
    if (!recording || recording->failed)
        return NULL;
    void *seconds = recording->seconds;
    void *loops = recording->loops;
    recording->failed =
        !reserve(&seconds, &recording->capacity, recording->count + tasks, sizeof(double)) ||
        !reserve(&loops, &recording->loop_capacity, recording->loop_count + 1,
                 sizeof(RecordedLoop));
    recording->seconds = seconds;
    recording->loops = loops;
    if (recording->failed)
        return NULL;
    recording->loops[recording->loop_count++] = (RecordedLoop){recording->count, tasks};
    recording->count += tasks;
    return recording->seconds + recording->count - tasks;
}

void thread_pool_run(ThreadPool *pool, size_t tasks, ThreadTask run, void *context) {
    double begin = clock_seconds();
    double *seconds = begin_loop(pool->recording, tasks);
    double last = clock_seconds();
    for (size_t task = 0; task < tasks; task++) {
        run(context, task, 0);
        if (!seconds)
            continue;
        double now = clock_seconds();
        seconds[task] = now - last;
        last = now;
    }
    if (seconds)
        pool->recording->inside += clock_seconds() - begin;
}

void recording_clear(Recording *recording) {
    recording->count = 0;
    recording->loop_count = 0;
    recording->inside = 0;
    recording->failed = false;
}

void recording_free(Recording *recording) {
    free(recording->seconds);
    free(recording->loops);
    *recording = (Recording){0};
}
