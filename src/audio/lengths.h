/* lengths.h: what a file's headers say of its length, and whether that can be so. Decoders either
 * believe such a length or clamp it in silence; the sources use this to tell the user. */
#ifndef CLEAVE_AUDIO_LENGTHS_H
#define CLEAVE_AUDIO_LENGTHS_H

#include <stdbool.h>

#include "audio/input_file.h"

/* The sample data of a WAV, W64 or AIFF file. */
typedef struct DataChunk {
    bool found;
    bool unfinished;     /* its length is a streaming writer's stand-in: 0 or near the maximum */
    bool outgrown;       /* and there is more of it than its header could ever say */
    int64_t declared;    /* bytes, as its header says */
    int64_t held;        /* bytes that the file really has from its start on, at most `declared` */
    int64_t size_offset; /* where a 32-bit length stands in the file; 0 where it is longer */
} DataChunk;

DataChunk length_of_data_chunk(InputFile *file);

/* The number of frames in a FLAC file's STREAMINFO; 0: it is not FLAC or does not say. Where it
 * says one, the file's overlay is set so that a decoder sees none and reads on to the real end. */
int64_t length_of_flac(InputFile *file);

/* Whether an MP3 file has a Xing or Info header, without which its length is an estimate. */
bool length_of_mp3_is_exact(InputFile *file);

/* Whether an MP3 file has such a header with its length in bytes, and is at least so long. */
bool length_of_mp3_is_held(InputFile *file);

typedef enum OggEnd {
    OGG_ENDS_WHOLE,
    OGG_ENDS_WITHOUT_MARK, /* after a whole page that is not marked as the last: a recorded stream
                            */
    OGG_ENDS_WITHIN_PAGE   /* a transfer that broke off */
} OggEnd;

/* How an Ogg file ends. */
OggEnd end_of_ogg(InputFile *file);

#endif
