/* ffmpeg_source_private.h: FFmpeg's source, whose parts are cut over three files: packets become
 * frames in ffmpeg_decode.c, frames become the source's samples in ffmpeg_source.c, and its end is
 * judged in ffmpeg_source_end.c. Inside ffmpeg/ only. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_SOURCE_PRIVATE_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_SOURCE_PRIVATE_H

#include "audio/ffmpeg/ffmpeg_gaps.h"
#include "audio/ffmpeg/ffmpeg_input.h"
#include "audio/ffmpeg/ffmpeg_promise.h"

typedef struct FfmpegSource {
    AudioSource base;
    InputFile file;
    FfmpegInput input;
    FfmpegOpening opening;
    FileDescription description;
    int64_t silence;      /* frames of silence to hand out before `frame` */
    int frame_used;       /* samples of the frame at hand that were handed out */
    int frame_count;      /* samples that it has; 0: no frame at hand */
    bool draining;        /* the last packet was sent */
    bool cut_short;       /* the last packet was damaged, or reading it failed */
    int64_t position;     /* frames handed out */
    int64_t audio_end;    /* where only an encoder's padding follows; 0: nowhere */
    int64_t end_time;     /* where the packets so far end, in the stream's time base */
    bool packet_is_frame; /* the last packet begins like a frame of a bare stream */
    bool frame_is_cut;    /* and is shorter than its own header says */
    Gaps gaps;
} FfmpegSource;

static inline int ffmpeg_source_rate(const FfmpegSource *source) {
    return source->base.format.sample_rate;
}

bool ffmpeg_source_is_pcm(const FfmpegSource *source);

/* Decodes the next frame; frame_count stays 0 at the end of the stream. A packet that cannot be
 * decoded is passed over, as players do, and noted. */
cleave_status ffmpeg_next_frame(FfmpegSource *source, cleave_error *error);

/* Takes the next `count` samples of the frame at hand, as floats. */
void ffmpeg_take_samples(FfmpegSource *source, float *interleaved, int count);

/* What the headers promise, also those of a WAV that comes as a stream. */
Promise ffmpeg_source_promise(FfmpegSource *source);

/* Warns or fails at the end of the stream, as source_end.h says. */
cleave_status ffmpeg_judge_end(FfmpegSource *source, cleave_error *error);

#endif
