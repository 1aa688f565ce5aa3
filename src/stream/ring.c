/* ring.c: slots between two threads, by one mutex and one condition. */
#include "stream/ring.h"

#include <time.h>

void ring_init(Ring *ring, int capacity) {
    *ring = (Ring){.capacity = capacity};
    pthread_mutex_init(&ring->mutex, NULL);
    pthread_cond_init(&ring->changed, NULL);
}

void ring_destroy(Ring *ring) {
    pthread_cond_destroy(&ring->changed);
    pthread_mutex_destroy(&ring->mutex);
}

/* The slot `place` slots behind the oldest. */
static int ring_slot(const Ring *ring, int place) {
    return (ring->oldest + place) % ring->capacity;
}

/* Whether ring_begin_read() would return at once, be it with -1. */
static bool ring_is_readable(const Ring *ring) {
    return ring->stopped || ring->closed || ring->filled > ring->reading;
}

int ring_begin_write(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    while (!ring->stopped && ring->filled + ring->writing == ring->capacity)
        pthread_cond_wait(&ring->changed, &ring->mutex);
    int slot = ring->stopped ? -1 : ring_slot(ring, ring->filled + ring->writing++);
    pthread_mutex_unlock(&ring->mutex);
    return slot;
}

bool ring_wait(Ring *ring, int seconds) {
    struct timespec until;
    int code = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&ring->mutex);
    while (!ring_is_readable(ring) && code == 0)
        code = pthread_cond_timedwait(&ring->changed, &ring->mutex, &until);
    bool ready = ring_is_readable(ring);
    pthread_mutex_unlock(&ring->mutex);
    return ready;
}

int ring_begin_read(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    while (!ring_is_readable(ring))
        pthread_cond_wait(&ring->changed, &ring->mutex);
    bool none = ring->stopped || ring->filled == ring->reading;
    int slot = none ? -1 : ring_slot(ring, ring->reading++);
    pthread_mutex_unlock(&ring->mutex);
    return slot;
}

void ring_end_write(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    ring->writing--;
    ring->filled++;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->mutex);
}

void ring_end_read(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    ring->reading--;
    ring->filled--;
    ring->oldest = (ring->oldest + 1) % ring->capacity;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->mutex);
}

void ring_close(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    ring->closed = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->mutex);
}

void ring_stop(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    ring->stopped = true;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->mutex);
}
