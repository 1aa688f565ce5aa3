/* ffmpeg_log.h: keeps FFmpeg's libraries from printing. Only where FFmpeg was found. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_LOG_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_LOG_H

/* FFmpeg prints to standard error unless told otherwise, and its parts can be told only for the
 * whole process. A program that chose a level of its own keeps it. To be called before anything of
 * FFmpeg's is used; any thread. */
void ffmpeg_log_silence(void);

#endif
