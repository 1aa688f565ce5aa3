/* chunker.h: audio of unknown length as the padded, overlapping chunks that the network takes.
 * Holds about one chunk, never the file. */
#ifndef CLEAVE_STREAM_CHUNKER_H
#define CLEAVE_STREAM_CHUNKER_H

#include <stdbool.h>

#include "audio/audio.h"
#include "stream/sample_queue.h"

/* How a signal is cut. */
typedef struct ChunkPlan {
    cleave_blend blend;
    int channels;
    int64_t chunk; /* samples */
    int64_t step;  /* chunk / overlap */
} ChunkPlan;

/* The samples that reach the network are (x - mean) / deviation. */
typedef struct Normalization {
    float mean;
    float deviation; /* never 0 */
} Normalization;

typedef struct Chunker {
    ChunkPlan plan;
    AudioReader *reader;
    Normalization normalization;
    SampleQueue padded; /* the padded signal from the next chunk's start on */
    SampleQueue tail;   /* the newest samples, for the reflection at the end */
    SampleQueue mix;    /* samples as read, from the first that is not final yet on */
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
    int64_t start;       /* in the signal: negative where the chunk begins in the padding */
    int64_t valid;       /* samples that are signal or its padding; the rest completes the chunk */
    int64_t final;       /* samples from the chunk's start on that no later chunk reaches */
    int64_t emit_first;  /* of the final ones, those that are signal and no padding */
    int64_t emit_frames; /* may be 0 */
    bool first;
    bool last;
} Chunk;

cleave_status chunker_create(Chunker *chunker, const ChunkPlan *plan, AudioReader *reader,
                             Normalization normalization, cleave_error *error);
void chunker_destroy(Chunker *chunker);

/* Writes the next chunk to samples (channels, chunk), and to mix (of the same shape; or NULL) the
 * emit_frames samples as they were read that become final with it. *got is false when there is no
 * chunk left. */
cleave_status chunker_next(Chunker *chunker, float *samples, float *mix, Chunk *chunk, bool *got,
                           cleave_error *error);

#endif
