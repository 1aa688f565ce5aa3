/* ffmpeg_input.c: opens what FFmpeg needs, and reads packets. Compiled only if FFmpeg was found. */
#include "audio/ffmpeg/ffmpeg_input.h"

#include <libavutil/channel_layout.h>
#include <libavutil/common.h>
#include <libavutil/dict.h>
#include <libavutil/intreadwrite.h>
#include <stdio.h>
#include <string.h>

#include "audio/ffmpeg/ffmpeg_log.h"

#define IO_BUFFER_BYTES 65536

/* ---- Versions of FFmpeg ---- */

/* AVChannelLayout came with libavutil 57.28 and replaced a count and a mask. */
#define HAVE_CHANNEL_LAYOUT (LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 28, 100))

int ffmpeg_codec_channels(const FfmpegInput *input) {
#if HAVE_CHANNEL_LAYOUT
    return input->codec->ch_layout.nb_channels;
#else
    return input->codec->channels;
#endif
}

int ffmpeg_frame_channels(const FfmpegInput *input) {
#if HAVE_CHANNEL_LAYOUT
    return input->frame->ch_layout.nb_channels;
#else
    return input->frame->channels;
#endif
}

static int parameter_channels(const AVCodecParameters *parameters) {
#if HAVE_CHANNEL_LAYOUT
    return parameters->ch_layout.nb_channels;
#else
    return parameters->channels;
#endif
}

/* AV_CH_… of a channel; 0 where the layout does not tell. */
static uint64_t speaker_of(const FfmpegInput *input, int channel) {
    bool have_frame = input->frame->nb_samples > 0;
#if HAVE_CHANNEL_LAYOUT
    const AVChannelLayout *layout =
        have_frame ? &input->frame->ch_layout : &input->codec->ch_layout;
    if (layout->order != AV_CHANNEL_ORDER_NATIVE && layout->order != AV_CHANNEL_ORDER_CUSTOM)
        return 0;
    enum AVChannel id = av_channel_layout_channel_from_index(layout, (unsigned)channel);
    return id >= 0 && id < 64 ? UINT64_C(1) << id : 0;
#else
    uint64_t mask = have_frame ? input->frame->channel_layout : input->codec->channel_layout;
    return mask != 0 ? av_channel_layout_extract_channel(mask, channel) : 0;
#endif
}

/* ---- Channels ---- */

static ChannelRole role_of(uint64_t speaker) {
    switch (speaker) {
    case AV_CH_FRONT_LEFT:
        return CHANNEL_LEFT;
    case AV_CH_FRONT_RIGHT:
        return CHANNEL_RIGHT;
    case AV_CH_FRONT_CENTER:
        return CHANNEL_CENTRE;
    case AV_CH_LOW_FREQUENCY:
    case AV_CH_LOW_FREQUENCY_2:
        return CHANNEL_LOW_FREQUENCY;
    case AV_CH_FRONT_LEFT_OF_CENTER:
        return CHANNEL_LEFT_OF_CENTRE;
    case AV_CH_FRONT_RIGHT_OF_CENTER:
        return CHANNEL_RIGHT_OF_CENTRE;
    case AV_CH_BACK_LEFT:
    case AV_CH_SIDE_LEFT:
    case AV_CH_WIDE_LEFT:
    case AV_CH_SURROUND_DIRECT_LEFT:
    case AV_CH_TOP_FRONT_LEFT:
    case AV_CH_TOP_BACK_LEFT:
        return CHANNEL_LEFT_SURROUND;
    case AV_CH_BACK_RIGHT:
    case AV_CH_SIDE_RIGHT:
    case AV_CH_WIDE_RIGHT:
    case AV_CH_SURROUND_DIRECT_RIGHT:
    case AV_CH_TOP_FRONT_RIGHT:
    case AV_CH_TOP_BACK_RIGHT:
        return CHANNEL_RIGHT_SURROUND;
    case AV_CH_BACK_CENTER:
    case AV_CH_TOP_CENTER:
    case AV_CH_TOP_FRONT_CENTER:
    case AV_CH_TOP_BACK_CENTER:
        return CHANNEL_CENTRE_SURROUND;
    default:
        return CHANNEL_UNKNOWN;
    }
}

ChannelLayout ffmpeg_layout(const FfmpegInput *input) {
    ChannelLayout layout = {0};
    int channels =
        input->frame->nb_samples > 0 ? ffmpeg_frame_channels(input) : ffmpeg_codec_channels(input);
    for (int c = 0; c < channels && c < CHANNELS_WITH_ROLES; c++)
        layout.roles[c] = role_of(speaker_of(input, c));
    channel_layout_judge(&layout, channels);
    return layout;
}

/* ---- FFmpeg reads through an InputFile ---- */

static int io_read(void *user, uint8_t *buffer, int bytes) {
    InputFile *file = user;
    int64_t got = input_file_read(file, buffer, bytes);
    if (got < 0)
        return AVERROR(file->error);
    return got == 0 ? AVERROR_EOF : (int)got;
}

static int64_t io_seek(void *user, int64_t offset, int whence) {
    InputFile *file = user;
    if (whence & AVSEEK_SIZE)
        return file->size;
    int64_t position = input_file_seek(file, offset, whence & ~AVSEEK_FORCE);
    return position < 0 ? AVERROR(EINVAL) : position;
}

/* No demuxer may open anything beside the file. */
static int io_refuse(AVFormatContext *container, AVIOContext **io, const char *url, int flags,
                     AVDictionary **options) {
    (void)container;
    (void)io;
    (void)url;
    (void)flags;
    (void)options;
    return AVERROR(EPERM);
}

/* ---- Opening ---- */

static cleave_status ffmpeg_failed(const char *task, int code, SourceFailure *failure) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof(text));
    return source_fail(failure, SOURCE_FAILED, "FFmpeg: %s: %s", task, text);
}

static cleave_status open_container(FfmpegInput *input, InputFile *file,
                                    const FfmpegOpening *opening, SourceFailure *failure) {
    unsigned char *buffer = av_malloc(IO_BUFFER_BYTES);
    if (buffer)
        input->io = avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, file, io_read, NULL,
                                       file->stream ? NULL : io_seek);
    if (!input->io)
        av_free(buffer);
    input->container = input->io ? avformat_alloc_context() : NULL;
    if (!input->container)
        return error_memory(&failure->error, "a decoder", sizeof(*input->container));
    input->container->pb = input->io;
    input->container->io_open = io_refuse;
    input->container->flags |= AVFMT_FLAG_CUSTOM_IO;
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", "none", 0);
    if (opening->ignore_length)
        av_dict_set(&options, "ignore_length", "1", 0);
    /* FFmpeg looks for DTS in the first 32 packets of a WAV before it lets samples through. From
     * FFmpeg 7 on they would hold three seconds, for which a live stream would have to wait. */
    if (file->stream)
        av_dict_set(&options, "max_size", "4096", 0);
    int code = avformat_open_input(&input->container, file->path, NULL, &options);
    av_dict_free(&options);
    if (code < 0)
        return ffmpeg_failed("opening", code, failure);
    code = avformat_find_stream_info(input->container, NULL);
    return code < 0 ? ffmpeg_failed("looking for streams", code, failure) : CLEAVE_OK;
}

static bool is_audio(const AVStream *stream) {
    return stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
}

/* The index of the n-th audio stream, from 1, or -1; *count is how many there are. */
static int nth_audio_stream(const AVFormatContext *container, int n, int *count) {
    int found = -1;
    *count = 0;
    for (unsigned i = 0; i < container->nb_streams; i++)
        if (is_audio(container->streams[i]) && ++*count == n)
            found = (int)i;
    return found;
}

/* ", KEY VALUE", where the stream has such a tag. */
static void format_tag(const AVStream *stream, const char *key, char *text, size_t size) {
    const AVDictionaryEntry *entry = av_dict_get(stream->metadata, key, NULL, 0);
    text[0] = '\0';
    if (entry && entry->value[0])
        snprintf(text, size, ", %s %s", key, entry->value);
}

/* Of a file with several audio streams, which there are and which is taken. */
static void tell_streams(const FfmpegInput *input, const InputFile *file,
                         const cleave_logger *log) {
    int number = 0;
    int count;
    nth_audio_stream(input->container, 0, &count);
    for (unsigned i = 0; i < input->container->nb_streams && count > 1; i++) {
        const AVStream *stream = input->container->streams[i];
        char language[32];
        char title[96];
        if (!is_audio(stream))
            continue;
        format_tag(stream, "language", language, sizeof(language));
        format_tag(stream, "title", title, sizeof(title));
        log_write(log, CLEAVE_LOG_INFO,
                  PATH_FORMAT ": audio stream %d of %d: %s, %d channel%s, %d Hz%s%s%s", file->path,
                  ++number, count, avcodec_get_name(stream->codecpar->codec_id),
                  parameter_channels(stream->codecpar),
                  parameter_channels(stream->codecpar) == 1 ? "" : "s",
                  stream->codecpar->sample_rate, language, title,
                  (int)i == input->stream ? " (taken)" : "");
    }
}

static cleave_status choose_stream(FfmpegInput *input, int wanted, SourceFailure *failure) {
    int count;
    input->stream = nth_audio_stream(input->container, wanted, &count);
    if (wanted == 0)
        input->stream = av_find_best_stream(input->container, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (count == 0)
        return source_fail(failure, SOURCE_NO_AUDIO, "FFmpeg: no audio stream in it");
    if (wanted > count)
        return source_lacks_stream(failure, count);
    if (input->stream < 0)
        return source_fail(failure, SOURCE_FAILED, "FFmpeg: no decoder for its audio stream");
    return CLEAVE_OK;
}

static void discard_other_streams(FfmpegInput *input) {
    for (unsigned i = 0; i < input->container->nb_streams; i++)
        if ((int)i != input->stream)
            input->container->streams[i]->discard = AVDISCARD_ALL;
}

/* Stores sell songs so: 'drms' of old, 'enca' of today. */
static bool is_protected(const AVCodecParameters *parameters) {
    return parameters->codec_tag == MKTAG('d', 'r', 'm', 's') ||
           parameters->codec_tag == MKTAG('e', 'n', 'c', 'a');
}

/* Frames that their check sums show to be damaged are to be errors, not noise. */
static bool has_trusted_checks(enum AVCodecID codec) {
    return codec == AV_CODEC_ID_FLAC || codec == AV_CODEC_ID_WAVPACK || codec == AV_CODEC_ID_TTA ||
           codec == AV_CODEC_ID_APE;
}

/* One thread: FFmpeg's would compete with the network's, and audio decodes fast enough. */
static cleave_status open_codec(FfmpegInput *input, SourceFailure *failure) {
    const AVStream *stream = ffmpeg_stream(input);
    const AVCodecParameters *parameters = stream->codecpar;
    if (is_protected(parameters))
        return source_fail(failure, SOURCE_PROTECTED, "FFmpeg: it is encrypted");
    const AVCodec *decoder = avcodec_find_decoder(parameters->codec_id);
    if (!decoder)
        return source_fail(failure, SOURCE_FAILED, "FFmpeg: no decoder for its %s stream",
                           avcodec_get_name(parameters->codec_id));
    input->codec = avcodec_alloc_context3(decoder);
    input->packet = av_packet_alloc();
    input->frame = av_frame_alloc();
    if (!input->codec || !input->packet || !input->frame)
        return error_memory(&failure->error, "a decoder", sizeof(*input->codec));
    int code = avcodec_parameters_to_context(input->codec, parameters);
    if (code < 0)
        return ffmpeg_failed("stream parameters", code, failure);
    input->codec->thread_count = 1;
    input->codec->pkt_timebase = stream->time_base;
    if (has_trusted_checks(parameters->codec_id))
        input->codec->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
    code = avcodec_open2(input->codec, decoder, NULL);
    return code < 0 ? ffmpeg_failed("opening the decoder", code, failure) : CLEAVE_OK;
}

cleave_status ffmpeg_input_open(FfmpegInput *input, InputFile *file, const FfmpegOpening *opening,
                                const cleave_logger *log, SourceFailure *failure) {
    ffmpeg_log_silence();
    *input = (FfmpegInput){0};
    cleave_status status = open_container(input, file, opening, failure);
    if (status == CLEAVE_OK)
        status = choose_stream(input, opening->audio_stream, failure);
    if (status != CLEAVE_OK)
        return status;
    discard_other_streams(input);
    tell_streams(input, file, log);
    return open_codec(input, failure);
}

void ffmpeg_input_close(FfmpegInput *input) {
    av_frame_free(&input->frame);
    av_packet_free(&input->packet);
    avcodec_free_context(&input->codec);
    avformat_close_input(&input->container);
    if (input->io)
        av_freep(&input->io->buffer);
    avio_context_free(&input->io);
}

/* ---- Packets ---- */

#define PADDING_OFFSET 4 /* of the samples to drop at the end, in AV_PKT_DATA_SKIP_SAMPLES */

/* FFmpeg 4 to 8 take too much off the end of an Ogg Vorbis stream of one page: the duration of its
 * first packet, which gives no samples, but whose time they set to 0. */
static void mend_padding(FfmpegInput *input) {
    size_t size = 0;
    uint8_t *skip = av_packet_get_side_data(input->packet, AV_PKT_DATA_SKIP_SAMPLES, &size);
    if (!skip || size < PADDING_OFFSET + 4 || input->packet->pos != input->first_page)
        return;
    int64_t padding = AV_RL32(skip + PADDING_OFFSET);
    if (padding >= input->first_duration)
        AV_WL32(skip + PADDING_OFFSET, (uint32_t)(padding - input->first_duration));
}

/* New comments are an event: a stream that is joined to the last one brings its own, and then come
 * its headers, which last no time. */
static void note_joint(FfmpegInput *input) {
    AVStream *stream = input->container->streams[input->stream];
    bool event = (stream->event_flags & AVSTREAM_EVENT_FLAG_METADATA_UPDATED) != 0;
    stream->event_flags &= ~AVSTREAM_EVENT_FLAG_METADATA_UPDATED;
    if (!event && input->joints > 0)
        return;
    input->joints++;
    input->at_joint = true;
    input->first_page = -1;
}

static void note_first(FfmpegInput *input) {
    bool shifted = input->codec->codec_id == AV_CODEC_ID_VORBIS && input->packet->pts == 0 &&
                   ffmpeg_is_container(input, "ogg");
    input->at_joint = false;
    input->first_page = shifted ? input->packet->pos : -1;
    input->first_duration = input->packet->duration;
}

/* Without empty packets, which would tell a decoder that the stream ends. */
int ffmpeg_read_packet(FfmpegInput *input) {
    int code;
    do {
        av_packet_unref(input->packet);
        code = av_read_frame(input->container, input->packet);
    } while (code >= 0 &&
             (input->packet->stream_index != input->stream || input->packet->size == 0));
    if (code < 0)
        return code;
    note_joint(input);
    if (input->at_joint && input->packet->duration > 0)
        note_first(input);
    else if (input->first_page >= 0)
        mend_padding(input);
    return code;
}

/* ---- What was opened ---- */

bool ffmpeg_is_container(const FfmpegInput *input, const char *name) {
    return strncmp(input->container->iformat->name, name, strlen(name)) == 0;
}

bool ffmpeg_is_one_of(const FfmpegInput *input, const char *const *names) {
    for (; *names; names++)
        if (ffmpeg_is_container(input, *names))
            return true;
    return false;
}

bool ffmpeg_is_bare(const FfmpegInput *input) {
    static const char *const bare[] = {"mp3", "aac", "ac3", "eac3", "dts", NULL};
    return ffmpeg_is_one_of(input, bare);
}

const AVStream *ffmpeg_stream(const FfmpegInput *input) {
    return input->container->streams[input->stream];
}

int64_t ffmpeg_frames(const FfmpegInput *input, int64_t duration, int sample_rate) {
    int64_t frames =
        av_rescale_q(duration, ffmpeg_stream(input)->time_base, (AVRational){1, sample_rate});
    return av_clip64(frames, -FFMPEG_MOST_FRAMES, FFMPEG_MOST_FRAMES);
}
