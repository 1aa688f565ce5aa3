/* sample_queue.c: planar audio, first in first out. */
#include "stream/sample_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void sample_queue_destroy(SampleQueue *queue) {
    free(queue->samples);
    *queue = (SampleQueue){0};
}

static void sample_queue_move(const SampleQueue *queue, float *to, int64_t to_capacity) {
    for (int channel = 0; channel < queue->channels; channel++)
        memmove(to + channel * to_capacity, sample_queue_at(queue, channel, 0),
                (size_t)queue->count * sizeof(float));
}

static cleave_status sample_queue_grow(SampleQueue *queue, int64_t capacity, cleave_error *error) {
    size_t floats = 0;
    size_t bytes = 0;
    float *samples = NULL;
    if (size_multiply((size_t)capacity, (size_t)queue->channels, &floats) &&
        size_multiply(floats, sizeof(float), &bytes))
        samples = malloc(bytes);
    if (!samples)
        return error_memory(error, "audio samples", bytes);
    if (queue->count > 0)
        sample_queue_move(queue, samples, capacity);
    free(queue->samples);
    queue->samples = samples;
    queue->capacity = capacity;
    queue->first = 0;
    return CLEAVE_OK;
}

cleave_status sample_queue_create(SampleQueue *queue, int channels, int64_t capacity,
                                  cleave_error *error) {
    *queue = (SampleQueue){.channels = channels};
    return sample_queue_grow(queue, capacity, error);
}

int64_t sample_queue_capacity(int64_t most) {
    return bytes_add(bytes_add(most, most / 3), 1);
}

cleave_status sample_queue_reserve(SampleQueue *queue, int64_t frames, cleave_error *error) {
    int64_t needed = queue->count + frames;
    if (queue->first + needed <= queue->capacity)
        return CLEAVE_OK;
    /* If at least a quarter is free, moving to the front moves each frame only O(1) times. */
    if (needed <= queue->capacity - queue->capacity / 4) {
        sample_queue_move(queue, queue->samples, queue->capacity);
        queue->first = 0;
        return CLEAVE_OK;
    }
    return sample_queue_grow(queue, 2 * needed, error);
}

cleave_status sample_queue_push(SampleQueue *queue, const float *const *planes, int64_t frames,
                                cleave_error *error) {
    cleave_status status = sample_queue_reserve(queue, frames, error);
    if (status != CLEAVE_OK)
        return status;
    for (int channel = 0; channel < queue->channels; channel++) {
        float *to = sample_queue_at(queue, channel, queue->count);
        if (planes)
            memcpy(to, planes[channel], (size_t)frames * sizeof(float));
        else
            memset(to, 0, (size_t)frames * sizeof(float));
    }
    queue->count += frames;
    return CLEAVE_OK;
}

void sample_queue_drop(SampleQueue *queue, int64_t frames) {
    queue->first += frames;
    queue->count -= frames;
    if (queue->count == 0)
        queue->first = 0;
}
