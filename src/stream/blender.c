/* blender.c: see blender.h. */
#include "stream/blender.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Linear fades of a tenth of the chunk, 0 → 1 and 1 → 0 inclusive. */
static void fill_window(const ChunkPlan *plan, float *window) {
    int64_t fade = plan->blend == CLEAVE_BLEND_FADE ? plan->chunk / 10 : 0;
    for (int64_t i = 0; i < plan->chunk; i++)
        window[i] = 1;
    for (int64_t i = 0; i < fade; i++) {
        float level = fade > 1 ? (float)((double)i / (double)(fade - 1)) : 0;
        window[i] = level;
        window[plan->chunk - 1 - i] = level;
    }
}

cleave_status blender_create(Blender *blender, const ChunkPlan *plan, int planes, int overlap,
                             cleave_error *error) {
    size_t chunk = (size_t)plan->chunk;
    *blender = (Blender){.plan = *plan, .planes = planes, .overlap = overlap};
    blender->window = malloc(chunk * sizeof(float));
    blender->weights = calloc(chunk, sizeof(float));
    blender->sums = calloc((size_t)planes * chunk, sizeof(float));
    if (!blender->window || !blender->weights || !blender->sums)
        return error_memory(error, "blending chunks", (size_t)planes * chunk * sizeof(float));
    fill_window(plan, blender->window);
    return CLEAVE_OK;
}

void blender_destroy(Blender *blender) {
    free(blender->window);
    free(blender->weights);
    free(blender->sums);
    *blender = (Blender){0};
}

/* The window's weight at sample i of a chunk: the first has no fade-in, the last no fade-out. */
static float weight_at(const Blender *blender, const Chunk *chunk, int64_t i) {
    bool unfaded = i < blender->plan.chunk / 2 ? chunk->first : chunk->last;
    return unfaded ? 1 : blender->window[i];
}

void blender_add(Blender *blender, const Chunk *chunk, int plane, const float *samples,
                 float gain) {
    float *sums = blender->sums + (int64_t)plane * blender->plan.chunk;
    for (int64_t i = 0; i < chunk->valid; i++)
        sums[i] += weight_at(blender, chunk, i) * (samples[i] * gain);
}

void blender_finish(Blender *blender, const Chunk *chunk, float **planes) {
    for (int64_t i = 0; i < chunk->valid; i++)
        blender->weights[i] += weight_at(blender, chunk, i);
    for (int plane = 0; plane < blender->planes; plane++) {
        float *sums = blender->sums + (int64_t)plane * blender->plan.chunk;
        planes[plane] = sums;
        for (int64_t i = 0; i < chunk->final; i++) {
            float weight = blender->plan.blend == CLEAVE_BLEND_MEAN ? (float)blender->overlap
                                                                    : blender->weights[i];
            sums[i] = weight > 0 ? sums[i] / weight : 0;
        }
    }
}

static void shift(float *samples, int64_t step, int64_t chunk) {
    memmove(samples, samples + step, (size_t)(chunk - step) * sizeof(float));
    memset(samples + chunk - step, 0, (size_t)step * sizeof(float));
}

void blender_next(Blender *blender) {
    const ChunkPlan *plan = &blender->plan;
    for (int plane = 0; plane < blender->planes; plane++)
        shift(blender->sums + (int64_t)plane * plan->chunk, plan->step, plan->chunk);
    shift(blender->weights, plan->step, plan->chunk);
}
