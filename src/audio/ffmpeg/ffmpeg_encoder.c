/* ffmpeg_encoder.c: see ffmpeg_encoder.h. Compiled only where FFmpeg was found. FFmpeg gives its
 * bytes to an OutputFile and opens no file itself.
 *
 * AAC has a frame of silence in front and fills its last frame up. What belongs to the signal, the
 * edit list says to the sample: so it must count in samples, and not in thousandths of a second as
 * FFmpeg has it. */
#include "audio/ffmpeg/ffmpeg_encoder.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/dict.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/ffmpeg/ffmpeg_log.h"

#define IO_BUFFER_BYTES 65536

/* The muxer of M4A: MP4 under the brand that players of music know. */
#define MUXER "ipod"

/* AAC, per channel: near the limit of what anybody hears. */
#define AAC_BITS_PER_SECOND 128000

/* What is far beyond full scale is cut: the encoder would refuse it, and all else with it. */
#define AAC_MAX_SAMPLE 1000.0f

/* Frames in an ALAC packet where the encoder does not say. */
#define ANY_FRAME_SIZE 4096

struct FfmpegEncoder {
    OutputFile *file;
    AudioWriterSettings settings;
    AVIOContext *io;
    AVFormatContext *container;
    AVStream *stream; /* the container's */
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;  /* being filled */
    int filled;      /* samples in it */
    int64_t frames;  /* sent to the codec */
    bool has_header; /* the container's was written */
};

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

static const char *format_word(const FfmpegEncoder *encoder) {
    return audio_format_name(encoder->settings.format);
}

static cleave_status cannot_encode(const FfmpegEncoder *encoder, const char *why,
                                   cleave_error *error) {
    const AudioWriterSettings *settings = &encoder->settings;
    return error_set(error, CLEAVE_ERROR_OUTPUT,
                     "cannot write %s: " PATH_FORMAT ": %d channels at %d Hz: %s; choose FLAC",
                     format_word(encoder), encoder->file->path, settings->channels,
                     settings->sample_rate, why);
}

/* What the file knows of a failed write says more than FFmpeg's number. */
static cleave_status failed(const FfmpegEncoder *encoder, int code, cleave_error *error) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    cleave_status status = output_file_check(encoder->file, error);
    if (status != CLEAVE_OK)
        return status;
    if (code == AVERROR(ENOMEM))
        return error_memory(error, "an encoder", 0);
    av_strerror(code, text, sizeof(text));
    return cannot_encode(encoder, text, error);
}

/* ---- What there is ---- */

static const AVCodec *find_encoder(cleave_format format) {
    return avcodec_find_encoder_by_name(format == CLEAVE_FORMAT_ALAC ? "alac" : "aac");
}

const char *ffmpeg_encoder_lacks(cleave_format format) {
    ffmpeg_log_silence();
    if (!av_guess_format(MUXER, NULL, NULL))
        return "the FFmpeg that is there writes no M4A files";
    return find_encoder(format) ? NULL : "the FFmpeg that is there has no encoder for it";
}

/* The sample rates of MPEG-4 audio. */
static bool aac_has_rate(int rate) {
    static const int rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                22050, 16000, 12000, 11025, 8000,  7350};
    bool found = false;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        found = found || rates[i] == rate;
    return found;
}

/* ---- Opening ---- */

static cleave_status open_codec(FfmpegEncoder *encoder, cleave_error *error) {
    const AudioWriterSettings *settings = &encoder->settings;
    bool lossless = settings->format == CLEAVE_FORMAT_ALAC;
    if (!lossless && !aac_has_rate(settings->sample_rate))
        return cannot_encode(encoder, "AAC has thirteen rates only, such as --rate 48000", error);
    if (settings->channels > 2)
        return cannot_encode(encoder, "more than two channels", error);
    const AVCodec *found = find_encoder(settings->format);
    encoder->codec = avcodec_alloc_context3(found);
    if (!encoder->codec)
        return error_memory(error, "an encoder", 0);
    AVCodecContext *codec = encoder->codec;
    codec->sample_rate = settings->sample_rate;
    codec->time_base = (AVRational){1, settings->sample_rate};
    codec->thread_count = 1;
    codec->flags |= AV_CODEC_FLAG_BITEXACT;
    codec->sample_fmt = !lossless                          ? AV_SAMPLE_FMT_FLTP
                        : settings->bits == CLEAVE_BITS_16 ? AV_SAMPLE_FMT_S16P
                                                           : AV_SAMPLE_FMT_S32P;
    codec->bits_per_raw_sample = lossless ? (int)settings->bits : 0;
    set_codec_channels(codec, settings->channels);
    double share = settings->sample_rate < 44100 ? settings->sample_rate / 44100.0 : 1.0;
    if (!lossless)
        codec->bit_rate = (int64_t)(AAC_BITS_PER_SECOND * share) * settings->channels;
    if (encoder->container->oformat->flags & AVFMT_GLOBALHEADER)
        codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    int code = avcodec_open2(codec, found, NULL);
    return code < 0 ? failed(encoder, code, error) : CLEAVE_OK;
}

static cleave_status open_container(FfmpegEncoder *encoder, cleave_error *error) {
    int code = avformat_alloc_output_context2(&encoder->container, NULL, MUXER, NULL);
    if (code < 0 || !encoder->container)
        return failed(encoder, code, error);
    unsigned char *buffer = av_malloc(IO_BUFFER_BYTES);
    if (buffer)
        encoder->io = avio_alloc_context(buffer, IO_BUFFER_BYTES, 1, encoder->file, io_read,
                                         io_write, io_seek);
    if (!encoder->io)
        av_free(buffer);
    encoder->stream = encoder->io ? avformat_new_stream(encoder->container, NULL) : NULL;
    if (!encoder->stream)
        return error_memory(error, "an encoder", 0);
    encoder->container->pb = encoder->io;
    encoder->container->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    return CLEAVE_OK;
}

static cleave_status write_header(FfmpegEncoder *encoder, cleave_error *error) {
    AVDictionary *options = NULL;
    encoder->stream->time_base = encoder->codec->time_base;
    int code = avcodec_parameters_from_context(encoder->stream->codecpar, encoder->codec);
    if (code >= 0)
        code = av_dict_set_int(&options, "movie_timescale", encoder->settings.sample_rate, 0);
    if (code >= 0)
        code = avformat_write_header(encoder->container, &options);
    av_dict_free(&options);
    encoder->has_header = code >= 0;
    return code < 0 ? failed(encoder, code, error) : output_file_check(encoder->file, error);
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
    return code < 0 ? failed(encoder, code, error) : CLEAVE_OK;
}

static cleave_status start(FfmpegEncoder *encoder, cleave_error *error) {
    encoder->packet = av_packet_alloc();
    encoder->frame = av_frame_alloc();
    if (!encoder->packet || !encoder->frame)
        return error_memory(error, "an encoder", 0);
    cleave_status status = open_container(encoder, error);
    if (status == CLEAVE_OK)
        status = open_codec(encoder, error);
    if (status == CLEAVE_OK)
        status = write_header(encoder, error);
    return status == CLEAVE_OK ? start_frame(encoder, error) : status;
}

cleave_status ffmpeg_encoder_open(FfmpegEncoder **encoder, OutputFile *file,
                                  const AudioWriterSettings *settings, cleave_error *error) {
    *encoder = NULL;
    ffmpeg_log_silence();
    FfmpegEncoder *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "an encoder", sizeof(*created));
    created->file = file;
    created->settings = *settings;
    cleave_status status = start(created, error);
    if (status != CLEAVE_OK) {
        ffmpeg_encoder_close(created);
        return status;
    }
    *encoder = created;
    return CLEAVE_OK;
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
static cleave_status send(FfmpegEncoder *encoder, const AVFrame *frame, cleave_error *error) {
    int code = avcodec_send_frame(encoder->codec, frame);
    if (code >= 0)
        code = take_packets(encoder);
    return code < 0 ? failed(encoder, code, error) : output_file_check(encoder->file, error);
}

static cleave_status send_frame(FfmpegEncoder *encoder, cleave_error *error) {
    encoder->frame->nb_samples = encoder->filled;
    encoder->frame->pts = encoder->frames;
    encoder->frames += encoder->filled;
    return send(encoder, encoder->frame, error);
}

/* Puts `count` frames from `first` on of an interleaved block behind what the frame holds. */
static void fill_frame(FfmpegEncoder *encoder, const void *samples, int64_t first, int count) {
    const int channels = encoder->settings.channels;
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
                    fminf(fmaxf(((const float *)samples)[from], -AAC_MAX_SAMPLE), AAC_MAX_SAMPLE);
            else if (kind == AV_SAMPLE_FMT_S16P)
                shorts[to] = (int16_t)(((const int32_t *)samples)[from] / 65536);
            else
                longs[to] = ((const int32_t *)samples)[from];
        }
    }
    encoder->filled += count;
}

cleave_status ffmpeg_encoder_write(FfmpegEncoder *encoder, const void *samples, int64_t frames,
                                   cleave_error *error) {
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

cleave_status ffmpeg_encoder_finish(FfmpegEncoder *encoder, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (encoder->filled > 0)
        status = send_frame(encoder, error);
    if (status == CLEAVE_OK)
        status = send(encoder, NULL, error);
    if (status != CLEAVE_OK)
        return status;
    int code = av_write_trailer(encoder->container);
    encoder->has_header = false;
    if (code < 0)
        return failed(encoder, code, error);
    avio_flush(encoder->io);
    return output_file_check(encoder->file, error);
}

/* The trailer frees what the header took, whatever becomes of the file. */
void ffmpeg_encoder_close(FfmpegEncoder *encoder) {
    if (!encoder)
        return;
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
