/* ring.c: see ring.h. */
#include "separate/ring.h"

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

int ring_begin_write(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    while (!ring->stopped && ring->filled == ring->capacity)
        pthread_cond_wait(&ring->changed, &ring->mutex);
    int slot = ring->stopped ? -1 : (ring->oldest + ring->filled) % ring->capacity;
    pthread_mutex_unlock(&ring->mutex);
    return slot;
}

bool ring_wait(Ring *ring, int seconds) {
    struct timespec until;
    int code = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&ring->mutex);
    while (!ring->stopped && !ring->closed && ring->filled == 0 && code == 0)
        code = pthread_cond_timedwait(&ring->changed, &ring->mutex, &until);
    bool ready = ring->stopped || ring->closed || ring->filled > 0;
    pthread_mutex_unlock(&ring->mutex);
    return ready;
}

int ring_begin_read(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    while (!ring->stopped && !ring->closed && ring->filled == 0)
        pthread_cond_wait(&ring->changed, &ring->mutex);
    int slot = ring->stopped || ring->filled == 0 ? -1 : ring->oldest;
    pthread_mutex_unlock(&ring->mutex);
    return slot;
}

void ring_end_write(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
    ring->filled++;
    pthread_cond_broadcast(&ring->changed);
    pthread_mutex_unlock(&ring->mutex);
}

void ring_end_read(Ring *ring) {
    pthread_mutex_lock(&ring->mutex);
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
