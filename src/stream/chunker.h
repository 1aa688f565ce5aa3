/* chunker.h: cuts audio of unknown length into the padded, overlapping chunks that the network
 * takes. Holds some chunks, never the file. */
#ifndef CLEAVE_STREAM_CHUNKER_H
#define CLEAVE_STREAM_CHUNKER_H

#include <stdbool.h>

#include "audio/audio.h"
#include "stream/sample_queue.h"

/* How a signal is cut. */
typedef struct ChunkGeometry {
    cleave_blend blend;
    int channels;
    int64_t chunk; /* samples */
    int64_t hop;   /* chunk / overlap */
} ChunkGeometry;

/* The most samples of a chunk that a later one reaches. With blend hamming the last chunk ends with
 * the signal, so that it may begin right behind the first sample of the one before it. */
static inline int64_t chunk_carried(const ChunkGeometry *geometry) {
    int64_t least = geometry->blend == CLEAVE_BLEND_HAMMING ? 1 : geometry->hop;
    return geometry->chunk - least;
}

/* The samples that reach the network are (x - mean) / deviation. */
typedef struct Normalization {
    float mean;
    float deviation; /* never 0 */
} Normalization;

typedef struct Chunker {
    ChunkGeometry geometry;
    AudioReader *reader;
    Normalization normalization;
    SampleQueue padded; /* the padded signal, from the next chunk's start */
    SampleQueue tail;   /* blend fade: the newest samples, for the reflection at the end */
    SampleQueue mix;    /* samples as read, from the first one that is not final yet */
    float *block;       /* (channels, BLOCK) as read */
    int64_t start;      /* of the next chunk, in the padded signal */
    int64_t index;      /* of the next chunk */
    int64_t front;      /* padding in front of the first sample */
    int64_t length;     /* samples read so far; of the whole signal once ended */
    bool started;
    bool ended; /* the padded signal is complete in the queue */
} Chunker;

typedef struct Chunk {
    int64_t index;
    int64_t start;       /* in the signal; negative if the chunk begins in the padding */
    int64_t valid;       /* samples that are signal or its padding; the rest completes the chunk */
    int64_t final;       /* samples from the chunk's start on that no later chunk reaches: the next
                            one, if there is one, starts behind them */
    int64_t emit_first;  /* final samples that are signal, not padding: the first of them */
    int64_t emit_frames; /* and how many; may be 0 */
    bool first;
    bool last;
} Chunk;

cleave_status chunker_create(Chunker *chunker, const ChunkGeometry *geometry, AudioReader *reader,
                             Normalization normalization, cleave_error *error);
void chunker_destroy(Chunker *chunker);

/* Bytes that a chunker allocates; at most INT64_MAX. */
int64_t chunker_memory(const ChunkGeometry *geometry);

/* Writes the next chunk to samples (channels, chunk). mix may be NULL, else it has the same shape
 * and gets the emit_frames samples, as they were read, that become final with the chunk. *got:
 * false if no chunk is left. */
cleave_status chunker_next(Chunker *chunker, float *samples, float *mix, Chunk *chunk, bool *got,
                           cleave_error *error);

#endif
