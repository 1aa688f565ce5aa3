/* ring.h: hands slots from one thread to the next, in order: one writer, one reader. It counts the
 * slots; what is in them belongs to whoever has begun to write or to read them. Of several begun,
 * the oldest ends first. */
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
    int reading;  /* of these, those whose reading has begun */
    int writing;  /* slots behind them whose writing has begun */
    bool closed;  /* nothing more will be written */
    bool stopped; /* nothing more will be read */
} Ring;

void ring_init(Ring *ring, int capacity);
void ring_destroy(Ring *ring);

/* The writer's: waits for a free slot and returns its index; -1 where the ring
 * was stopped. */
int ring_begin_write(Ring *ring);
void ring_end_write(Ring *ring);

/* No more will be written; what is written already will still be read. */
void ring_close(Ring *ring);

/* The reader's: waits at most so long; false if ring_begin_read() would still have to wait. */
bool ring_wait(Ring *ring, int seconds);

/* The reader's: waits for the next slot and returns its index; -1 where the ring is closed and
 * empty, or stopped. */
int ring_begin_read(Ring *ring);
void ring_end_read(Ring *ring);

/* No more will be read: either side gets -1 from now on. */
void ring_stop(Ring *ring);

#endif
