/* source_ffmpeg.c: FFmpeg as a source, for what libsndfile does not read. Compiled only where
 * FFmpeg was found. FFmpeg gets bytes from an InputFile and nothing else: it opens no file,
 * playlist or address that a hostile file may name. */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/dict.h>
#include <stdlib.h>
#include <string.h>

#include "audio/ffmpeg_log.h"
#include "audio/lengths.h"
#include "audio/source.h"

#define IO_BUFFER_BYTES 65536

typedef struct FfmpegSource {
    AudioSource base;
    InputFile file;
    cleave_logger log;
    AVIOContext *io;
    AVFormatContext *container;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int stream;           /* index of the audio stream */
    int frame_used;       /* samples of `frame` that were handed out */
    int frame_count;      /* samples that it has; 0: no frame at hand */
    bool draining;        /* the last packet was sent */
    bool cut_short;       /* the last packet was damaged, or reading it failed */
    int64_t position;     /* frames decoded */
    int64_t damaged;      /* packets that could not be decoded, so far */
    int64_t first_damage; /* frames decoded before the first of them */
    int64_t end_time;     /* where the packets so far end, in the stream's time base */
    bool packet_has_sync; /* the last packet begins with an MPEG sync word */
    DataChunk chunk;      /* of a WAV that is a stream or has outgrown its header; else not found */
    bool warned;
} FfmpegSource;

/* ---- Versions of FFmpeg ---- */

/* AVChannelLayout came with libavutil 57.28 and replaced the plain counts. */
static int codec_channels(const AVCodecContext *codec) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 28, 100)
    return codec->ch_layout.nb_channels;
#else
    return codec->channels;
#endif
}

static int frame_channels(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 28, 100)
    return frame->ch_layout.nb_channels;
#else
    return frame->channels;
#endif
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

static cleave_status ffmpeg_failed(const char *step, int code, cleave_error *error) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof(text));
    error_set(error, CLEAVE_ERROR_INPUT, "FFmpeg: %s: %s", step, text);
    return CLEAVE_ERROR_INPUT;
}

static cleave_status out_of_memory(const char *what, cleave_error *error) {
    error_memory(error, what, 0);
    return CLEAVE_ERROR_MEMORY;
}

static cleave_status open_container(FfmpegSource *source, cleave_error *error) {
    unsigned char *buffer = av_malloc(IO_BUFFER_BYTES);
    if (buffer)
        source->io = avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, &source->file, io_read, NULL,
                                        source->file.stream ? NULL : io_seek);
    if (!source->io)
        av_free(buffer);
    source->container = source->io ? avformat_alloc_context() : NULL;
    if (!source->container)
        return out_of_memory("a decoder", error);
    source->container->pb = source->io;
    source->container->io_open = io_refuse;
    source->container->flags |= AVFMT_FLAG_CUSTOM_IO;
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", "none", 0);
    if (source->chunk.unfinished)
        av_dict_set(&options, "ignore_length", "1", 0);
    int code = avformat_open_input(&source->container, source->file.path, NULL, &options);
    av_dict_free(&options);
    if (code < 0)
        return ffmpeg_failed("opening", code, error);
    code = avformat_find_stream_info(source->container, NULL);
    return code < 0 ? ffmpeg_failed("looking for streams", code, error) : CLEAVE_OK;
}

static void discard_other_streams(FfmpegSource *source) {
    for (unsigned i = 0; i < source->container->nb_streams; i++)
        if ((int)i != source->stream)
            source->container->streams[i]->discard = AVDISCARD_ALL;
}

/* One thread: FFmpeg's would compete with the network's, and audio decodes fast enough. */
static cleave_status open_codec(FfmpegSource *source, cleave_error *error) {
    int stream = av_find_best_stream(source->container, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (stream < 0)
        return error_set(error, CLEAVE_ERROR_INPUT, "FFmpeg: " SOURCE_NO_AUDIO);
    source->stream = stream;
    discard_other_streams(source);
    const AVCodecParameters *parameters = source->container->streams[stream]->codecpar;
    const AVCodec *decoder = avcodec_find_decoder(parameters->codec_id);
    if (!decoder)
        return error_set(error, CLEAVE_ERROR_INPUT, "FFmpeg: no decoder for its %s stream",
                         avcodec_get_name(parameters->codec_id));
    source->codec = avcodec_alloc_context3(decoder);
    source->packet = av_packet_alloc();
    source->frame = av_frame_alloc();
    if (!source->codec || !source->packet || !source->frame)
        return out_of_memory("a decoder", error);
    int code = avcodec_parameters_to_context(source->codec, parameters);
    if (code < 0)
        return ffmpeg_failed("stream parameters", code, error);
    source->codec->thread_count = 1;
    source->codec->pkt_timebase = source->container->streams[stream]->time_base;
    code = avcodec_open2(source->codec, decoder, NULL);
    return code < 0 ? ffmpeg_failed("opening the decoder", code, error) : CLEAVE_OK;
}

static void close_decoder(FfmpegSource *source) {
    av_frame_free(&source->frame);
    av_packet_free(&source->packet);
    avcodec_free_context(&source->codec);
    avformat_close_input(&source->container);
    if (source->io)
        av_freep(&source->io->buffer);
    avio_context_free(&source->io);
}

/* ---- Decoding ---- */

static bool is_container(const FfmpegSource *source, const char *name) {
    return strncmp(source->container->iformat->name, name, strlen(name)) == 0;
}

/* Counts a packet that cannot be decoded. As the last one it means that the file is cut short; but
 * tags behind a raw stream come as packets, too, and lack the sync word of its frames. */
static void count_damage(FfmpegSource *source) {
    if (source->damaged++ == 0)
        source->first_damage = source->position;
    bool raw = is_container(source, "mp3") || is_container(source, "aac");
    source->cut_short = !raw || source->packet_has_sync;
}

static void note_packet(FfmpegSource *source) {
    const AVPacket *packet = source->packet;
    source->cut_short = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    source->packet_has_sync =
        packet->size >= 2 && packet->data[0] == 0xff && (packet->data[1] & 0xe0) == 0xe0;
    int64_t end;
    if (packet->pts != AV_NOPTS_VALUE &&
        !__builtin_add_overflow(packet->pts, packet->duration, &end) && end > source->end_time)
        source->end_time = end;
}

/* Puts the next packet into the decoder, or at the end of the stream the end mark. */
static cleave_status send_packet(FfmpegSource *source, cleave_error *error) {
    int code = av_read_frame(source->container, source->packet);
    if (code == AVERROR(ENOMEM))
        return out_of_memory("a packet of audio", error);
    if (code < 0) {
        source->cut_short |= code != AVERROR_EOF || source->file.error != 0;
        source->draining = true;
        avcodec_send_packet(source->codec, NULL);
        return CLEAVE_OK;
    }
    if (source->packet->stream_index == source->stream) {
        note_packet(source);
        code = avcodec_send_packet(source->codec, source->packet);
    }
    av_packet_unref(source->packet);
    if (code == AVERROR(ENOMEM))
        return out_of_memory("a packet of audio", error);
    if (code < 0)
        count_damage(source);
    return CLEAVE_OK;
}

/* Gets the next frame; frame_count stays 0 at the end of the stream. A packet that cannot be
 * decoded is passed over, as players do, and counted. */
static cleave_status next_frame(FfmpegSource *source, cleave_error *error) {
    source->frame_used = 0;
    source->frame_count = 0;
    while (source->frame_count == 0) {
        cleave_status status = CLEAVE_OK;
        int code = avcodec_receive_frame(source->codec, source->frame);
        if (code == 0)
            source->frame_count = source->frame->nb_samples;
        else if (code == AVERROR_EOF || (code == AVERROR(EAGAIN) && source->draining))
            return CLEAVE_OK;
        else if (code == AVERROR(ENOMEM))
            status = out_of_memory("a frame of audio", error);
        else if (code == AVERROR(EAGAIN))
            status = send_packet(source, error);
        else
            count_damage(source);
        if (status != CLEAVE_OK)
            return status;
    }
    return CLEAVE_OK;
}

/* One sample as float; integers are divided by their full scale. */
static float sample_at(const uint8_t *data, int64_t index, enum AVSampleFormat packed) {
    switch (packed) {
    case AV_SAMPLE_FMT_U8:
        return (float)(data[index] - 128) / 128.0f;
    case AV_SAMPLE_FMT_S16:
        return (float)((const int16_t *)(const void *)data)[index] / 32768.0f;
    case AV_SAMPLE_FMT_S32:
        return (float)((const int32_t *)(const void *)data)[index] / 2147483648.0f;
    case AV_SAMPLE_FMT_S64:
        return (float)((const int64_t *)(const void *)data)[index] / 9223372036854775808.0f;
    case AV_SAMPLE_FMT_FLT:
        return ((const float *)(const void *)data)[index];
    case AV_SAMPLE_FMT_DBL:
        return (float)((const double *)(const void *)data)[index];
    default:
        return 0.0f;
    }
}

/* By hand and not by libswresample, which wants to know which loudspeaker each channel belongs to;
 * files do not always say. */
static void take_samples(FfmpegSource *source, float *interleaved, int count) {
    const AVFrame *frame = source->frame;
    enum AVSampleFormat format = (enum AVSampleFormat)frame->format;
    enum AVSampleFormat packed = av_get_packed_sample_fmt(format);
    bool planar = av_sample_fmt_is_planar(format) != 0;
    int channels = source->base.format.channels;
    for (int c = 0; c < channels; c++) {
        const uint8_t *data = planar ? frame->extended_data[c] : frame->extended_data[0];
        for (int i = 0; i < count; i++) {
            int64_t at = (int64_t)source->frame_used + i;
            int64_t index = planar ? at : at * channels + c;
            interleaved[(int64_t)i * channels + c] = sample_at(data, index, packed);
        }
    }
    source->frame_used += count;
    source->position += count;
}

static cleave_status check_same_format(const FfmpegSource *source, cleave_error *error) {
    const AudioFormat *format = &source->base.format;
    if (frame_channels(source->frame) == format->channels &&
        source->frame->sample_rate == format->sample_rate)
        return CLEAVE_OK;
    return error_set(
        error, CLEAVE_ERROR_INPUT,
        "cannot read audio: " PATH_FORMAT ": from %d channels at %d Hz it changes to %d "
        "at %d Hz at %.3f s; convert the file to WAV first",
        source->file.path, format->channels, format->sample_rate, frame_channels(source->frame),
        source->frame->sample_rate, (double)source->position / format->sample_rate);
}

/* ---- The end ---- */

/* Streams that a duration of the whole container may have been taken from. */
static int timed_streams(const FfmpegSource *source) {
    int count = 0;
    for (unsigned i = 0; i < source->container->nb_streams; i++) {
        const AVStream *stream = source->container->streams[i];
        enum AVMediaType type = stream->codecpar->codec_type;
        bool picture = (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
        count += (type == AVMEDIA_TYPE_AUDIO || type == AVMEDIA_TYPE_VIDEO) && !picture;
    }
    return count;
}

/* Length of the stream in its time base, as the container says it; 0 where it does not, where the
 * length is an estimate, and where it may be that of a longer video. */
static int64_t promised_duration(const FfmpegSource *source) {
    static const char *const exact[] = {"mov", "mp3", "caf", "flac", "wv", "tta", "ape"};
    const AVStream *stream = source->container->streams[source->stream];
    if (source->container->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE)
        return 0;
    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
        if (is_container(source, exact[i]))
            return stream->duration > 0 ? stream->duration : 0;
    if (is_container(source, "matroska") && timed_streams(source) == 1 &&
        source->container->duration > 0)
        return av_rescale_q(source->container->duration, AV_TIME_BASE_Q, stream->time_base);
    return 0;
}

static int64_t to_frames(const FfmpegSource *source, int64_t duration) {
    const AVStream *stream = source->container->streams[source->stream];
    return av_rescale_q(duration, stream->time_base,
                        (AVRational){1, source->base.format.sample_rate});
}

/* Whether packets are missing at the end. An MP3 header counts the packets, so that one of them, 24
 * ms or more, shows; other writers round. */
static bool ends_early(const FfmpegSource *source) {
    int64_t promised = promised_duration(source);
    if (promised == 0)
        return false;
    int tolerance_ms = is_container(source, "mp3") ? 20 : 50;
    return to_frames(source, promised - source->end_time) >
           (int64_t)source->base.format.sample_rate * tolerance_ms / 1000;
}

/* Formats whose headers count the frames one by one. */
static bool is_counted(const FfmpegSource *source) {
    return source->file.stream && (is_container(source, "wav") || is_container(source, "flac"));
}

/* Frames that the header of a counted format promises; 0: none. */
static int64_t counted_frames(const FfmpegSource *source) {
    const AVCodecParameters *parameters = source->container->streams[source->stream]->codecpar;
    if (!source->chunk.found)
        return to_frames(source, promised_duration(source));
    return source->chunk.unfinished || parameters->block_align < 1
               ? 0
               : source->chunk.declared / parameters->block_align;
}

/* As with a file of the format: a WAV that is cut short, even in mid-frame, is read as far as it
 * goes; a FLAC must be whole. */
static bool breaks_off(const FfmpegSource *source) {
    if (source->file.error != 0)
        return true;
    if (!is_counted(source))
        return source->cut_short || ends_early(source);
    int64_t promised = counted_frames(source);
    bool is_short = promised > 0 ? source->position < promised : source->cut_short;
    return is_short && !source->chunk.found;
}

static void warn_of_length(const FfmpegSource *source) {
    double rate = source->base.format.sample_rate;
    int64_t promised = counted_frames(source);
    if (promised == 0 || promised == source->position)
        return;
    log_write(&source->log, CLEAVE_LOG_WARNING,
              PATH_FORMAT ": the header promises %.3f s but there are %.3f s; all are read",
              source->file.path, (double)promised / rate, (double)source->position / rate);
}

static cleave_status judge_end(FfmpegSource *source, cleave_error *error) {
    const char *why = source->file.error != 0 ? strerror(source->file.error)
                      : source->file.stream   ? "the stream ends too early"
                                              : "the file ends too early";
    if (breaks_off(source))
        return source_breaks_off(&source->base, source->file.path, source->position,
                                 is_counted(source) ? counted_frames(source)
                                                    : to_frames(source, promised_duration(source)),
                                 why, error);
    if (is_counted(source) && !source->warned)
        warn_of_length(source);
    if (!source->chunk.found && source->damaged > 0 && !source->warned)
        log_write(&source->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": damaged packets left out: %lld, the first at %.3f s",
                  source->file.path, (long long)source->damaged,
                  (double)source->first_damage / source->base.format.sample_rate);
    source->warned = true;
    return CLEAVE_OK;
}

/* ---- The source ---- */

static cleave_status ffmpeg_read(AudioSource *base, float *interleaved, int64_t frames,
                                 int64_t *got, cleave_error *error) {
    FfmpegSource *source = (FfmpegSource *)base;
    *got = 0;
    if (source->frame_used == source->frame_count) {
        cleave_status status = next_frame(source, error);
        if (status != CLEAVE_OK) {
            error_prefix(error, "cannot read audio: " PATH_FORMAT, source->file.path);
            return status;
        }
        if (source->frame_count == 0)
            return judge_end(source, error);
    }
    cleave_status status = check_same_format(source, error);
    if (status != CLEAVE_OK)
        return status;
    int left = source->frame_count - source->frame_used;
    int count = frames < left ? (int)frames : left;
    take_samples(source, interleaved, count);
    *got = count;
    return CLEAVE_OK;
}

/* Only PCM of a known place is left to FFmpeg as a stream: its other decoders of what WAV files may
 * hold do not give libsndfile's samples. An empty data chunk is one of unknown length to it. */
static cleave_status check_wav_stream(const FfmpegSource *source, cleave_error *error) {
    enum AVCodecID codec = source->codec->codec_id;
    bool is_pcm = codec >= AV_CODEC_ID_PCM_S16LE && codec < AV_CODEC_ID_ADPCM_IMA_QT;
    bool is_empty = source->chunk.declared == 0 && !source->chunk.unfinished;
    if (!is_container(source, "wav") || (is_pcm && source->chunk.found && !is_empty))
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INPUT, "FFmpeg: a WAV that cannot be read as it comes");
}

/* The first frame is decoded at once: what it holds is the format, where headers only hint at it
 * (AAC with spectral band replication has twice the rate that they name). */
static cleave_status start(FfmpegSource *source, cleave_error *error) {
    source->file.position = 0;
    source->file.error = 0;
    source->position = 0;
    source->damaged = 0;
    source->end_time = 0;
    source->draining = false;
    source->cut_short = false;
    cleave_status status = open_container(source, error);
    if (status == CLEAVE_OK)
        status = open_codec(source, error);
    if (status == CLEAVE_OK && (source->file.stream || source->chunk.found))
        status = check_wav_stream(source, error);
    if (status == CLEAVE_OK)
        status = next_frame(source, error);
    return status;
}

static cleave_status ffmpeg_rewind(AudioSource *base, cleave_error *error) {
    FfmpegSource *source = (FfmpegSource *)base;
    if (source->file.stream)
        return error_set(error, CLEAVE_ERROR_INTERNAL,
                         "cannot read audio: " PATH_FORMAT ": a stream cannot be read twice",
                         source->file.path);
    close_decoder(source);
    cleave_status status = start(source, error);
    if (status != CLEAVE_OK)
        error_prefix(error, "cannot read audio: " PATH_FORMAT, source->file.path);
    return status;
}

static void ffmpeg_close(AudioSource *base) {
    FfmpegSource *source = (FfmpegSource *)base;
    close_decoder(source);
    input_file_close(&source->file);
    free(source);
}

static void set_format(FfmpegSource *source) {
    bool have_frame = source->frame_count > 0;
    AudioFormat *format = &source->base.format;
    format->channels = have_frame ? frame_channels(source->frame) : codec_channels(source->codec);
    format->sample_rate = have_frame ? source->frame->sample_rate : source->codec->sample_rate;
    if (format->sample_rate < 1)
        return;
    if (is_counted(source)) {
        format->frames = counted_frames(source);
        return;
    }
    int64_t duration = source->container->duration;
    format->frames = to_frames(source, promised_duration(source));
    if (format->frames <= 0)
        format->frames =
            duration > 0 ? av_rescale(duration, format->sample_rate, (int64_t)AV_TIME_BASE) : 0;
}

cleave_status source_ffmpeg_open(AudioSource **source, InputFile *file, const cleave_logger *log,
                                 cleave_error *error) {
    *source = NULL;
    ffmpeg_log_silence();
    FfmpegSource *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "a decoder", sizeof(*created));
    created->file = *file;
    created->file.overlay_size = 0;
    if (log)
        created->log = *log;
    DataChunk chunk = length_of_data_chunk(&created->file);
    if (file->stream || chunk.outgrown)
        created->chunk = chunk;
    cleave_status status = start(created, error);
    if (status == CLEAVE_OK && created->frame_count == 0 && !created->chunk.found &&
        (created->damaged > 0 || created->container->duration > 0))
        status = error_set(error, CLEAVE_ERROR_INPUT, "FFmpeg: nothing in it can be decoded");
    if (status != CLEAVE_OK) {
        close_decoder(created);
        free(created);
        return status;
    }
    set_format(created);
    created->base.read = ffmpeg_read;
    created->base.rewind = ffmpeg_rewind;
    created->base.close = ffmpeg_close;
    *source = &created->base;
    return CLEAVE_OK;
}
