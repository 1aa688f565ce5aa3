/* ffmpeg_source.h: FFmpeg as a source. Only if FFmpeg was found. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_SOURCE_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_SOURCE_H

#include "audio/decode/source.h"

cleave_status source_ffmpeg_open(AudioSource **source, InputFile *file,
                                 const FileDescription *description,
                                 const AudioReaderSettings *settings, SourceFailure *failure);

#endif
