/* identify.h: what a file looks like from its first bytes: for error texts, and for the choice of
 * the decoder that tries first. No decoder trusts it. */
#ifndef CLEAVE_AUDIO_INPUT_IDENTIFY_H
#define CLEAVE_AUDIO_INPUT_IDENTIFY_H

#include <stdbool.h>

#include "audio/input/input_file.h"

typedef enum FileKind {
    FILE_UNKNOWN,
    FILE_AUDIO,         /* plain samples, which libsndfile knows best */
    FILE_ENCODED_AUDIO, /* what libsndfile decodes as well, but FFmpeg better: it goes on behind
                           damage and joints, knows channels, keeps in step */
    FILE_FFMPEG_AUDIO,  /* a container that only FFmpeg knows */
    FILE_NOT_AUDIO      /* text, a picture, an archive, … */
} FileKind;

typedef struct FileLook {
    FileKind kind;
    const char *name; /* with its article: "a FLAC file", "text"; "" where unknown */
    bool flows;       /* FFmpeg decodes it front to back, as it comes, to the same samples as from a
                         file. For MP3 it would not: the padding at the end stays. */
} FileLook;

FileLook file_identify(InputFile *file);

#endif
