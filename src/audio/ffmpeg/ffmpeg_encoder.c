/* ffmpeg_encoder.c: FFmpeg as an encoder. Compiled only if FFmpeg was found. It writes through an
 * OutputFile and opens no file itself. Which formats it writes is in formats.c.
 *
 * AAC puts a frame of silence in front of the signal and fills up its last frame. The edit list of
 * the file says which samples belong to the signal. It must count in samples, and not in
 * milliseconds, which are FFmpeg's default. */
#include "audio/ffmpeg/ffmpeg_encoder.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/ffmpeg/ffmpeg_log.h"

#define IO_BUFFER_BYTES 65536

/* Samples far beyond full scale are cut: AAC's encoder would refuse them, and the rest as well. */
#define MOST_SAMPLE 1000.0f

/* Frames in a packet if the encoder does not say. */
#define ANY_FRAME_SIZE 4096

typedef struct FfmpegEncoder {
    Encoder base;
    AVIOContext *io;
    AVFormatContext *container;
    AVStream *stream; /* the container's */
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;  /* being filled */
    int filled;      /* samples in it */
    int64_t frames;  /* sent to the codec */
    bool has_header; /* the container's was written */
} FfmpegEncoder;

/* ---- Versions of FFmpeg ---- */

/* AVChannelLayout came with libavutil 57.28 and replaced the plain counts. */
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 28, 100)

static void set_codec_channels(AVCodecContext *codec, int channels) {
    av_channel_layout_default(&codec->ch_layout, channels);
}

static int set_frame_channels(AVFrame *frame, const AVCodecContext *codec) {
    return av_channel_layout_copy(&frame->ch_layout, &codec->ch_layout);
}

#else

static void set_codec_channels(AVCodecContext *codec, int channels) {
    codec->channels = channels;
    codec->channel_layout = (uint64_t)av_get_default_channel_layout(channels);
}

static int set_frame_channels(AVFrame *frame, const AVCodecContext *codec) {
    frame->channels = codec->channels;
    frame->channel_layout = codec->channel_layout;
    return 0;
}

#endif

/* What the muxer writes became const with libavformat 61. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t Written;
#else
typedef uint8_t Written;
#endif

/* ---- FFmpeg writes through an OutputFile ---- */

static int io_write(void *user, Written *buffer, int bytes) {
    OutputFile *file = user;
    int64_t written = output_file_write(file, buffer, bytes);
    return written == bytes ? bytes : AVERROR(file->error != 0 ? file->error : EIO);
}

static int io_read(void *user, uint8_t *buffer, int bytes) {
    OutputFile *file = user;
    int64_t got = output_file_read(file, buffer, bytes);
    if (file->error != 0)
        return AVERROR(file->error);
    return got == 0 ? AVERROR_EOF : (int)got;
}

static int64_t io_seek(void *user, int64_t offset, int whence) {
    OutputFile *file = user;
    if (whence & AVSEEK_SIZE)
        return file->size;
    int64_t position = output_file_seek(file, offset, whence & ~AVSEEK_FORCE);
    return position < 0 ? AVERROR(EINVAL) : position;
}

/* ---- Errors ---- */

/* If a write failed, the file knows more than FFmpeg's number says. */
static cleave_status encoder_failed(const FfmpegEncoder *encoder, int code, cleave_error *error) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    cleave_status status = output_file_check(encoder->base.file, error);
    if (status != CLEAVE_OK)
        return status;
    if (code == AVERROR(ENOMEM))
        return error_memory(error, "an encoder", 0);
    av_strerror(code, text, sizeof(text));
    return encoder_refuse(&encoder->base, text, error);
}

/* ---- Opening ---- */

static enum AVSampleFormat sample_format(const Encoder *encoder) {
    if (encoder->format->kind == FORMAT_LOSSY || encoder->settings.bits == CLEAVE_BITS_FLOAT)
        return AV_SAMPLE_FMT_FLTP;
    return encoder->settings.bits == CLEAVE_BITS_16 ? AV_SAMPLE_FMT_S16P : AV_SAMPLE_FMT_S32P;
}

static int64_t bit_rate(const Encoder *encoder) {
    int rate = encoder->settings.sample_rate;
    double share = rate < 44100 ? rate / 44100.0 : 1.0;
    return (int64_t)(encoder->format->bits_per_second * share) * encoder->settings.channels;
}

static cleave_status open_codec(FfmpegEncoder *encoder, cleave_error *error) {
    const AudioWriterSettings *settings = &encoder->base.settings;
    const AVCodec *found = avcodec_find_encoder_by_name(encoder->base.format->codec);
    encoder->codec = avcodec_alloc_context3(found);
    if (!encoder->codec)
        return error_memory(error, "an encoder", 0);
    AVCodecContext *codec = encoder->codec;
    codec->sample_rate = settings->sample_rate;
    codec->time_base = (AVRational){1, settings->sample_rate};
    codec->thread_count = 1;
    codec->flags |= AV_CODEC_FLAG_BITEXACT;
    codec->sample_fmt = sample_format(&encoder->base);
    if (encoder->base.format->kind == FORMAT_LOSSY)
        codec->bit_rate = bit_rate(&encoder->base);
    else
        codec->bits_per_raw_sample = (int)settings->bits;
    set_codec_channels(codec, settings->channels);
    if (encoder->container->oformat->flags & AVFMT_GLOBALHEADER)
        codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int code = avcodec_open2(codec, found, NULL);
    return code < 0 ? encoder_failed(encoder, code, error) : CLEAVE_OK;
}

static cleave_status open_container(FfmpegEncoder *encoder, cleave_error *error) {
    int code = avformat_alloc_output_context2(&encoder->container, NULL,
                                              encoder->base.format->muxer, NULL);
    if (code < 0 || !encoder->container)
        return encoder_failed(encoder, code, error);
    unsigned char *buffer = av_malloc(IO_BUFFER_BYTES);
    if (buffer)
        encoder->io = avio_alloc_context(buffer, IO_BUFFER_BYTES, 1, encoder->base.file, io_read,
                                         io_write, io_seek);
    if (!encoder->io)
        av_free(buffer);
    encoder->stream = encoder->io ? avformat_new_stream(encoder->container, NULL) : NULL;
    if (!encoder->stream) {
        error_memory(error, "an encoder", 0);
        return CLEAVE_ERROR_MEMORY;
    }
    encoder->container->pb = encoder->io;
    encoder->container->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    return CLEAVE_OK;
}

static cleave_status write_header(FfmpegEncoder *encoder, cleave_error *error) {
    AVDictionary *options = NULL;
    encoder->stream->time_base = encoder->codec->time_base;
    int code = avcodec_parameters_from_context(encoder->stream->codecpar, encoder->codec);
    if (code >= 0)
        code = av_dict_set_int(&options, "movie_timescale", encoder->base.settings.sample_rate, 0);
    if (code >= 0)
        code = avformat_write_header(encoder->container, &options);
    av_dict_free(&options);
    encoder->has_header = code >= 0;
    return code < 0 ? encoder_failed(encoder, code, error)
                    : output_file_check(encoder->base.file, error);
}

static int frame_size(const FfmpegEncoder *encoder) {
    return encoder->codec->frame_size > 0 ? encoder->codec->frame_size : ANY_FRAME_SIZE;
}

/* A frame of memory of its own: the codec may keep the one before. */
static cleave_status start_frame(FfmpegEncoder *encoder, cleave_error *error) {
    AVFrame *frame = encoder->frame;
    av_frame_unref(frame);
    frame->nb_samples = frame_size(encoder);
    frame->format = encoder->codec->sample_fmt;
    frame->sample_rate = encoder->codec->sample_rate;
    int code = set_frame_channels(frame, encoder->codec);
    if (code >= 0)
        code = av_frame_get_buffer(frame, 0);
    encoder->filled = 0;
    return code < 0 ? encoder_failed(encoder, code, error) : CLEAVE_OK;
}

static cleave_status encoder_start(FfmpegEncoder *encoder, cleave_error *error) {
    cleave_status status = encoder_check(&encoder->base, error);
    if (status != CLEAVE_OK)
        return status;
    encoder->packet = av_packet_alloc();
    encoder->frame = av_frame_alloc();
    if (!encoder->packet || !encoder->frame)
        return error_memory(error, "an encoder", 0);
    status = open_container(encoder, error);
    if (status == CLEAVE_OK)
        status = open_codec(encoder, error);
    if (status == CLEAVE_OK)
        status = write_header(encoder, error);
    return status == CLEAVE_OK ? start_frame(encoder, error) : status;
}

/* ---- Writing ---- */

/* Hands what the codec has ready to the container. */
static int take_packets(FfmpegEncoder *encoder) {
    for (;;) {
        int code = avcodec_receive_packet(encoder->codec, encoder->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return 0;
        if (code < 0)
            return code;
        av_packet_rescale_ts(encoder->packet, encoder->codec->time_base,
                             encoder->stream->time_base);
        encoder->packet->stream_index = encoder->stream->index;
        code = av_interleaved_write_frame(encoder->container, encoder->packet);
        if (code < 0)
            return code;
    }
}

/* `frame` is NULL at the end. */
static cleave_status send_to_codec(FfmpegEncoder *encoder, const AVFrame *frame,
                                   cleave_error *error) {
    int code = avcodec_send_frame(encoder->codec, frame);
    if (code >= 0)
        code = take_packets(encoder);
    return code < 0 ? encoder_failed(encoder, code, error)
                    : output_file_check(encoder->base.file, error);
}

static cleave_status send_frame(FfmpegEncoder *encoder, cleave_error *error) {
    encoder->frame->nb_samples = encoder->filled;
    encoder->frame->pts = encoder->frames;
    encoder->frames += encoder->filled;
    return send_to_codec(encoder, encoder->frame, error);
}

/* Puts `count` frames from `first` on of an interleaved block behind what the frame holds. */
static void fill_frame(FfmpegEncoder *encoder, const void *samples, int64_t first, int count) {
    const int channels = encoder->base.settings.channels;
    const enum AVSampleFormat kind = encoder->codec->sample_fmt;
    for (int c = 0; c < channels; c++) {
        void *plane = encoder->frame->extended_data[c];
        float *floats = plane;
        int16_t *shorts = plane;
        int32_t *longs = plane;
        for (int i = 0; i < count; i++) {
            int64_t from = (first + i) * channels + c;
            int to = encoder->filled + i;
            if (kind == AV_SAMPLE_FMT_FLTP)
                floats[to] =
                    fminf(fmaxf(((const float *)samples)[from], -MOST_SAMPLE), MOST_SAMPLE);
            else if (kind == AV_SAMPLE_FMT_S16P)
                shorts[to] = (int16_t)(((const int32_t *)samples)[from] / 65536);
            else
                longs[to] = ((const int32_t *)samples)[from];
        }
    }
    encoder->filled += count;
}

static cleave_status encoder_write(Encoder *base, const void *samples, int64_t frames,
                                   cleave_error *error) {
    FfmpegEncoder *encoder = (FfmpegEncoder *)base;
    cleave_status status = CLEAVE_OK;
    for (int64_t done = 0; done < frames && status == CLEAVE_OK;) {
        int room = frame_size(encoder) - encoder->filled;
        int count = frames - done < room ? (int)(frames - done) : room;
        fill_frame(encoder, samples, done, count);
        done += count;
        if (count < room)
            break;
        status = send_frame(encoder, error);
        if (status == CLEAVE_OK)
            status = start_frame(encoder, error);
    }
    return status;
}

static cleave_status encoder_finish(Encoder *base, cleave_error *error) {
    FfmpegEncoder *encoder = (FfmpegEncoder *)base;
    cleave_status status = CLEAVE_OK;
    if (encoder->filled > 0)
        status = send_frame(encoder, error);
    if (status == CLEAVE_OK)
        status = send_to_codec(encoder, NULL, error);
    if (status != CLEAVE_OK)
        return status;
    int code = av_write_trailer(encoder->container);
    encoder->has_header = false;
    if (code < 0)
        return encoder_failed(encoder, code, error);
    avio_flush(encoder->io);
    return output_file_check(base->file, error);
}

/* The trailer frees what the header took, also after a failure. */
static void encoder_close(Encoder *base) {
    FfmpegEncoder *encoder = (FfmpegEncoder *)base;
    if (encoder->has_header)
        av_write_trailer(encoder->container);
    avcodec_free_context(&encoder->codec);
    av_packet_free(&encoder->packet);
    av_frame_free(&encoder->frame);
    avformat_free_context(encoder->container);
    if (encoder->io)
        av_freep(&encoder->io->buffer);
    avio_context_free(&encoder->io);
    free(encoder);
}

cleave_status ffmpeg_encoder_open(Encoder **encoder, OutputFile *file,
                                  const AudioWriterSettings *settings, cleave_error *error) {
    *encoder = NULL;
    ffmpeg_log_silence();
    FfmpegEncoder *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "an encoder", sizeof(*created));
    created->base = (Encoder){.format = output_format(settings->format),
                              .file = file,
                              .settings = *settings,
                              .write = encoder_write,
                              .finish = encoder_finish,
                              .close = encoder_close};
    cleave_status status = encoder_start(created, error);
    if (status != CLEAVE_OK) {
        encoder_close(&created->base);
        return status;
    }
    *encoder = &created->base;
    return CLEAVE_OK;
}
