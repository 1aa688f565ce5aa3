/* ffmpeg_promise.h: how long a stream should be by its container's headers, where they know it: not
 * an estimate by the bit rate, nor the length of a longer video. Inside audio/ only. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_PROMISE_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_PROMISE_H

#include "audio/ffmpeg/ffmpeg_input.h"

typedef struct Promise {
    int64_t frames;    /* 0: the headers do not say */
    int64_t tolerance; /* frames by which such a promise may be off */
    bool counted;      /* frame by frame, so that more of them are remarkable, too */
    bool of_times;     /* it is the time where the last packet ends, not a number of frames */
} Promise;

Promise ffmpeg_promise(const FfmpegInput *input, InputFile *file, int sample_rate);

/* Where the audio ends, in frames, if the headers say that what decodes behind it is an encoder's
 * padding; 0: nowhere. FFmpeg cuts it by itself, but not in every version by the edit list of an
 * MP4 file, nor in an MP3 that has lost a frame to damage. */
int64_t ffmpeg_padding_begins(const FfmpegInput *input, InputFile *file, int sample_rate);

#endif
