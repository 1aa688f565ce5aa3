/* thread_pool.c: between loops, workers look for the next one for some microseconds, then sleep on
 * a condition variable. Within a loop, one atomic counter hands out the tasks. */
#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

/* How often a thread looks before it sleeps: about 30 µs. A small network's steps take some hundred
 * microseconds, and waking up takes some ten. */
#define LOOKS 1000

typedef struct Worker {
    ThreadPool *pool;
    pthread_t thread;
    int index;
} Worker;

struct ThreadPool {
    pthread_mutex_t mutex;
    pthread_cond_t start;   /* generation has changed, or quit is set */
    pthread_cond_t done;    /* busy has become 0 */
    atomic_uint generation; /* number of loops begun; changed under the mutex, as is quit */
    atomic_int busy;        /* workers that have not finished the current loop */
    atomic_bool quit;
    int started; /* workers that exist */
    ThreadTask run;
    void *context;
    size_t tasks;
    atomic_size_t next;
    ThreadObserver observer; /* or NULL */
    void *observer_context;
    Worker workers[];
};

/* Whether there was a task left for this thread. */
static bool pool_run_tasks(ThreadPool *pool, int thread) {
    bool any = false;
    for (;;) {
        size_t task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (task >= pool->tasks)
            return any;
        pool->run(pool->context, task, thread);
        any = true;
    }
}

static void pool_work(ThreadPool *pool, int thread) {
    if (!pool->observer) {
        pool_run_tasks(pool, thread);
        return;
    }
    double begin = clock_seconds();
    if (pool_run_tasks(pool, thread))
        pool->observer(pool->observer_context, thread, begin, clock_seconds());
}

static bool pool_has_news(ThreadPool *pool, unsigned seen) {
    return atomic_load(&pool->generation) != seen || atomic_load(&pool->quit);
}

/* Waits for a loop that has not been seen yet, whose number is *seen then; false: the pool ends. */
static bool pool_await_loop(ThreadPool *pool, unsigned *seen) {
    for (int i = 0; i < LOOKS && !pool_has_news(pool, *seen); i++)
        thread_pause();
    if (!pool_has_news(pool, *seen)) {
        pthread_mutex_lock(&pool->mutex);
        while (!pool_has_news(pool, *seen))
            pthread_cond_wait(&pool->start, &pool->mutex);
        pthread_mutex_unlock(&pool->mutex);
    }
    *seen = atomic_load(&pool->generation);
    return !atomic_load(&pool->quit);
}

/* The last worker to finish wakes the caller, which may be asleep. */
static void pool_finish_loop(ThreadPool *pool) {
    if (atomic_fetch_sub(&pool->busy, 1) > 1)
        return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->mutex);
}

static void pool_await_workers(ThreadPool *pool) {
    for (int i = 0; i < LOOKS && atomic_load(&pool->busy) > 0; i++)
        thread_pause();
    if (atomic_load(&pool->busy) == 0)
        return;
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->busy) > 0)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
    Worker *worker = argument;
    unsigned seen = 0;
    while (pool_await_loop(worker->pool, &seen)) {
        pool_work(worker->pool, worker->index);
        pool_finish_loop(worker->pool);
    }
    return NULL;
}

cleave_status thread_pool_create(ThreadPool **result, int threads, cleave_error *error) {
    *result = NULL;
    size_t workers = threads > 1 ? (size_t)threads - 1 : 0;
    ThreadPool *pool = calloc(1, sizeof(*pool) + workers * sizeof(Worker));
    if (!pool)
        return error_memory(error, "the thread pool", sizeof(*pool));
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    atomic_init(&pool->generation, 0);
    atomic_init(&pool->busy, 0);
    atomic_init(&pool->quit, false);
    atomic_init(&pool->next, 0);
    for (size_t i = 0; i < workers; i++) {
        Worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->index = (int)i + 1;
        cleave_status status = thread_start(&worker->thread, worker_main, worker, error);
        if (status != CLEAVE_OK) {
            thread_pool_destroy(pool);
            return status;
        }
        pool->started++;
    }
    *result = pool;
    return CLEAVE_OK;
}

void thread_pool_destroy(ThreadPool *pool) {
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->quit, true);
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->start);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

int thread_pool_size(const ThreadPool *pool) {
    return pool->started + 1;
}

void thread_pool_observe(ThreadPool *pool, ThreadObserver observer, void *context) {
    pool->observer = observer;
    pool->observer_context = context;
}

void thread_pool_run(ThreadPool *pool, size_t tasks, ThreadTask run, void *context) {
    pool->run = run;
    pool->context = context;
    pool->tasks = tasks;
    atomic_store(&pool->next, 0);
    if (pool->started == 0 || tasks <= 1) {
        pool_work(pool, 0);
        return;
    }
    atomic_store(&pool->busy, pool->started);
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    pool_work(pool, 0);
    pool_await_workers(pool);
}
