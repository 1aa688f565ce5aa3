/* ogg_end.h: how an Ogg file ends: its headers do not say how long it is. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_INPUT_OGG_END_H
#define CLEAVE_AUDIO_INPUT_OGG_END_H

#include <stdbool.h>

#include "audio/input/input_file.h"

typedef enum OggEnd {
    OGG_ENDS_WHOLE,
    OGG_ENDS_WITHOUT_MARK, /* the last page is whole, but not marked as the last: a recorded stream
                            */
    OGG_ENDS_WITHIN_PAGE   /* a transfer that broke off */
} OggEnd;

OggEnd ogg_end_find(InputFile *file);

/* What such an end makes doubtful, for a warning; NULL: nothing. */
const char *ogg_end_doubt(OggEnd end);

/* Whether other streams follow those that the file begins with, as in recorded broadcasts.
 * libsndfile reads only the first of them. */
bool ogg_is_joined(InputFile *file);

#endif
