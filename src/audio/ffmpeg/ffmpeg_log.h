/* ffmpeg_log.h: keeps FFmpeg's libraries from printing. Only if FFmpeg was found. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_LOG_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_LOG_H

/* By default FFmpeg prints to standard error, and that can be changed for the whole process only. A
 * program that chose a level of its own keeps it. Call it before FFmpeg is used; any thread. */
void ffmpeg_log_silence(void);

#endif
