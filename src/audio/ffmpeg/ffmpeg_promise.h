/* ffmpeg_promise.h: how long a stream should be, if its container's headers know that: no estimate
 * by the bit rate, and not the length of a longer video. Inside ffmpeg/ only. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_PROMISE_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_PROMISE_H

#include "audio/ffmpeg/ffmpeg_input.h"

typedef struct Promise {
    int64_t frames;    /* 0: the headers do not say */
    int64_t tolerance; /* frames by which such a promise may be off */
    bool counted;      /* frame by frame: more frames than promised are worth a warning, too */
    bool of_times;     /* it is the time where the last packet ends, not a number of frames */
} Promise;

Promise ffmpeg_promise(const FfmpegInput *input, InputFile *file, int sample_rate);

/* Where the audio ends, in frames, if by the headers the rest is an encoder's padding; 0: there is
 * no padding. FFmpeg cuts it by itself, but not in every version by the edit list of an
 * MP4 file, nor in an MP3 that has lost a frame to damage. */
int64_t ffmpeg_padding_begins(const FfmpegInput *input, InputFile *file, int sample_rate);

#endif
