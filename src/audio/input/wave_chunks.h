/* wave_chunks.h: what the chunks of a WAV, W64 or AIFF file say of its samples: how many, in which
 * coding, for which loudspeakers. Decoders believe a length or clamp it in silence; the sources use
 * this to tell the user. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_INPUT_WAVE_CHUNKS_H
#define CLEAVE_AUDIO_INPUT_WAVE_CHUNKS_H

#include <stdbool.h>

#include "audio/input/input_file.h"
#include "base/log.h"

/* The fmt chunk of a WAV or W64 file. */
typedef struct WaveFormat {
    bool found;
    bool extensible;
    unsigned tag;       /* of the coding; of an extensible header, its subformat's */
    int channels;       /* also of AIFF, which has no fmt chunk */
    int bits;           /* of a sample as it is stored */
    int valid_bits;     /* those of them that count; 0: it does not say */
    int block;          /* bytes of a frame, or of a block of frames that are coded together */
    unsigned mask;      /* loudspeakers; 0: it does not say */
    int64_t tag_offset; /* where the tag stands in the file */
} WaveFormat;

#define WAVE_PCM   1
#define WAVE_FLOAT 3
#define WAVE_ALAW  6
#define WAVE_MULAW 7
#define WAVE_G721  0x40

/* The sample data of a WAV, W64 or AIFF file. */
typedef struct DataChunk {
    bool found;
    bool unfinished;     /* its length is a streaming writer's stand-in: 0 or near the maximum */
    bool outgrown;       /* and longer than its header could ever say */
    int64_t offset;      /* where the data begin */
    int64_t declared;    /* bytes, as its header says */
    int64_t held;        /* bytes that the file really has from its start on, at most `declared` */
    int64_t size_offset; /* where a 32-bit length stands in the file; 0 where it is longer */
    int64_t long_offset; /* where RF64's 64-bit length stands; 0: it has none */
    WaveFormat wave;
} DataChunk;

/* Looks for the samples from the beginning of the file on. */
DataChunk data_chunk_find(InputFile *file);

/* Warns where the header's length and the file's size disagree by a frame or more; `frames`: how
 * many are there. */
void chunk_warn_of_length(const DataChunk *chunk, const char *path, int64_t frames, int sample_rate,
                          const cleave_logger *log);

#endif
