/* stream_headers.h: what the headers of FLAC, CAF and MP3 files say of their length. Decoders
 * either believe such a length or cut it without a word; the sources use this to tell the user.
 * Chunks of WAV, W64 and AIFF files are in wave_chunks.h. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_INPUT_STREAM_HEADERS_H
#define CLEAVE_AUDIO_INPUT_STREAM_HEADERS_H

#include <stdbool.h>

#include "audio/input/input_file.h"

/* The number of frames in a FLAC file's STREAMINFO; 0: it is not FLAC or does not say. */
int64_t flac_length(InputFile *file);

/* Sets the file's overlay so that a decoder sees no such number and reads on to the real end. */
void flac_hide_length(InputFile *file);

/* The bits of a FLAC file's samples, a tag before it passed over; 0: it is not FLAC. */
int flac_bits(InputFile *file);

/* The number of frames in a CAF file's packet table, and in one of its packets: writers count the
 * last one as full. 0: it is not CAF or has none. */
int64_t caf_length(InputFile *file, int64_t *in_packet);

/* Whether an MP3 file has a Xing or Info header, without which its length is an estimate. */
bool mp3_length_is_exact(InputFile *file);

/* Whether an MP3 file has such a header with its length in bytes, and is at least so long. */
bool mp3_length_is_held(InputFile *file);

/* Samples that an encoder added to an MP3 file before and behind the audio, if a LAME header says
 * so of exactly this file; else negative. */
int64_t mp3_padding(InputFile *file);

#endif
