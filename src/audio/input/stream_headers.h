/* stream_headers.h: what the headers of FLAC, CAF, MP3 and Ogg files say of their length, and how
 * they end. Decoders either believe such a length or clamp it in silence; the sources use this to
 * tell the user. Files of chunks are chunks.h's affair. */
#ifndef CLEAVE_AUDIO_INPUT_STREAM_HEADERS_H
#define CLEAVE_AUDIO_INPUT_STREAM_HEADERS_H

#include <stdbool.h>

#include "audio/input/input_file.h"

/* The number of frames in a FLAC file's STREAMINFO; 0: it is not FLAC or does not say. Where it
 * says one, the file's overlay is set so that a decoder sees none and reads on to the real end. */
int64_t length_of_flac(InputFile *file);

/* The number of frames in a CAF file's packet table, and in one of its packets: writers count the
 * last one as full. 0: it is not CAF or has none. */
int64_t length_of_caf(InputFile *file, int64_t *in_packet);

/* Whether an MP3 file has a Xing or Info header, without which its length is an estimate. */
bool length_of_mp3_is_exact(InputFile *file);

/* Whether an MP3 file has such a header with its length in bytes, and is at least so long. */
bool length_of_mp3_is_held(InputFile *file);

/* Samples that an encoder added to an MP3 file before and behind the audio, as its LAME header says
 * of exactly this file; negative where nothing does. */
int64_t padding_of_mp3(InputFile *file);

typedef enum OggEnd {
    OGG_ENDS_WHOLE,
    OGG_ENDS_WITHOUT_MARK, /* after a whole page that is not marked as the last: a recorded stream
                            */
    OGG_ENDS_WITHIN_PAGE   /* a transfer that broke off */
} OggEnd;

/* How an Ogg file ends. */
OggEnd end_of_ogg(InputFile *file);

/* Whether an Ogg file goes on with other streams behind those that it begins with, as recorded
 * broadcasts do. libsndfile reads the first of them. */
bool ogg_is_joined(InputFile *file);

/* What such an end makes doubtful, for a warning; NULL: nothing. */
const char *doubt_of_ogg(OggEnd end);

#endif
