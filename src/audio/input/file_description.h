/* file_description.h: what the first bytes of a file say of it, found out once, before a decoder is
 * chosen, and handed on to the decoders. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_INPUT_FILE_DESCRIPTION_H
#define CLEAVE_AUDIO_INPUT_FILE_DESCRIPTION_H

#include "audio/input/identify.h"
#include "audio/input/wave_chunks.h"

typedef struct FileDescription {
    FileLook look;
    DataChunk chunk;      /* of a WAV, W64 or AIFF file; else not found */
    const char *disguise; /* what a WAV or W64 holds whose header says 16-bit PCM, such as "DTS";
                             NULL: PCM, or no such file */
} FileDescription;

/* Also leaves out an ID3 tag in front of plain samples: the places in their chunks count from the
 * chunks' own beginning. */
FileDescription file_describe(InputFile *file);

#endif
