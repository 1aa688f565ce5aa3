/* ring.h: hands slots from one thread to the next, in order: one writer, one reader. The ring only
 * counts slots: what is in one belongs to the thread that has begun to write or to read it. Several
 * may be begun; the oldest ends first. */
#ifndef CLEAVE_STREAM_RING_H
#define CLEAVE_STREAM_RING_H

#include <pthread.h>
#include <stdbool.h>

typedef struct Ring {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int capacity; /* slots */
    int oldest;   /* the slot to be read next */
    int filled;   /* slots written and not yet read, from the oldest on */
    int reading;  /* so many of them are being read */
    int writing;  /* so many slots behind them are being written */
    bool closed;  /* nothing more will be written */
    bool stopped; /* nothing more will be read */
} Ring;

void ring_init(Ring *ring, int capacity);
void ring_destroy(Ring *ring);

/* For the writer: waits for a free slot and returns its index; -1 if the ring was stopped. */
int ring_begin_write(Ring *ring);
void ring_end_write(Ring *ring);

/* For the writer: nothing more will be written; what is written will still be read. */
void ring_close(Ring *ring);

/* For the reader: waits at most so long; false if ring_begin_read() would still have to wait. */
bool ring_wait(Ring *ring, int seconds);

/* For the reader: waits for the next slot and returns its index; -1 if the ring is stopped, or
 * closed and empty. */
int ring_begin_read(Ring *ring);
void ring_end_read(Ring *ring);

/* From any thread: nothing more will be read; both sides get -1 from now on. */
void ring_stop(Ring *ring);

#endif
