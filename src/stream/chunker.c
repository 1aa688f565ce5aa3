/* chunker.c: see chunker.h. The rules are those of the training framework (blend fade) and of UVR
 * (blend mean). */
#include "stream/chunker.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Frames that are read at once. */
#define BLOCK 8192

static int64_t border(const ChunkPlan *plan) {
    return plan->chunk - plan->step;
}

static float *block_plane(const Chunker *chunker, int channel) {
    return chunker->block + (size_t)channel * BLOCK;
}

/* ---- Reading ---- */

static void normalize(const Chunker *chunker, int64_t frames) {
    Normalization n = chunker->normalization;
    for (int channel = 0; channel < chunker->plan.channels; channel++) {
        float *samples = block_plane(chunker, channel);
        for (int64_t i = 0; i < frames; i++)
            samples[i] = (samples[i] - n.mean) / n.deviation;
    }
}

/* Reads up to `frames` frames (at most BLOCK) and appends them to the queues. */
static cleave_status read_block(Chunker *chunker, int64_t frames, int64_t *got,
                                cleave_error *error) {
    const int channels = chunker->plan.channels;
    float *planes[2];
    for (int channel = 0; channel < channels; channel++)
        planes[channel] = block_plane(chunker, channel);
    const float *const *samples = (const float *const *)planes;
    cleave_status status = audio_reader_read(chunker->reader, planes, frames, got, error);
    if (status == CLEAVE_OK)
        status = sample_queue_push(&chunker->mix, samples, *got, error);
    if (status != CLEAVE_OK)
        return status;
    chunker->length += *got;
    if (chunker->normalization.mean != 0 || chunker->normalization.deviation != 1)
        normalize(chunker, *got);
    status = sample_queue_push(&chunker->padded, samples, *got, error);
    if (status == CLEAVE_OK)
        status = sample_queue_push(&chunker->tail, samples, *got, error);
    int64_t kept = border(&chunker->plan) + 1;
    if (status == CLEAVE_OK && chunker->tail.count > kept)
        sample_queue_drop(&chunker->tail, chunker->tail.count - kept);
    return status;
}

/* ---- Padding ---- */

/* Appends samples last, last - 1, … last - count + 1 of `from` to `to`. */
static cleave_status push_reversed(SampleQueue *to, const SampleQueue *from, int64_t last,
                                   int64_t count, cleave_error *error) {
    cleave_status status = sample_queue_reserve(to, count, error);
    if (status != CLEAVE_OK)
        return status;
    for (int channel = 0; channel < to->channels; channel++) {
        float *target = sample_queue_at(to, channel, to->count);
        const float *source = sample_queue_at(from, channel, last);
        for (int64_t i = 0; i < count; i++)
            target[i] = source[-i];
    }
    to->count += count;
    return CLEAVE_OK;
}

/* Blend fade reflects a border at both ends of signals that are longer than two borders: to know,
 * that much is read first. */
static cleave_status start_fade(Chunker *chunker, cleave_error *error) {
    const int64_t width = border(&chunker->plan);
    const int64_t wanted = width > 0 ? 2 * width + 1 : 0;
    SampleQueue head = {0};
    cleave_status status = CLEAVE_OK;
    int64_t got = 1;
    while (status == CLEAVE_OK && got > 0 && chunker->length < wanted) {
        int64_t left = wanted - chunker->length;
        status = read_block(chunker, left < BLOCK ? left : BLOCK, &got, error);
    }
    if (status != CLEAVE_OK || wanted == 0 || chunker->length < wanted)
        return status;
    head = chunker->padded;
    status = sample_queue_create(&chunker->padded, head.channels, 2 * head.count, error);
    if (status == CLEAVE_OK)
        status = push_reversed(&chunker->padded, &head, width, width, error);
    const float *planes[2];
    for (int channel = 0; channel < head.channels; channel++)
        planes[channel] = sample_queue_at(&head, channel, 0);
    if (status == CLEAVE_OK)
        status = sample_queue_push(&chunker->padded, planes, head.count, error);
    chunker->front = width;
    sample_queue_destroy(&head);
    return status;
}

static cleave_status start(Chunker *chunker, cleave_error *error) {
    chunker->started = true;
    if (chunker->plan.blend == CLEAVE_BLEND_FADE)
        return start_fade(chunker, error);
    chunker->front = border(&chunker->plan);
    return sample_queue_push(&chunker->padded, NULL, chunker->front, error);
}

/* pad = step - ((length - chunk) mod step), the mod never negative. */
static int64_t mean_padding(const Chunker *chunker) {
    const int64_t step = chunker->plan.step;
    int64_t remainder = (chunker->length - chunker->plan.chunk) % step;
    if (remainder < 0)
        remainder += step;
    return step - remainder;
}

static cleave_status finish(Chunker *chunker, cleave_error *error) {
    const int64_t width = border(&chunker->plan);
    chunker->ended = true;
    if (chunker->plan.blend == CLEAVE_BLEND_MEAN)
        return sample_queue_push(&chunker->padded, NULL, mean_padding(chunker) + width, error);
    if (chunker->front == 0)
        return CLEAVE_OK;
    return push_reversed(&chunker->padded, &chunker->tail, chunker->tail.count - 2, width, error);
}

/* Has at least `frames` frames of the padded signal in the queue, or all that there are. */
static cleave_status fill(Chunker *chunker, int64_t frames, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (!chunker->started)
        status = start(chunker, error);
    while (status == CLEAVE_OK && !chunker->ended && chunker->padded.count < frames) {
        int64_t got = 0;
        status = read_block(chunker, BLOCK, &got, error);
        if (status == CLEAVE_OK && got == 0)
            status = finish(chunker, error);
    }
    return status;
}

/* ---- Chunks ---- */

/* Completes a short chunk: by reflection where more than half of it is there, else by zeros. */
static void complete(const ChunkPlan *plan, float *samples, int64_t valid) {
    for (int channel = 0; channel < plan->channels; channel++) {
        float *plane = samples + channel * plan->chunk;
        for (int64_t i = valid; i < plan->chunk; i++)
            plane[i] = valid > plan->chunk / 2 ? plane[2 * (valid - 1) - i] : 0;
    }
}

/* Frames of the padded signal that make a chunk: whole ones with blend mean, any with fade. */
static int64_t next_needs(const ChunkPlan *plan) {
    return plan->blend == CLEAVE_BLEND_MEAN ? plan->chunk : 1;
}

/* The final samples less the padding at both ends. Before the signal has ended, what is final is
 * never padding behind it. */
static void find_emitted(const Chunker *chunker, Chunk *chunk) {
    int64_t first = chunk->start < 0 ? -chunk->start : 0;
    int64_t last = chunk->final;
    if (chunker->ended && chunker->length - chunk->start < last)
        last = chunker->length - chunk->start;
    chunk->emit_first = first;
    chunk->emit_frames = last > first ? last - first : 0;
}

static void take_mix(Chunker *chunker, float *mix, int64_t frames) {
    for (int channel = 0; channel < chunker->plan.channels && mix; channel++)
        memcpy(mix + channel * chunker->plan.chunk, sample_queue_at(&chunker->mix, channel, 0),
               (size_t)frames * sizeof(float));
    sample_queue_drop(&chunker->mix, frames);
}

static void take_chunk(Chunker *chunker, float *samples, Chunk *chunk) {
    const ChunkPlan *plan = &chunker->plan;
    int64_t available = chunker->padded.count;
    chunk->index = chunker->index++;
    chunk->start = chunker->start - chunker->front;
    chunk->valid = available < plan->chunk ? available : plan->chunk;
    chunk->first = chunk->index == 0;
    chunk->last = available < next_needs(plan) + plan->step;
    chunk->final = chunk->last ? chunk->valid : plan->step;
    find_emitted(chunker, chunk);
    for (int channel = 0; channel < plan->channels; channel++)
        memcpy(samples + channel * plan->chunk, sample_queue_at(&chunker->padded, channel, 0),
               (size_t)chunk->valid * sizeof(float));
    complete(plan, samples, chunk->valid);
    sample_queue_drop(&chunker->padded, available < plan->step ? available : plan->step);
    chunker->start += plan->step;
}

cleave_status chunker_next(Chunker *chunker, float *samples, float *mix, Chunk *chunk, bool *got,
                           cleave_error *error) {
    const ChunkPlan *plan = &chunker->plan;
    /* Enough to fill this chunk, and to know whether another follows. */
    int64_t ahead = plan->step + next_needs(plan);
    cleave_status status = fill(chunker, ahead > plan->chunk ? ahead : plan->chunk, error);
    *got = status == CLEAVE_OK && chunker->padded.count >= next_needs(plan);
    if (*got) {
        take_chunk(chunker, samples, chunk);
        take_mix(chunker, mix, chunk->emit_frames);
    }
    return status;
}

/* ---- Creating ---- */

cleave_status chunker_create(Chunker *chunker, const ChunkPlan *plan, AudioReader *reader,
                             Normalization normalization, cleave_error *error) {
    *chunker = (Chunker){.plan = *plan, .reader = reader, .normalization = normalization};
    size_t bytes = (size_t)plan->channels * BLOCK * sizeof(float);
    chunker->block = malloc(bytes);
    if (!chunker->block)
        return error_memory(error, "audio samples", bytes);
    cleave_status status =
        sample_queue_create(&chunker->padded, plan->channels, plan->chunk, error);
    if (status == CLEAVE_OK)
        status = sample_queue_create(&chunker->tail, plan->channels, BLOCK, error);
    if (status == CLEAVE_OK)
        status = sample_queue_create(&chunker->mix, plan->channels, plan->chunk, error);
    return status;
}

void chunker_destroy(Chunker *chunker) {
    sample_queue_destroy(&chunker->padded);
    sample_queue_destroy(&chunker->tail);
    sample_queue_destroy(&chunker->mix);
    free(chunker->block);
    *chunker = (Chunker){0};
}
