/* block_reader.h: an audio file block by block, with a progress callback. All measurements and
 * pictures of files read so; decoding itself is in audio/. */
#ifndef CLEAVE_MEASURE_BLOCK_READER_H
#define CLEAVE_MEASURE_BLOCK_READER_H

#include "audio/audio.h"

#define BLOCK_READER_FRAMES 4096

/* Who receives the progress of a measurement; callback may be NULL. */
typedef struct Listener {
    cleave_progress_callback callback;
    void *user;
    double begin; /* clock_seconds() at the start of the call */
} Listener;

/* How a file is read. All zeros: once, as it is. */
typedef struct BlockSettings {
    int channels;      /* 0: the file's */
    int most_channels; /* of the file's take the first so many; 0: all. A mono file stays mono */
    int sample_rate;   /* 0: the file's */
    int passes;        /* in which it will be read, for the progress; 0: one */
} BlockSettings;

typedef struct BlockReader {
    AudioReader *reader;
    const char *path; /* borrowed */
    int channels;
    int sample_rate;
    int passes;
    int64_t expected; /* frames that the header promises; 0: it does not say */
    int64_t position; /* frames read in this pass */
    int64_t earlier;  /* frames read in earlier passes */
    float *samples;
    float **planes; /* channels × BLOCK_READER_FRAMES */
} BlockReader;

/* Close in either case. */
cleave_status block_reader_open(BlockReader *block, const char *path, const BlockSettings *settings,
                                cleave_error *error);

/* Calls the listener (NULL: none); an answer other than 0 makes this CLEAVE_ERROR_CANCELLED. */
cleave_status block_reader_report(const BlockReader *block, const Listener *listener,
                                  cleave_error *error);

/* Does the same, and then reads the next block into block->planes; *got is 0 at the end. */
cleave_status block_reader_next(BlockReader *block, const Listener *listener, int64_t *got,
                                cleave_error *error);

/* Starts the next pass. */
cleave_status block_reader_rewind(BlockReader *block, cleave_error *error);

void block_reader_close(BlockReader *block);

#endif
