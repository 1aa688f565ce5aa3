/* ffmpeg_encoder.h: AAC and ALAC in M4A files, by FFmpeg's libraries. Inside audio/encoder.c only.
 */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_ENCODER_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_ENCODER_H

#include "audio/audio.h"
#include "base/output_file.h"

typedef struct FfmpegEncoder FfmpegEncoder;

/* NULL, or why the FFmpeg that is linked cannot write a format, which is one of its. */
const char *ffmpeg_encoder_lacks(cleave_format format);

/* The functions of encoder.h, with their arguments. */
cleave_status ffmpeg_encoder_open(FfmpegEncoder **encoder, OutputFile *file,
                                  const AudioWriterSettings *settings, cleave_error *error);
cleave_status ffmpeg_encoder_write(FfmpegEncoder *encoder, const void *samples, int64_t frames,
                                   cleave_error *error);
cleave_status ffmpeg_encoder_finish(FfmpegEncoder *encoder, cleave_error *error);
void ffmpeg_encoder_close(FfmpegEncoder *encoder);

#endif
