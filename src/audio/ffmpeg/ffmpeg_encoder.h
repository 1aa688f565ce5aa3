/* ffmpeg_encoder.h: FFmpeg's libraries as an encoder. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_ENCODER_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_ENCODER_H

#include "audio/encoder.h"

cleave_status ffmpeg_encoder_open(Encoder **encoder, OutputFile *file,
                                  const AudioWriterSettings *settings, cleave_error *error);

#endif
