/* ffmpeg_gaps.c: measures what was lost, in bytes and in times. */
#include "audio/ffmpeg/ffmpeg_gaps.h"

#include <libavutil/common.h>
#include <string.h>

#include "audio/ffmpeg/raw_frames.h"
#include "audio/input/metadata_tags.h"

/* More silence than this in one place is a damaged time, not a damaged file. */
#define MOST_SILENCE_SECONDS 600

/* And so is more than this where no packet was lost. */
#define MOST_HOLE_SECONDS 60

/* Frames after damage in which times may still leap. */
#define FRAMES_WATCHED 4

/* How far behind the last packet the next is searched, and how many of its bytes must agree. */
#define SEARCHED_BYTES 65536
#define MOST_SEARCHED  (INT64_C(8) << 20)
#define HEAD_BYTES     16

/* Times of whole milliseconds differ by so much from the samples' count without any loss. */
#define TIME_TOLERANCE_MS 3

/* A leap of more is a hole, in containers whose times have no other reason to leap. */
#define HOLE_MS 100

/* FFmpeg makes up the times of these by counting packets. */
static bool counts_packets(const FfmpegInput *input) {
    static const char *const raw[] = {"mp3", "aac", "ac3", "eac3", "dts", "truehd",
                                      "mlp", "wav", "w64", "amr",  NULL};
    return ffmpeg_is_one_of(input, raw);
}

/* The demuxers of these pass over damage without an error. */
static bool shows_holes(const FfmpegInput *input) {
    static const char *const timed[] = {"matroska", "ogg", "flac", "flv", "wv", "asf", NULL};
    return ffmpeg_is_one_of(input, timed);
}

/* Frames in so many bytes, by the mean size of a packet. */
static int64_t frames_of_bytes(const Gaps *gaps, const FfmpegInput *input, int64_t bytes,
                               int sample_rate) {
    int64_t mean = gaps->packets > 0 ? gaps->bytes / gaps->packets : 0;
    int64_t count = mean > 0 ? (bytes + mean / 2) / mean : 0;
    int64_t frames;
    bool known = !__builtin_mul_overflow(
        count, ffmpeg_frames(input, input->packet->duration, sample_rate), &frames);
    return known ? av_clip64(frames, 0, FFMPEG_MOST_FRAMES) : 0;
}

static void add_lost(Gaps *gaps, int64_t frames, int64_t beyond) {
    gaps->lost = true;
    gaps->lost_frames = av_clip64(gaps->lost_frames + frames, 0, FFMPEG_MOST_FRAMES);
    gaps->lost_beyond = av_clip64(gaps->lost_beyond + beyond, 0, FFMPEG_MOST_FRAMES);
}

static void note_lost_bytes(Gaps *gaps, const FfmpegInput *input, int64_t bytes, int sample_rate) {
    int64_t frames = frames_of_bytes(gaps, input, bytes, sample_rate);
    if (frames > 0)
        add_lost(gaps, frames, frames);
}

/* Where a packet begins in the file, searched from `from` on, or -1. FFmpeg's own answer
 * (packet->pos) leaves out what the demuxer has passed over. */
static int64_t find_packet(InputFile *file, int64_t from, const AVPacket *packet) {
    unsigned char bytes[SEARCHED_BYTES];
    size_t head = packet->size < HEAD_BYTES ? (size_t)packet->size : HEAD_BYTES;
    int64_t got = input_file_read_at(file, from, bytes, (int64_t)head);
    if (got == (int64_t)head && memcmp(bytes, packet->data, head) == 0)
        return from;
    /* Blocks overlap by what may stand across two of them. */
    for (int64_t at = from; at < from + MOST_SEARCHED; at += SEARCHED_BYTES - HEAD_BYTES) {
        got = input_file_read_at(file, at, bytes, sizeof(bytes));
        const unsigned char *found =
            got > 0 ? memmem(bytes, (size_t)got, packet->data, head) : NULL;
        if (found)
            return at + (found - bytes);
        if (got < (int64_t)sizeof(bytes))
            break;
    }
    return -1;
}

/* Bytes passed over before a packet that begins at `at`. Tags are not lost audio: joined files have
 * them in between. */
static int64_t bytes_before(const Gaps *gaps, InputFile *file, int64_t at) {
    unsigned char head[HEAD_BYTES];
    if (gaps->packets == 0 || at <= gaps->next_byte)
        return 0;
    int64_t got = input_file_read_at(file, gaps->next_byte, head, sizeof(head));
    return got > 0 && tag_begins(head, (size_t)got) ? 0 : at - gaps->next_byte;
}

/* Bytes of a packet behind its frame. */
static int64_t bytes_behind(const AVPacket *packet, size_t own) {
    size_t size = (size_t)packet->size;
    if (own == 0 || own >= size || tag_begins(packet->data + own, size - own))
        return 0;
    return (int64_t)(size - own);
}

/* Whether a packet counts in the mean size of packets. Junk does not: its packets are large. */
static bool is_typical(const Gaps *gaps, int size, size_t own) {
    return own > 0 || gaps->packets == 0 || size < 4 * gaps->bytes / gaps->packets;
}

void gaps_packet(Gaps *gaps, const FfmpegInput *input, InputFile *file, int sample_rate) {
    const AVPacket *packet = input->packet;
    if (!ffmpeg_is_bare(input) || packet->size <= 0 || file->stream)
        return;
    int64_t expected = gaps->packets > 0 ? gaps->next_byte : tags_before(file);
    int64_t at = find_packet(file, expected, packet);
    size_t own = raw_frame_bytes(packet->data, (size_t)packet->size);
    note_lost_bytes(gaps, input, bytes_before(gaps, file, at), sample_rate);
    note_lost_bytes(gaps, input, bytes_behind(packet, own), sample_rate);
    gaps->next_byte = (at >= 0 ? at : expected) + packet->size;
    if (is_typical(gaps, packet->size, own)) {
        gaps->bytes += own > 0 && own < (size_t)packet->size ? (int64_t)own : packet->size;
        gaps->packets++;
    }
}

void gaps_damage(Gaps *gaps, const FfmpegInput *input, int sample_rate) {
    const AVPacket *packet = input->packet;
    int64_t own = ffmpeg_frames(input, packet->duration, sample_rate);
    int64_t frames = own;
    if (ffmpeg_is_bare(input) && raw_frame_bytes(packet->data, (size_t)packet->size) == 0)
        frames = frames_of_bytes(gaps, input, packet->size, sample_rate);
    if (frames < own)
        frames = own;
    add_lost(gaps, frames, frames - own);
}

/* How far a frame's time is behind the samples so far; 0 where it has no time. */
static int64_t leap_of(Gaps *gaps, const FfmpegInput *input, int sample_rate, int64_t position) {
    if (gaps->joints != input->joints)
        gaps->have_origin = false;
    gaps->joints = input->joints;
    if (input->frame->pts == AV_NOPTS_VALUE)
        return 0;
    int64_t time = ffmpeg_frames(input, input->frame->pts, sample_rate);
    int64_t leap = gaps->have_origin ? time - gaps->origin - position : 0;
    gaps->have_origin = true;
    gaps->origin = time - position;
    return leap;
}

static int64_t limited(int64_t frames, int64_t room, int64_t most) {
    if (frames < 0 || frames > most)
        return 0;
    return room >= 0 && room < frames ? room : frames;
}

int64_t gaps_before_frame(Gaps *gaps, const FfmpegInput *input, int sample_rate, int64_t position,
                          int64_t room) {
    int64_t leap = leap_of(gaps, input, sample_rate, position);
    int64_t silence = 0;
    bool hole = shows_holes(input) && leap > (int64_t)sample_rate * HOLE_MS / 1000;
    if (counts_packets(input) || input->frame->pts == AV_NOPTS_VALUE)
        silence = gaps->lost_frames;
    else if ((gaps->lost || gaps->watched > 0 || hole) &&
             leap > (int64_t)sample_rate * TIME_TOLERANCE_MS / 1000)
        silence = leap;
    int64_t seconds = gaps->lost || gaps->watched > 0 ? MOST_SILENCE_SECONDS : MOST_HOLE_SECONDS;
    silence = limited(silence, room, seconds * sample_rate);
    if (gaps->lost || (hole && silence > 0)) {
        if (gaps->places++ == 0)
            gaps->first = position;
    }
    gaps->silence += silence;
    gaps->origin -= silence;
    gaps->watched = gaps->lost ? FRAMES_WATCHED : gaps->watched - (gaps->watched > 0);
    gaps->beyond += gaps->lost_beyond < silence ? gaps->lost_beyond : silence;
    gaps->lost = false;
    gaps->lost_frames = 0;
    gaps->lost_beyond = 0;
    return silence;
}
