/* ffmpeg_promise.c: the lengths in the headers of each container. */
#include "audio/ffmpeg/ffmpeg_promise.h"

#include <stdio.h>

#include "audio/input/stream_headers.h"

/* Writers round the times of their packets to their clock, which may be coarse. */
#define TIME_TOLERANCE_MS 50

static bool is_picture(const AVStream *stream) {
    return (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

/* Whether a duration of the whole container can be that of nothing but the audio. */
static bool is_alone(const FfmpegInput *input) {
    int count = 0;
    for (unsigned i = 0; i < input->container->nb_streams; i++)
        count += !is_picture(input->container->streams[i]);
    return count == 1;
}

/* By the demuxer, or else by the first frame. */
static int64_t frames_of_packet(const FfmpegInput *input) {
    int frames = ffmpeg_stream(input)->codecpar->frame_size;
    return frames > 0 ? frames : input->frame->nb_samples;
}

/* Seconds of a Matroska track by its tag "DURATION"; 0: it has none. */
static double tagged_seconds(const AVStream *stream) {
    const AVDictionaryEntry *entry = av_dict_get(stream->metadata, "DURATION", NULL, 0);
    int hours;
    int minutes;
    double seconds;
    if (!entry || sscanf(entry->value, "%d:%d:%lf", &hours, &minutes, &seconds) != 3 || hours < 0 ||
        hours > 10000 || minutes < 0 || minutes > 59 || !(seconds >= 0.0 && seconds < 60.0))
        return 0.0;
    return hours * 3600.0 + minutes * 60.0 + seconds;
}

static Promise promise_of_matroska(const FfmpegInput *input, int sample_rate) {
    const AVFormatContext *container = input->container;
    double seconds = tagged_seconds(ffmpeg_stream(input));
    if (seconds == 0.0 && is_alone(input) && container->duration > 0)
        seconds = (double)container->duration / AV_TIME_BASE;
    return (Promise){.frames = (int64_t)(seconds * sample_rate + 0.5), .of_times = true};
}

/* The header counts frames of the stream. It may count itself as one, or not. */
static Promise promise_of_mp3(const FfmpegInput *input, int sample_rate) {
    return (Promise){.frames = ffmpeg_frames(input, ffmpeg_stream(input)->duration, sample_rate),
                     .of_times = true};
}

/* Formats whose headers give the length of the stream itself. */
static bool has_exact_length(const FfmpegInput *input) {
    static const char *const exact[] = {"mov", "caf", "flac", "wv", "tta", "ape", NULL};
    return ffmpeg_is_one_of(input, exact);
}

static int64_t tolerance_of(const FfmpegInput *input, int sample_rate) {
    if (ffmpeg_is_container(input, "flac"))
        return 0;
    int64_t tolerance = (int64_t)sample_rate * TIME_TOLERANCE_MS / 1000;
    bool whole_packets = ffmpeg_is_container(input, "mp3");
    return whole_packets && frames_of_packet(input) > tolerance ? frames_of_packet(input)
                                                                : tolerance;
}

Promise ffmpeg_promise(const FfmpegInput *input, InputFile *file, int sample_rate) {
    const AVStream *stream = ffmpeg_stream(input);
    Promise promise = {0};
    int64_t in_packet = 0;
    int64_t table = ffmpeg_is_container(input, "caf") ? caf_length(file, &in_packet) : 0;
    if (input->container->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE)
        return promise;
    if (ffmpeg_is_container(input, "matroska"))
        promise = promise_of_matroska(input, sample_rate);
    else if (stream->duration == AV_NOPTS_VALUE || stream->duration <= 0)
        return promise;
    else if (ffmpeg_is_container(input, "mp3"))
        promise = promise_of_mp3(input, sample_rate);
    else if (table > 0)
        promise.frames = table;
    else if (has_exact_length(input))
        promise.frames = ffmpeg_frames(input, stream->duration, sample_rate);
    promise.counted = ffmpeg_is_container(input, "flac");
    promise.tolerance = tolerance_of(input, sample_rate);
    if (table > 0)
        promise.tolerance = in_packet;
    return promise;
}

/* An edit list that ends within the last packet. */
static int64_t end_of_edit(const FfmpegInput *input, int sample_rate) {
    AVStream *stream = input->container->streams[input->stream];
    int entries = avformat_index_get_entries_count(stream);
    /* A fragmented file's index and duration grow while it is read: it counts no frames. */
    if (stream->nb_frames <= 0 || entries <= 0 || stream->duration <= 0)
        return 0;
    int64_t last = avformat_index_get_entry(stream, entries - 1)->timestamp;
    int64_t packet = entries > 1 ? last - avformat_index_get_entry(stream, entries - 2)->timestamp
                                 : stream->codecpar->frame_size;
    bool within = stream->duration > last && stream->duration < last + packet;
    return within ? ffmpeg_frames(input, stream->duration, sample_rate) : 0;
}

int64_t ffmpeg_padding_begins(const FfmpegInput *input, InputFile *file, int sample_rate) {
    if (ffmpeg_is_container(input, "mov"))
        return end_of_edit(input, sample_rate);
    int64_t padding = ffmpeg_is_container(input, "mp3") && !file->stream ? mp3_padding(file) : -1;
    int64_t duration = ffmpeg_stream(input)->duration;
    return padding >= 0 && duration > 0 ? ffmpeg_frames(input, duration, sample_rate) - padding : 0;
}
