/* block_reader.h: an audio file block by block at its own rate, with the caller told how far it is.
 * What the reports of this folder have in common; decoding itself is audio/'s. */
#ifndef CLEAVE_MEASURE_BLOCK_READER_H
#define CLEAVE_MEASURE_BLOCK_READER_H

#include "audio/audio.h"

#define BLOCK_READER_FRAMES 4096

/* Whom to tell how far a report is; callback may be NULL. */
typedef struct Listener {
    cleave_progress_callback callback;
    void *user;
    double begin; /* clock_seconds() at the start of the call */
} Listener;

typedef struct BlockReader {
    AudioReader *reader;
    const char *path; /* borrowed */
    int channels;
    int sample_rate;
    int64_t expected; /* frames that the header promises; 0 where it does not say */
    int64_t position; /* frames read */
    float *samples;
    float **planes; /* channels × BLOCK_READER_FRAMES */
} BlockReader;

/* `most_channels`: the first so many are read; a mono file stays mono. Close in either case. */
cleave_status block_reader_open(BlockReader *block, const char *path, int most_channels,
                                cleave_error *error);

/* Reads the next block into block->planes; *got is 0 at the end. Tells the listener, whose answer
 * other than 0 makes this CLEAVE_ERROR_CANCELLED. */
cleave_status block_reader_next(BlockReader *block, const Listener *listener, int64_t *got,
                                cleave_error *error);

void block_reader_close(BlockReader *block);

#endif
