/* blender.h: adds overlapping chunks of stems up to one signal. Holds one chunk of each stem. */
#ifndef CLEAVE_STREAM_BLENDER_H
#define CLEAVE_STREAM_BLENDER_H

#include "stream/chunker.h"

typedef struct Blender {
    ChunkGeometry geometry;
    int planes;     /* stems · channels */
    int overlap;    /* chunk / hop as asked for: blend mean divides by it */
    float *window;  /* (chunk): 1, with a fade at either end in blend fade; or a Hamming window */
    float *sums;    /* (planes, chunk): Σ window · stem from the next chunk's start on */
    float *weights; /* (chunk): Σ window */
} Blender;

cleave_status blender_create(Blender *blender, const ChunkGeometry *geometry, int planes,
                             int overlap, cleave_error *error);
void blender_destroy(Blender *blender);

/* Adds gain times a chunk's samples to one plane. Chunks come in order; every plane of a chunk must
 * be added before blender_finish(). */
void blender_add(Blender *blender, const Chunk *chunk, int plane, const float *samples, float gain);

/* Once for each chunk, after its planes were added: adds its window to the weights, and divides the
 * frames that no later chunk reaches. planes[plane] then has chunk->final final frames, until
 * blender_next(). */
void blender_finish(Blender *blender, const Chunk *chunk, float **planes);

/* Drops the chunk's final frames. */
void blender_next(Blender *blender, const Chunk *chunk);

#endif
