/* source_end.h: what becomes of a file at its end. What decoded is kept: where less came than the
 * headers promise, or where damage was passed over, one warning says so. An error is left for a
 * file that cannot be read further, for a stream that breaks off within a frame, and for what a
 * format's own check says; never for a file that kept its promise. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_DECODE_SOURCE_END_H
#define CLEAVE_AUDIO_DECODE_SOURCE_END_H

#include "audio/decode/source.h"

/* What a decoder found. Lengths in frames. */
typedef struct Ending {
    const char *path;        /* as messages name it */
    int64_t position;        /* frames handed out, silence for lost ones included */
    int64_t promised;        /* what the headers say; 0: nothing, or an estimate */
    int64_t tolerance;       /* by which a promise of this format may be off */
    const char *read_error;  /* why reading failed; NULL: it did not */
    const char *broken;      /* why the stream is cut within a frame; NULL: it is not */
    const char *doubt;       /* what may be wrong all the same; NULL: nothing */
    int64_t damaged_places;  /* passed over */
    int64_t first_damage;    /* where the first of them is */
    int64_t silence;         /* put where damage was */
    bool more_is_remarkable; /* the format counts its frames: more than promised is told */
} Ending;

/* Judges the end of a source: CLEAVE_OK, after at most one warning in all its passes, or
 * CLEAVE_ERROR_INPUT. */
cleave_status ending_judge(AudioSource *source, const Ending *ending, cleave_error *error);

#endif
