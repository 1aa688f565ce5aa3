/* ffmpeg_log.c: sets the level of FFmpeg's log, once. */
#include "audio/ffmpeg/ffmpeg_log.h"

#include <libavutil/log.h>
#include <pthread.h>

static void silence_log(void) {
    if (av_log_get_level() == AV_LOG_INFO)
        av_log_set_level(AV_LOG_QUIET);
}

void ffmpeg_log_silence(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence_log);
}
