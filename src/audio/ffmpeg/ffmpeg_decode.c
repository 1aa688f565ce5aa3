/* ffmpeg_decode.c: packets into the decoder, frames out of it. Damage is passed over, as players
 * do, and noted. */
#include "audio/ffmpeg/ffmpeg_source_private.h"
#include "audio/ffmpeg/raw_frames.h"
#include "audio/input/metadata_tags.h"

bool ffmpeg_source_is_pcm(const FfmpegSource *source) {
    enum AVCodecID codec = source->input.codec->codec_id;
    return codec >= AV_CODEC_ID_PCM_S16LE && codec < AV_CODEC_ID_ADPCM_IMA_QT;
}

/* Notes a packet that cannot be decoded. As the last one it means that the file is cut short; but
 * tags behind a bare stream come as packets, too, and do not begin like its frames. */
static void note_damage(FfmpegSource *source) {
    const AVPacket *packet = source->input.packet;
    if (source->description.chunk.found &&
        packet->size < ffmpeg_stream(&source->input)->codecpar->block_align)
        return; /* a pad byte behind the last block */
    source->cut_short = !ffmpeg_is_bare(&source->input) || source->packet_is_frame;
    if (packet->size > 0 && !tag_begins(packet->data, (size_t)packet->size))
        gaps_damage(&source->gaps, &source->input, ffmpeg_source_rate(source));
}

static void note_packet(FfmpegSource *source) {
    const AVPacket *packet = source->input.packet;
    source->cut_short = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    size_t size = packet->size > 0 ? (size_t)packet->size : 0;
    source->packet_is_frame = raw_frame_has_sync(packet->data, size);
    source->frame_is_cut =
        ffmpeg_is_bare(&source->input) && raw_frame_bytes(packet->data, size) > size;
    gaps_packet(&source->gaps, &source->input, &source->file, ffmpeg_source_rate(source));
    if (source->cut_short && !ffmpeg_source_is_pcm(source))
        source->gaps.lost = true;
    int64_t end;
    if (packet->pts != AV_NOPTS_VALUE &&
        !__builtin_add_overflow(packet->pts, packet->duration, &end) && end > source->end_time)
        source->end_time = end;
}

/* Reads the next packet of the stream. A demuxer that meets damage is asked again as long as it
 * moves on in the file. */
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
        source->silence =
            gaps_before_frame(&source->gaps, &source->input, ffmpeg_source_rate(source),
                              source->position, room_for_silence(source));
}

cleave_status ffmpeg_next_frame(FfmpegSource *source, cleave_error *error) {
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

/* Not by libswresample, which must know the loudspeaker of each channel: files do not always say.
 */
void ffmpeg_take_samples(FfmpegSource *source, float *interleaved, int count) {
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
