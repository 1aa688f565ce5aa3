/* ffmpeg_source.c: FFmpeg as a source. Compiled only where FFmpeg was found. Damage is passed over,
 * as players do, and silence keeps what follows in step. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audio/decode/source_end.h"
#include "audio/ffmpeg/ffmpeg_gaps.h"
#include "audio/ffmpeg/ffmpeg_input.h"
#include "audio/ffmpeg/ffmpeg_promise.h"
#include "audio/ffmpeg/raw_frames.h"
#include "audio/input/metadata_tags.h"
#include "audio/input/stream_headers.h"
#include "audio/input/wave_chunks.h"

typedef struct FfmpegSource {
    AudioSource base;
    InputFile file;
    FfmpegInput input;
    FfmpegOpening opening;
    DataChunk chunk;      /* of a WAV, W64 or AIFF; else not found */
    int64_t silence;      /* frames of silence to hand out before `frame` */
    int frame_used;       /* samples of the frame at hand that were handed out */
    int frame_count;      /* samples that it has; 0: no frame at hand */
    bool draining;        /* the last packet was sent */
    bool cut_short;       /* the last packet was damaged, or reading it failed */
    int64_t position;     /* frames handed out */
    int64_t audio_end;    /* where only an encoder's padding follows; 0: nowhere */
    int64_t end_time;     /* where the packets so far end, in the stream's time base */
    bool packet_is_frame; /* the last packet begins like a frame of a bare stream */
    bool frame_is_cut;    /* and by its own header is longer than it is */
    Gaps gaps;
} FfmpegSource;

static int rate_of(const FfmpegSource *source) {
    return source->base.format.sample_rate;
}

/* ---- Decoding ---- */

static bool is_pcm(const FfmpegSource *source) {
    enum AVCodecID codec = source->input.codec->codec_id;
    return codec >= AV_CODEC_ID_PCM_S16LE && codec < AV_CODEC_ID_ADPCM_IMA_QT;
}

/* Notes a packet that cannot be decoded. As the last one it means that the file is cut short; but
 * tags behind a bare stream come as packets, too, and do not begin like its frames. */
static void note_damage(FfmpegSource *source) {
    const AVPacket *packet = source->input.packet;
    if (source->chunk.found && packet->size < ffmpeg_stream(&source->input)->codecpar->block_align)
        return; /* a pad byte behind the last block */
    source->cut_short = !ffmpeg_is_bare(&source->input) || source->packet_is_frame;
    if (packet->size > 0 && !tag_begins(packet->data, (size_t)packet->size))
        gaps_damage(&source->gaps, &source->input, rate_of(source));
}

static void note_packet(FfmpegSource *source) {
    const AVPacket *packet = source->input.packet;
    source->cut_short = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    size_t size = packet->size > 0 ? (size_t)packet->size : 0;
    source->packet_is_frame = raw_frame_has_sync(packet->data, size);
    source->frame_is_cut =
        ffmpeg_is_bare(&source->input) && raw_frame_bytes(packet->data, size) > size;
    gaps_packet(&source->gaps, &source->input, &source->file, rate_of(source));
    if (source->cut_short && !is_pcm(source))
        source->gaps.lost = true;
    int64_t end;
    if (packet->pts != AV_NOPTS_VALUE &&
        !__builtin_add_overflow(packet->pts, packet->duration, &end) && end > source->end_time)
        source->end_time = end;
}

/* Reads the next packet of the stream. Demuxers that stumble over damage find their way again, as
 * long as they get on in the file. */
static int read_packet(FfmpegSource *source) {
    FfmpegInput *input = &source->input;
    for (int64_t before = -1;;) {
        int code = ffmpeg_read_packet(input);
        if (code >= 0 || code == AVERROR_EOF || code == AVERROR(ENOMEM) || source->file.error != 0)
            return code;
        int64_t at = avio_tell(input->io);
        source->cut_short = true;
        source->gaps.lost = true;
        if (at <= before || source->file.stream)
            return code;
        before = at;
    }
}

static cleave_status out_of_memory(const char *what, cleave_error *error) {
    return error_memory(error, what, 0);
}

/* Puts the next packet into the decoder, or at the end of the stream the end mark. */
static cleave_status send_packet(FfmpegSource *source, cleave_error *error) {
    FfmpegInput *input = &source->input;
    int code = read_packet(source);
    if (code == AVERROR(ENOMEM))
        return out_of_memory("a packet of audio", error);
    if (code < 0) {
        source->cut_short |= code != AVERROR_EOF || source->file.error != 0;
        source->draining = true;
        avcodec_send_packet(input->codec, NULL);
        return CLEAVE_OK;
    }
    note_packet(source);
    code = avcodec_send_packet(input->codec, input->packet);
    if (code == AVERROR(ENOMEM))
        return out_of_memory("a packet of audio", error);
    if (code < 0)
        note_damage(source);
    return CLEAVE_OK;
}

/* Frames that a file may still have by its header; negative where it does not say. */
static int64_t room_for_silence(const FfmpegSource *source) {
    int64_t whole = source->base.format.frames;
    if (whole <= 0)
        return -1;
    int64_t room = whole - source->position - source->frame_count;
    return room > 0 ? room : 0;
}

static void take_frame(FfmpegSource *source) {
    source->frame_count = source->input.frame->nb_samples;
    if (source->base.format.sample_rate == 0)
        source->base.format.sample_rate = source->input.frame->sample_rate;
    if (source->frame_count > 0)
        source->silence = gaps_before_frame(&source->gaps, &source->input, rate_of(source),
                                            source->position, room_for_silence(source));
}

/* Gets the next frame; frame_count stays 0 at the end of the stream. A packet that cannot be
 * decoded is passed over, as players do, and noted. */
static cleave_status next_frame(FfmpegSource *source, cleave_error *error) {
    source->frame_used = 0;
    source->frame_count = 0;
    while (source->frame_count == 0) {
        cleave_status status = CLEAVE_OK;
        int code = avcodec_receive_frame(source->input.codec, source->input.frame);
        if (code == 0)
            take_frame(source);
        else if (code == AVERROR_EOF || (code == AVERROR(EAGAIN) && source->draining))
            return CLEAVE_OK;
        else if (code == AVERROR(ENOMEM))
            status = out_of_memory("a frame of audio", error);
        else if (code == AVERROR(EAGAIN))
            status = send_packet(source, error);
        else
            note_damage(source);
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
    const AVFrame *frame = source->input.frame;
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
}

static cleave_status check_same_format(const FfmpegSource *source, cleave_error *error) {
    const AudioFormat *format = &source->base.format;
    int channels = ffmpeg_frame_channels(&source->input);
    int rate = source->input.frame->sample_rate;
    if (channels == format->channels && rate == format->sample_rate)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT
                     ": from %d channels at %d Hz it changes to %d "
                     "at %d Hz at %.3f s; convert the file to WAV first",
                     source->file.path, format->channels, format->sample_rate, channels, rate,
                     (double)source->position / format->sample_rate);
}

/* ---- The end ---- */

static bool is_streamed_wav(const FfmpegSource *source) {
    return source->file.stream && source->chunk.found;
}

/* A WAV that comes as a stream says its length in bytes. */
static Promise promise_of(FfmpegSource *source) {
    if (!is_streamed_wav(source))
        return ffmpeg_promise(&source->input, &source->file, rate_of(source));
    int bytes = ffmpeg_stream(&source->input)->codecpar->block_align;
    Promise promise = {.counted = true};
    if (!source->chunk.unfinished && bytes > 0)
        promise.frames = source->chunk.declared / bytes;
    return promise;
}

/* Recordings of broadcasts end anywhere. */
static bool is_recording(const FfmpegSource *source) {
    return ffmpeg_is_container(&source->input, "mpeg");
}

/* Why the stream is cut within a frame; NULL: it is not. Of what decoders make of a cut frame of
 * MP3 they say nothing; where the header promises no more, it is only a doubt. */
static const char *why_broken(const FfmpegSource *source, OggEnd ogg_end, bool promised) {
    bool ends_with_mark = ogg_end == OGG_ENDS_WHOLE && ffmpeg_is_container(&source->input, "ogg") &&
                          !source->file.stream;
    if (ogg_end == OGG_ENDS_WITHIN_PAGE)
        return "the file ends within a page of its stream";
    if (ends_with_mark)
        return NULL; /* whatever stands behind it */
    bool cut = source->cut_short || (source->frame_is_cut && promised);
    if (!cut || is_pcm(source) || is_recording(source))
        return NULL;
    return source->file.stream ? "the stream ends within a frame" : "the file ends within a frame";
}

static const char *why_doubtful(const FfmpegSource *source, OggEnd ogg_end) {
    return source->frame_is_cut ? "it ends within a frame; it may have been longer"
                                : doubt_of_ogg(ogg_end);
}

/* A number of frames in place of a time where packets should have ended. */
static int64_t promised_position(const FfmpegSource *source, const Promise *promise) {
    if (!promise->of_times || promise->frames == 0)
        return promise->frames;
    int64_t end = ffmpeg_frames(&source->input, source->end_time, rate_of(source));
    int64_t decoded = source->gaps.origin + source->position - source->gaps.beyond;
    if (decoded > end) /* some packets do not tell how long they are */
        end = decoded;
    return source->position + promise->frames - end - source->gaps.beyond;
}

static cleave_status judge_end(FfmpegSource *source, cleave_error *error) {
    bool is_ogg = ffmpeg_is_container(&source->input, "ogg") && !source->file.stream;
    OggEnd ogg_end = is_ogg ? end_of_ogg(&source->file) : OGG_ENDS_WHOLE;
    Promise promise = promise_of(source);
    const Gaps *gaps = &source->gaps;
    Ending ending = {.path = source->file.path,
                     .position = source->position,
                     .promised = promised_position(source, &promise),
                     .tolerance = promise.tolerance,
                     .read_error = input_file_failure(&source->file),
                     .broken = why_broken(source, ogg_end, promise.frames > 0),
                     .doubt = why_doubtful(source, ogg_end),
                     .damaged_places = gaps->places,
                     .first_damage = gaps->first,
                     .silence = gaps->silence,
                     .more_is_remarkable = promise.counted};
    if (source->chunk.found && !source->file.stream && !source->base.judged)
        chunk_warn_of_length(&source->chunk, source->file.path, source->position, rate_of(source),
                             &source->base.log);
    return ending_judge(&source->base, &ending, error);
}

/* ---- The source ---- */

/* Frames that may be handed out of those at hand; 0 where only padding follows. */
static int64_t before_padding(const FfmpegSource *source, int64_t frames) {
    if (source->audio_end == 0)
        return frames;
    int64_t left = source->audio_end - source->position;
    return left < 0 ? 0 : left < frames ? left : frames;
}

static int64_t give_silence(FfmpegSource *source, float *interleaved, int64_t frames) {
    int64_t count = before_padding(source, frames < source->silence ? frames : source->silence);
    memset(interleaved, 0, (size_t)(count * source->base.format.channels) * sizeof(*interleaved));
    source->silence -= count;
    return count;
}

/* What follows as padding is read, so that the end of the file can be judged, and dropped. */
static cleave_status drop_the_rest(FfmpegSource *source, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && source->frame_count > 0)
        status = next_frame(source, error);
    source->silence = 0;
    return status;
}

static cleave_status give_samples(FfmpegSource *source, float *interleaved, int64_t frames,
                                  int64_t *got, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (source->silence > 0) {
        *got = give_silence(source, interleaved, frames);
    } else if (source->frame_count > 0) {
        int64_t left = source->frame_count - source->frame_used;
        int64_t count = before_padding(source, frames < left ? frames : left);
        status = check_same_format(source, error);
        if (status == CLEAVE_OK)
            take_samples(source, interleaved, (int)count);
        *got = count;
    }
    source->position += *got;
    return status;
}

static cleave_status ffmpeg_read(AudioSource *base, float *interleaved, int64_t frames,
                                 int64_t *got, cleave_error *error) {
    FfmpegSource *source = (FfmpegSource *)base;
    cleave_status status = CLEAVE_OK;
    *got = 0;
    if (source->silence == 0 && source->frame_used == source->frame_count)
        status = next_frame(source, error);
    if (status != CLEAVE_OK)
        error_prefix(error, "cannot read audio: " PATH_FORMAT, source->file.path);
    else
        status = give_samples(source, interleaved, frames, got, error);
    if (status != CLEAVE_OK || *got > 0 || frames == 0)
        return status;
    status = drop_the_rest(source, error);
    return status == CLEAVE_OK ? judge_end(source, error) : status;
}

/* Of the codings of a WAV only PCM is decoded from a stream: the others' blocks need the data
 * chunk's length. An empty data chunk is one of unknown length to FFmpeg, and 24 bits in 32 are
 * floats. */
static cleave_status check_wav_stream(const FfmpegSource *source, cleave_error *error) {
    bool is_empty = source->chunk.declared == 0 && !source->chunk.unfinished;
    const WaveFormat *wave = &source->chunk.wave;
    bool is_filled = (wave->valid_bits == 0 || wave->valid_bits == wave->bits) &&
                     wave->block * 8 == wave->channels * wave->bits;
    if (!ffmpeg_is_container(&source->input, "wav") ||
        (is_pcm(source) && source->chunk.found && !is_empty && is_filled))
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INPUT, "FFmpeg: a WAV that cannot be read as it comes");
}

/* What is no PCM must not be played as PCM. */
static cleave_status check_disguise(FfmpegSource *source, cleave_error *error) {
    const char *coding = is_pcm(source) ? disguised_coding(&source->file, &source->chunk) : NULL;
    return coding ? error_set(error, CLEAVE_ERROR_INPUT, SOURCE_DISGUISED "%s", coding) : CLEAVE_OK;
}

/* The first frame is decoded at once: what it holds is the format, where headers only hint at it
 * (AAC with spectral band replication has twice the rate that they name). */
static cleave_status start(FfmpegSource *source, const cleave_logger *log, cleave_error *error) {
    source->file.position = 0;
    source->file.error = 0;
    source->file.shrunk = false;
    source->position = 0;
    source->silence = 0;
    source->gaps = (Gaps){0};
    source->end_time = 0;
    source->draining = false;
    source->cut_short = false;
    cleave_status status =
        ffmpeg_input_open(&source->input, &source->file, &source->opening, log, error);
    if (status == CLEAVE_OK && source->file.stream)
        status = check_wav_stream(source, error);
    if (status == CLEAVE_OK)
        status = check_disguise(source, error);
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
    ffmpeg_input_close(&source->input);
    cleave_status status = start(source, NULL, error);
    if (status != CLEAVE_OK)
        error_prefix(error, "cannot read audio: " PATH_FORMAT, source->file.path);
    return status;
}

static void ffmpeg_close(AudioSource *base) {
    FfmpegSource *source = (FfmpegSource *)base;
    ffmpeg_input_close(&source->input);
    input_file_close(&source->file);
    free(source);
}

static void set_format(FfmpegSource *source) {
    bool have_frame = source->frame_count > 0;
    AudioFormat *format = &source->base.format;
    format->channels =
        have_frame ? ffmpeg_frame_channels(&source->input) : ffmpeg_codec_channels(&source->input);
    format->sample_rate =
        have_frame ? source->input.frame->sample_rate : source->input.codec->sample_rate;
    source->base.layout = ffmpeg_layout(&source->input);
    if (format->sample_rate < 1)
        return;
    int64_t duration = source->input.container->duration;
    format->frames = promise_of(source).frames;
    if (format->frames <= 0 && !is_streamed_wav(source) && duration > 0)
        format->frames = av_rescale(duration, format->sample_rate, (int64_t)AV_TIME_BASE);
    int block = ffmpeg_stream(&source->input)->codecpar->block_align;
    if (source->chunk.outgrown && !source->file.stream && block > 0)
        format->frames = (source->file.size - source->chunk.offset) / block;
    source->audio_end = ffmpeg_padding_begins(&source->input, &source->file, format->sample_rate);
}

static bool may_be_empty(const FfmpegSource *source) {
    return source->chunk.found || (source->gaps.places == 0 && !source->cut_short &&
                                   source->input.container->duration <= 0);
}

cleave_status source_ffmpeg_open(AudioSource **source, InputFile *file,
                                 const AudioReaderSettings *settings, cleave_error *error) {
    *source = NULL;
    FfmpegSource *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "a decoder", sizeof(*created));
    source_init(&created->base, settings);
    created->file = *file;
    created->file.overlay_size = 0;
    created->chunk = length_of_data_chunk(&created->file);
    if (!created->chunk.found)
        created->file.size -= tags_behind(&created->file);
    created->opening = (FfmpegOpening){.audio_stream = settings->stream,
                                       .ignore_length = created->chunk.unfinished &&
                                                        (file->stream || created->chunk.outgrown)};
    cleave_status status = start(created, settings->log, error);
    if (status == CLEAVE_OK && created->frame_count == 0 && !may_be_empty(created))
        status = error_set(error, CLEAVE_ERROR_INPUT, "FFmpeg: nothing in it can be decoded");
    if (status != CLEAVE_OK) {
        ffmpeg_input_close(&created->input);
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
