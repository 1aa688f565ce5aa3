/* source_end.h: what happens at the end of a file. Everything that decoded is kept. If less came
 * than the headers promise, or if damage was passed over, there is one warning. There is an error
 * only if reading fails, if a stream breaks off within a frame, or if a format's own check fails,
 * and never for a file that kept its promise. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_DECODE_SOURCE_END_H
#define CLEAVE_AUDIO_DECODE_SOURCE_END_H

#include "audio/decode/source.h"

/* What a decoder found. Lengths are in frames. */
typedef struct SourceEnd {
    const char *path;        /* as messages name it */
    int64_t position;        /* frames handed out, with the silence in place of lost ones */
    int64_t promised;        /* by the headers; 0: nothing, or an estimate */
    int64_t tolerance;       /* how far such a promise of this format may be off */
    const char *read_error;  /* why reading failed; NULL: it did not */
    const char *broken;      /* why the stream is cut within a frame; NULL: it is not */
    const char *doubt;       /* what may be wrong all the same; NULL: nothing */
    int64_t damaged_places;  /* that were passed over */
    int64_t first_damage;    /* where the first of them is */
    int64_t silence;         /* frames put in place of damage */
    bool more_is_remarkable; /* the format counts its frames: more of them than promised is worth a
                                warning, too */
} SourceEnd;

/* CLEAVE_OK, after at most one warning in all passes of the source, or CLEAVE_ERROR_INPUT. */
cleave_status source_end_judge(AudioSource *source, const SourceEnd *end, cleave_error *error);

#endif
