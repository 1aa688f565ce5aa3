/* ffmpeg_gaps.h: what was lost to damage within a stream, and how much silence must take its place
 * to keep the rest in step. The times of a container show it; in streams without times (MP3, ADTS,
 * AC-3, …) the number of lost bytes does. Inside ffmpeg/ only. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_GAPS_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_GAPS_H

#include "audio/ffmpeg/ffmpeg_input.h"

/* All zeros at the start of a stream. Lengths in frames. */
typedef struct Gaps {
    int64_t places;  /* where something was lost, so far */
    int64_t first;   /* position of the first of them */
    int64_t silence; /* put there in all */
    int64_t beyond;  /* the part of it that no packet's time accounts for */

    /* Since the last frame that decoded: */
    bool lost;
    int64_t lost_frames;
    int64_t lost_beyond; /* those that no packet's time accounts for */
    int watched; /* frames in which the times may still leap: some come behind the damaged packet */

    int64_t joints; /* of the input, at the last frame: times begin anew behind each */
    bool have_origin;
    int64_t origin;    /* time of position 0 by the last frame */
    int64_t next_byte; /* where the last packet ended; 0: not known */
    int64_t bytes;     /* of the packets so far */
    int64_t packets;
} Gaps;

/* Looks at a packet of `file` before it is decoded. */
void gaps_packet(Gaps *gaps, const FfmpegInput *input, InputFile *file, int sample_rate);

/* The packet at hand, or a part of one, could not be decoded. */
void gaps_damage(Gaps *gaps, const FfmpegInput *input, int sample_rate);

/* A frame was decoded, to be handed out at `position`: returns how many frames of silence have to
 * come before it, at most `room` (negative: nothing limits them). */
int64_t gaps_before_frame(Gaps *gaps, const FfmpegInput *input, int sample_rate, int64_t position,
                          int64_t room);

#endif
