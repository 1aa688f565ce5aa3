/* chunker.c: padding and cutting, by the rules of the training framework (blend fade), of UVR
 * (blend mean) and of audio-separator 0.47 for Roformers (blend hamming). */
#include "stream/chunker.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Frames read at once. */
#define BLOCK 8192

static int64_t chunker_border(const ChunkGeometry *geometry) {
    return geometry->chunk - geometry->hop;
}

static float *chunker_plane(const Chunker *chunker, int channel) {
    return chunker->block + (size_t)channel * BLOCK;
}

/* ---- Reading ---- */

static void chunker_normalize(const Chunker *chunker, int64_t frames) {
    Normalization n = chunker->normalization;
    for (int channel = 0; channel < chunker->geometry.channels; channel++) {
        float *samples = chunker_plane(chunker, channel);
        for (int64_t i = 0; i < frames; i++)
            samples[i] = (samples[i] - n.mean) / n.deviation;
    }
}

/* Reads up to `frames` frames (at most BLOCK) and appends them to the queues. */
static cleave_status chunker_read_block(Chunker *chunker, int64_t frames, int64_t *got,
                                        cleave_error *error) {
    const int channels = chunker->geometry.channels;
    float *planes[2];
    for (int channel = 0; channel < channels; channel++)
        planes[channel] = chunker_plane(chunker, channel);
    const float *const *samples = (const float *const *)planes;
    cleave_status status = audio_reader_read(chunker->reader, planes, frames, got, error);
    if (status == CLEAVE_OK)
        status = sample_queue_push(&chunker->mix, samples, *got, error);
    if (status != CLEAVE_OK)
        return status;
    chunker->length += *got;
    if (chunker->normalization.mean != 0 || chunker->normalization.deviation != 1)
        chunker_normalize(chunker, *got);
    status = sample_queue_push(&chunker->padded, samples, *got, error);
    if (status == CLEAVE_OK)
        status = sample_queue_push(&chunker->tail, samples, *got, error);
    int64_t kept = chunker_border(&chunker->geometry) + 1;
    if (status == CLEAVE_OK && chunker->tail.count > kept)
        sample_queue_drop(&chunker->tail, chunker->tail.count - kept);
    return status;
}

/* ---- Padding ---- */

/* Appends samples last, last - 1, … last - count + 1 of `from` to `to`. */
static cleave_status chunker_push_reversed(SampleQueue *to, const SampleQueue *from, int64_t last,
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

/* Blend fade reflects a border at both ends of a signal that is longer than two borders. So much is
 * read first, to know. */
static cleave_status chunker_start_fade(Chunker *chunker, cleave_error *error) {
    const int64_t width = chunker_border(&chunker->geometry);
    const int64_t wanted = width > 0 ? 2 * width + 1 : 0;
    SampleQueue head = {0};
    cleave_status status = CLEAVE_OK;
    int64_t got = 1;
    while (status == CLEAVE_OK && got > 0 && chunker->length < wanted) {
        int64_t left = wanted - chunker->length;
        status = chunker_read_block(chunker, left < BLOCK ? left : BLOCK, &got, error);
    }
    if (status != CLEAVE_OK || wanted == 0 || chunker->length < wanted)
        return status;
    head = chunker->padded;
    status = sample_queue_create(&chunker->padded, head.channels, 2 * head.count, error);
    if (status == CLEAVE_OK)
        status = chunker_push_reversed(&chunker->padded, &head, width, width, error);
    const float *planes[2];
    for (int channel = 0; channel < head.channels; channel++)
        planes[channel] = sample_queue_at(&head, channel, 0);
    if (status == CLEAVE_OK)
        status = sample_queue_push(&chunker->padded, planes, head.count, error);
    chunker->front = width;
    sample_queue_destroy(&head);
    return status;
}

static cleave_status chunker_start(Chunker *chunker, cleave_error *error) {
    chunker->started = true;
    if (chunker->geometry.blend == CLEAVE_BLEND_FADE)
        return chunker_start_fade(chunker, error);
    if (chunker->geometry.blend == CLEAVE_BLEND_HAMMING)
        return CLEAVE_OK;
    chunker->front = chunker_border(&chunker->geometry);
    return sample_queue_push(&chunker->padded, NULL, chunker->front, error);
}

/* pad = hop - ((length - chunk) mod hop), the mod never negative. */
static int64_t chunker_mean_padding(const Chunker *chunker) {
    const int64_t hop = chunker->geometry.hop;
    int64_t remainder = (chunker->length - chunker->geometry.chunk) % hop;
    if (remainder < 0)
        remainder += hop;
    return hop - remainder;
}

static cleave_status chunker_finish(Chunker *chunker, cleave_error *error) {
    const int64_t width = chunker_border(&chunker->geometry);
    chunker->ended = true;
    if (chunker->geometry.blend == CLEAVE_BLEND_MEAN)
        return sample_queue_push(&chunker->padded, NULL, chunker_mean_padding(chunker) + width,
                                 error);
    if (chunker->front == 0)
        return CLEAVE_OK;
    return chunker_push_reversed(&chunker->padded, &chunker->tail, chunker->tail.count - 2, width,
                                 error);
}

/* Reads until `frames` frames of the padded signal are in the queue, or all of it. */
static cleave_status chunker_fill(Chunker *chunker, int64_t frames, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (!chunker->started)
        status = chunker_start(chunker, error);
    while (status == CLEAVE_OK && !chunker->ended && chunker->padded.count < frames) {
        int64_t got = 0;
        status = chunker_read_block(chunker, BLOCK, &got, error);
        if (status == CLEAVE_OK && got == 0)
            status = chunker_finish(chunker, error);
    }
    return status;
}

/* ---- Chunks ---- */

/* Completes a short chunk: by reflection if more than half of it is there, else by zeros. */
static void chunker_complete(const ChunkGeometry *geometry, float *samples, int64_t valid) {
    for (int channel = 0; channel < geometry->channels; channel++) {
        float *plane = samples + channel * geometry->chunk;
        for (int64_t i = valid; i < geometry->chunk; i++)
            plane[i] = valid > geometry->chunk / 2 ? plane[2 * (valid - 1) - i] : 0;
    }
}

/* Frames of the padded signal that make a chunk: blend mean takes whole chunks only. */
static int64_t chunker_least(const ChunkGeometry *geometry) {
    return geometry->blend == CLEAVE_BLEND_MEAN ? geometry->chunk : 1;
}

/* Frames of the padded signal that fill a chunk, and from which follows where the next one starts.
 */
static int64_t chunker_ahead(const ChunkGeometry *geometry) {
    int64_t next = geometry->blend == CLEAVE_BLEND_FADE ? 1 : geometry->chunk;
    int64_t ahead = geometry->hop + next;
    return ahead > geometry->chunk ? ahead : geometry->chunk;
}

/* How far behind this chunk the next one starts; 0: there is none. `available`: frames from this
 * chunk's start on, as many as chunker_ahead() or all that are left. */
static int64_t chunker_step(const ChunkGeometry *geometry, int64_t available) {
    int64_t rest = available - geometry->chunk;
    if (geometry->blend != CLEAVE_BLEND_HAMMING)
        return available >= geometry->hop + chunker_least(geometry) ? geometry->hop : 0;
    if (rest >= geometry->hop)
        return geometry->hop;
    return rest > 0 ? rest : 0; /* the last chunk ends with the signal */
}

/* The final samples without the padding at both ends. Until the signal has ended, no final sample
 * lies behind its end. */
static void chunker_find_emitted(const Chunker *chunker, Chunk *chunk) {
    int64_t first = chunk->start < 0 ? -chunk->start : 0;
    int64_t last = chunk->final;
    if (chunker->ended && chunker->length - chunk->start < last)
        last = chunker->length - chunk->start;
    chunk->emit_first = first;
    chunk->emit_frames = last > first ? last - first : 0;
}

static void chunker_take_mix(Chunker *chunker, float *mix, int64_t frames) {
    for (int channel = 0; channel < chunker->geometry.channels && mix; channel++)
        memcpy(mix + channel * chunker->geometry.chunk, sample_queue_at(&chunker->mix, channel, 0),
               (size_t)frames * sizeof(float));
    sample_queue_drop(&chunker->mix, frames);
}

static void chunker_take(Chunker *chunker, float *samples, Chunk *chunk) {
    const ChunkGeometry *geometry = &chunker->geometry;
    int64_t available = chunker->padded.count;
    chunk->index = chunker->index++;
    chunk->start = chunker->start - chunker->front;
    chunk->valid = available < geometry->chunk ? available : geometry->chunk;
    chunk->first = chunk->index == 0;
    int64_t step = chunker_step(geometry, available);
    chunk->last = step == 0;
    chunk->final = chunk->last ? chunk->valid : step;
    chunker_find_emitted(chunker, chunk);
    for (int channel = 0; channel < geometry->channels; channel++)
        memcpy(samples + channel * geometry->chunk, sample_queue_at(&chunker->padded, channel, 0),
               (size_t)chunk->valid * sizeof(float));
    chunker_complete(geometry, samples, chunk->valid);
    sample_queue_drop(&chunker->padded, chunk->final);
    chunker->start += chunk->final;
}

cleave_status chunker_next(Chunker *chunker, float *samples, float *mix, Chunk *chunk, bool *got,
                           cleave_error *error) {
    const ChunkGeometry *geometry = &chunker->geometry;
    cleave_status status = chunker_fill(chunker, chunker_ahead(geometry), error);
    *got = status == CLEAVE_OK && chunker->padded.count >= chunker_least(geometry);
    if (*got) {
        chunker_take(chunker, samples, chunk);
        chunker_take_mix(chunker, mix, chunk->emit_frames);
    }
    return status;
}

/* ---- Creating ---- */

cleave_status chunker_create(Chunker *chunker, const ChunkGeometry *geometry, AudioReader *reader,
                             Normalization normalization, cleave_error *error) {
    *chunker = (Chunker){.geometry = *geometry, .reader = reader, .normalization = normalization};
    size_t bytes = (size_t)geometry->channels * BLOCK * sizeof(float);
    chunker->block = malloc(bytes);
    if (!chunker->block)
        return error_memory(error, "audio samples", bytes);
    cleave_status status =
        sample_queue_create(&chunker->padded, geometry->channels, geometry->chunk, error);
    if (status == CLEAVE_OK)
        status = sample_queue_create(&chunker->tail, geometry->channels, BLOCK, error);
    if (status == CLEAVE_OK)
        status = sample_queue_create(&chunker->mix, geometry->channels, geometry->chunk, error);
    return status;
}

void chunker_destroy(Chunker *chunker) {
    sample_queue_destroy(&chunker->padded);
    sample_queue_destroy(&chunker->tail);
    sample_queue_destroy(&chunker->mix);
    free(chunker->block);
    *chunker = (Chunker){0};
}
