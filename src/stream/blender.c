/* blender.c: windows, their sums and what is final. */
#include "stream/blender.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Linear fades of a tenth of the chunk, 0 → 1 and 1 → 0 inclusive. */
static void blender_fill_fades(float *window, int64_t chunk) {
    int64_t fade = chunk / 10;
    for (int64_t i = 0; i < fade; i++) {
        float level = fade > 1 ? (float)((double)i / (double)(fade - 1)) : 0;
        window[i] = level;
        window[chunk - 1 - i] = level;
    }
}

static const double pi = 3.14159265358979323846;

/* The symmetric Hamming window, 0.08 at either end. */
static void blender_fill_hamming(float *window, int64_t chunk) {
    for (int64_t i = 0; i < chunk && chunk > 1; i++)
        window[i] = (float)(0.54 - 0.46 * cos(2 * pi * (double)i / (double)(chunk - 1)));
}

static void blender_fill_window(const ChunkGeometry *geometry, float *window) {
    for (int64_t i = 0; i < geometry->chunk; i++)
        window[i] = 1;
    if (geometry->blend == CLEAVE_BLEND_FADE)
        blender_fill_fades(window, geometry->chunk);
    else if (geometry->blend == CLEAVE_BLEND_HAMMING)
        blender_fill_hamming(window, geometry->chunk);
}

cleave_status blender_create(Blender *blender, const ChunkGeometry *geometry, int planes,
                             int overlap, cleave_error *error) {
    size_t chunk = (size_t)geometry->chunk;
    *blender = (Blender){.geometry = *geometry, .planes = planes, .overlap = overlap};
    blender->window = malloc(chunk * sizeof(float));
    blender->weights = calloc(chunk, sizeof(float));
    blender->sums = calloc((size_t)planes * chunk, sizeof(float));
    if (!blender->window || !blender->weights || !blender->sums)
        return error_memory(error, "blending chunks", (size_t)planes * chunk * sizeof(float));
    blender_fill_window(geometry, blender->window);
    return CLEAVE_OK;
}

void blender_destroy(Blender *blender) {
    free(blender->window);
    free(blender->weights);
    free(blender->sums);
    *blender = (Blender){0};
}

/* The window's weight at sample i of a chunk: with blend fade the first has no fade-in, the last no
 * fade-out. */
static float blender_weight(const Blender *blender, const Chunk *chunk, int64_t i) {
    bool at_end = i < blender->geometry.chunk / 2 ? chunk->first : chunk->last;
    bool unfaded = at_end && blender->geometry.blend == CLEAVE_BLEND_FADE;
    return unfaded ? 1 : blender->window[i];
}

void blender_add(Blender *blender, const Chunk *chunk, int plane, const float *samples,
                 float gain) {
    float *sums = blender->sums + (int64_t)plane * blender->geometry.chunk;
    for (int64_t i = 0; i < chunk->valid; i++)
        sums[i] += blender_weight(blender, chunk, i) * (samples[i] * gain);
}

void blender_finish(Blender *blender, const Chunk *chunk, float **planes) {
    for (int64_t i = 0; i < chunk->valid; i++)
        blender->weights[i] += blender_weight(blender, chunk, i);
    for (int plane = 0; plane < blender->planes; plane++) {
        float *sums = blender->sums + (int64_t)plane * blender->geometry.chunk;
        planes[plane] = sums;
        for (int64_t i = 0; i < chunk->final; i++) {
            float weight = blender->geometry.blend == CLEAVE_BLEND_MEAN ? (float)blender->overlap
                                                                        : blender->weights[i];
            sums[i] = weight > 0 ? sums[i] / weight : 0;
        }
    }
}

static void blender_shift(float *samples, int64_t frames, int64_t chunk) {
    memmove(samples, samples + frames, (size_t)(chunk - frames) * sizeof(float));
    memset(samples + chunk - frames, 0, (size_t)frames * sizeof(float));
}

void blender_next(Blender *blender, const Chunk *chunk) {
    const int64_t size = blender->geometry.chunk;
    for (int plane = 0; plane < blender->planes; plane++)
        blender_shift(blender->sums + (int64_t)plane * size, chunk->final, size);
    blender_shift(blender->weights, chunk->final, size);
}
