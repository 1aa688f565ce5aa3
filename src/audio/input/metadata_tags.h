/* metadata_tags.h: titles and pictures before and behind the frames of a stream, which are no audio
 * and which not every demuxer knows. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_INPUT_METADATA_TAGS_H
#define CLEAVE_AUDIO_INPUT_METADATA_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "audio/input/input_file.h"

/* Bytes of the ID3v2 tag at the start of a file, or 0. */
int64_t tags_before(InputFile *file);

/* Bytes of the tags at the end of a regular file, or 0: ID3v1, APE and Lyrics3, several of them one
 * behind the other. */
int64_t tags_behind(InputFile *file);

/* Whether a tag begins with these bytes: joined files have tags in between. */
bool tag_begins(const unsigned char *data, size_t size);

#endif
