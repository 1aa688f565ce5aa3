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

static cleave_status chunker_keep_tail(Chunker *chunker, const float *const *samples,
                                       int64_t frames, cleave_error *error) {
    cleave_status status = sample_queue_push(&chunker->tail, samples, frames, error);
    int64_t kept = chunker_border(&chunker->geometry) + 1;
    if (status == CLEAVE_OK && chunker->tail.count > kept)
        sample_queue_drop(&chunker->tail, chunker->tail.count - kept);
    return status;
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
    if (status == CLEAVE_OK && chunker->geometry.blend == CLEAVE_BLEND_FADE)
        status = chunker_keep_tail(chunker, samples, *got, error);
    return status;
}

/* ---- Padding ---- */

/* Writes `count` frames to a queue at `at`: frames last, last - 1, … of `from`. */
static void chunker_reverse(const SampleQueue *to, int64_t at, const SampleQueue *from,
                            int64_t last, int64_t count) {
    for (int channel = 0; channel < to->channels; channel++) {
        float *target = sample_queue_at(to, channel, at);
        const float *source = sample_queue_at(from, channel, last);
        for (int64_t i = 0; i < count; i++)
            target[i] = source[-i];
    }
}

/* Blend fade reflects a border at both ends of a signal that is longer than two borders. So much is
 * read first, to know; there is room for the border before it. */
static cleave_status chunker_start_fade(Chunker *chunker, cleave_error *error) {
    const int64_t width = chunker_border(&chunker->geometry);
    const int64_t wanted = width > 0 ? 2 * width + 1 : 0;
    SampleQueue *padded = &chunker->padded;
    cleave_status status = sample_queue_push(padded, NULL, width, error);
    int64_t got = 1;
    while (status == CLEAVE_OK && got > 0 && chunker->length < wanted) {
        int64_t left = wanted - chunker->length;
        status = chunker_read_block(chunker, left < BLOCK ? left : BLOCK, &got, error);
    }
    if (status != CLEAVE_OK)
        return status;
    if (chunker->length < wanted) {
        sample_queue_drop(padded, width);
        return CLEAVE_OK;
    }
    chunker_reverse(padded, 0, padded, 2 * width, width);
    chunker->front = width;
    return CLEAVE_OK;
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
    cleave_status status = sample_queue_reserve(&chunker->padded, width, error);
    if (status != CLEAVE_OK)
        return status;
    chunker_reverse(&chunker->padded, chunker->padded.count, &chunker->tail,
                    chunker->tail.count - 2, width);
    chunker->padded.count += width;
    return CLEAVE_OK;
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

/* The most frames that each queue holds: while the first chunk is cut, on the way, and at the end,
 * where padding follows. A block more than wanted may be read. */
typedef struct QueueLengths {
    int64_t padded;
    int64_t tail;
    int64_t mix;
} QueueLengths;

static QueueLengths chunker_lengths(const ChunkGeometry *geometry) {
    const int64_t border = chunker_border(geometry);
    const int64_t head = bytes_add(bytes_multiply(border, 2), 1);
    const int64_t read = bytes_add(chunker_ahead(geometry), BLOCK);
    QueueLengths lengths = {.padded = read, .mix = read};
    if (geometry->blend == CLEAVE_BLEND_MEAN)
        lengths.padded = bytes_add(read, bytes_add(geometry->hop, border));
    if (geometry->blend != CLEAVE_BLEND_FADE)
        return lengths;
    int64_t whole_head = bytes_add(border, head);
    int64_t end = bytes_add(read, border);
    return (QueueLengths){.padded = end > whole_head ? end : whole_head,
                          .tail = bytes_add(bytes_add(border, 1), BLOCK),
                          .mix = read > head ? read : head};
}

int64_t chunker_memory(const ChunkGeometry *geometry) {
    const QueueLengths lengths = chunker_lengths(geometry);
    int64_t frames = bytes_add(
        bytes_add(sample_queue_capacity(lengths.padded), sample_queue_capacity(lengths.tail)),
        bytes_add(sample_queue_capacity(lengths.mix), BLOCK));
    return bytes_multiply(frames, geometry->channels * (int64_t)sizeof(float));
}

cleave_status chunker_create(Chunker *chunker, const ChunkGeometry *geometry, AudioReader *reader,
                             Normalization normalization, cleave_error *error) {
    const int channels = geometry->channels;
    const QueueLengths lengths = chunker_lengths(geometry);
    *chunker = (Chunker){.geometry = *geometry, .reader = reader, .normalization = normalization};
    size_t bytes = (size_t)channels * BLOCK * sizeof(float);
    chunker->block = malloc(bytes);
    if (!chunker->block)
        return error_memory(error, "audio samples", bytes);
    cleave_status status = sample_queue_create(&chunker->padded, channels,
                                               sample_queue_capacity(lengths.padded), error);
    if (status == CLEAVE_OK)
        status = sample_queue_create(&chunker->tail, channels, sample_queue_capacity(lengths.tail),
                                     error);
    if (status == CLEAVE_OK)
        status =
            sample_queue_create(&chunker->mix, channels, sample_queue_capacity(lengths.mix), error);
    return status;
}

void chunker_destroy(Chunker *chunker) {
    sample_queue_destroy(&chunker->padded);
    sample_queue_destroy(&chunker->tail);
    sample_queue_destroy(&chunker->mix);
    free(chunker->block);
    *chunker = (Chunker){0};
}
