/* sample_queue.h: planar audio, first in first out: holds what was pushed and not yet dropped.
 * Grows as needed; with sample_queue_capacity() it need not. */
#ifndef CLEAVE_STREAM_SAMPLE_QUEUE_H
#define CLEAVE_STREAM_SAMPLE_QUEUE_H

#include <stdint.h>

#include "base/error.h"

typedef struct SampleQueue {
    int channels;
    float *samples;   /* (channels, capacity) */
    int64_t capacity; /* frames */
    int64_t first;    /* oldest frame */
    int64_t count;    /* frames held */
} SampleQueue;

/* The capacity at which a queue that holds at most so many frames never grows; at most INT64_MAX.
 */
int64_t sample_queue_capacity(int64_t most);

/* An empty queue with room for `capacity` frames. */
cleave_status sample_queue_create(SampleQueue *queue, int channels, int64_t capacity,
                                  cleave_error *error);
void sample_queue_destroy(SampleQueue *queue);

/* Makes room for `frames` more behind the newest. */
cleave_status sample_queue_reserve(SampleQueue *queue, int64_t frames, cleave_error *error);

/* Frame `index` (0: oldest) of a channel and what follows it. Valid until the next push. */
static inline float *sample_queue_at(const SampleQueue *queue, int channel, int64_t index) {
    return queue->samples + (int64_t)channel * queue->capacity + queue->first + index;
}

/* Appends frames, from planes[channel] or (NULL) zeros. */
cleave_status sample_queue_push(SampleQueue *queue, const float *const *planes, int64_t frames,
                                cleave_error *error);

/* Drops the oldest frames; at most count. */
void sample_queue_drop(SampleQueue *queue, int64_t frames);

#endif
