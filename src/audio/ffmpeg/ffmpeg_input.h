/* ffmpeg_input.h: FFmpeg's demuxer and decoder, opened over an InputFile. FFmpeg gets bytes from it
 * and from nowhere else: it opens no file, playlist or address that a hostile file may name. The
 * differences between versions of FFmpeg are here. Inside ffmpeg/ only. */
#ifndef CLEAVE_AUDIO_FFMPEG_FFMPEG_INPUT_H
#define CLEAVE_AUDIO_FFMPEG_FFMPEG_INPUT_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "audio/decode/source.h"

typedef struct FfmpegInput {
    AVIOContext *io;
    AVFormatContext *container;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int stream;             /* index of the audio stream that is decoded */
    int64_t joints;         /* 1 for the stream, and one for each that is joined to it */
    bool at_joint;          /* its headers have come, and none of its audio */
    int64_t first_page;     /* of an Ogg file: where the last of these begins, or -1, */
    int64_t first_duration; /* and how long its first packet is, in the stream's time base */
} FfmpegInput;

/* How to open a file. */
typedef struct FfmpegOpening {
    int audio_stream;   /* 1: the first; 0: the one that FFmpeg takes for the best */
    bool ignore_length; /* of a WAV whose header does not know its length */
} FfmpegOpening;

/* Opens the container, chooses the stream and opens its decoder. After a failure the input is to be
 * closed as well. */
cleave_status ffmpeg_input_open(FfmpegInput *input, InputFile *file, const FfmpegOpening *opening,
                                const cleave_logger *log, SourceFailure *failure);
void ffmpeg_input_close(FfmpegInput *input);

/* Reads the next packet of the stream; AVERROR(…) as av_read_frame(). */
int ffmpeg_read_packet(FfmpegInput *input);

/* Whether the demuxer's name begins so. */
bool ffmpeg_is_container(const FfmpegInput *input, const char *name);

/* Whether it begins like one of these; NULL ends them. */
bool ffmpeg_is_one_of(const FfmpegInput *input, const char *const *names);

/* Whether it is a stream of frames without a container: MP3, ADTS, AC-3, DTS. */
bool ffmpeg_is_bare(const FfmpegInput *input);

const AVStream *ffmpeg_stream(const FfmpegInput *input);

int ffmpeg_codec_channels(const FfmpegInput *input);
int ffmpeg_frame_channels(const FfmpegInput *input);

/* The layout of the frame at hand, or without a frame, of the codec. */
ChannelLayout ffmpeg_layout(const FfmpegInput *input);

/* Duration in the stream's time base as frames at a rate; at most FFMPEG_MOST_FRAMES either way, so
 * that a few of them can be added up whatever a file says. */
#define FFMPEG_MOST_FRAMES (INT64_C(1) << 58)
int64_t ffmpeg_frames(const FfmpegInput *input, int64_t duration, int sample_rate);

#endif
