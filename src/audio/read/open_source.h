/* open_source.h: finds the decoder for a file, or for a stream. Inside read/ only. */
#ifndef CLEAVE_AUDIO_READ_OPEN_SOURCE_H
#define CLEAVE_AUDIO_READ_OPEN_SOURCE_H

#include "audio/decode/source.h"

/* `path` is a file, a pipe or a device; "-" is standard input. */
cleave_status open_source(AudioSource **source, const char *path,
                          const AudioReaderSettings *settings, cleave_error *error);

#endif
