/* stream_headers.c: reads the headers of FLAC, CAF and MP3 files. */
#include "audio/input/stream_headers.h"

#include <string.h>

#include "audio/input/byte_order.h"
#include "audio/input/metadata_tags.h"

/* ---- FLAC ---- */

/* "fLaC", a block header of 4 bytes, then STREAMINFO, whose bytes 13 (low half) to 17 are the
 * number of frames. */
#define FLAC_FRAMES_OFFSET (4 + 4 + 13)

int64_t flac_length(InputFile *file) {
    unsigned char head[FLAC_FRAMES_OFFSET + 5];
    if (input_file_read_at(file, 0, head, sizeof(head)) != (int64_t)sizeof(head) ||
        memcmp(head, "fLaC", 4) != 0 || (head[4] & 0x7f) != 0)
        return 0;
    const unsigned char *field = head + FLAC_FRAMES_OFFSET;
    return (int64_t)((uint64_t)(field[0] & 0x0f) << 32 | get_number(field + 1, 4, true));
}

void flac_hide_length(InputFile *file) {
    unsigned char field = 0;
    if (flac_length(file) == 0 || input_file_read_at(file, FLAC_FRAMES_OFFSET, &field, 1) != 1)
        return;
    memset(file->overlay, 0, sizeof(file->overlay));
    file->overlay[0] = field & 0xf0;
    file->overlay_offset = FLAC_FRAMES_OFFSET;
    file->overlay_size = 5;
}

int flac_bits(InputFile *file) {
    unsigned char head[22];
    int64_t start = tags_before(file);
    if (input_file_read_at(file, start, head, sizeof(head)) != (int64_t)sizeof(head) ||
        memcmp(head, "fLaC", 4) != 0)
        return 0;
    return ((head[20] & 1) << 4 | head[21] >> 4) + 1;
}

/* ---- CAF ---- */

/* Apple Core Audio Format Specification 1.0: chunks of 12 bytes' header, all big-endian; a packet
 * table begins with its number of packets and that of valid frames. */
#define CAF_FIRST_CHUNK  8
#define CAF_CHUNK_HEADER 12
#define CAF_MAX_CHUNKS   1000

int64_t caf_length(InputFile *file, int64_t *in_packet) {
    unsigned char head[CAF_CHUNK_HEADER + 16];
    if (input_file_read_at(file, 0, head, 4) != 4 || memcmp(head, "caff", 4) != 0)
        return 0;
    int64_t offset = CAF_FIRST_CHUNK;
    *in_packet = 0;
    for (int i = 0; i < CAF_MAX_CHUNKS; i++) {
        int64_t got = input_file_read_at(file, offset, head, sizeof(head));
        if (got < CAF_CHUNK_HEADER)
            return 0;
        uint64_t size = get_number(head + 4, 8, true);
        if (memcmp(head, "pakt", 4) == 0 && got == (int64_t)sizeof(head)) {
            uint64_t packets = get_number(head + CAF_CHUNK_HEADER, 8, true);
            uint64_t frames = get_number(head + CAF_CHUNK_HEADER + 8, 8, true);
            if (packets == 0 || packets > frames || frames > INT64_MAX)
                return 0;
            *in_packet = (int64_t)((frames + packets - 1) / packets);
            return (int64_t)frames;
        }
        if (size >= (uint64_t)(file->size - offset - CAF_CHUNK_HEADER))
            return 0;
        offset += CAF_CHUNK_HEADER + (int64_t)size;
    }
    return 0;
}

/* ---- MP3 ---- */

/* Where the Xing or Info header stands in the file; negative: it has none. */
static int64_t xing_offset(InputFile *file) {
    unsigned char frame[4096];
    int64_t start = tags_before(file);
    int64_t got = input_file_read_at(file, start, frame, sizeof(frame));
    for (int64_t i = 0; i + 4 <= got; i++)
        if (memcmp(frame + i, "Xing", 4) == 0 || memcmp(frame + i, "Info", 4) == 0)
            return start + i;
    return -1;
}

bool mp3_length_is_exact(InputFile *file) {
    return xing_offset(file) >= 0;
}

/* After its name the header has flags, which tell of fields that follow in this order: the number
 * of frames, the number of bytes (its own frame included), a table, and a quality. Then comes
 * LAME's part: 9 bytes of a name, and 21 bytes from its start the padding, 12 bits for each end. */
#define XING_FRAMES    1
#define XING_BYTES     2
#define XING_TABLE     4
#define XING_QUALITY   8
#define XING_MOST      (8 + 4 + 4 + 100 + 4 + 24)
#define LAME_PADDING   21
#define XING_TABLE_LEN 100

typedef struct Xing {
    int64_t bytes;   /* 0: not told */
    int64_t padding; /* negative: not told */
} Xing;

static Xing read_xing(InputFile *file) {
    Xing xing = {.padding = -1};
    unsigned char header[XING_MOST] = {0};
    int64_t offset = xing_offset(file);
    if (offset < 0 || input_file_read_at(file, offset, header, sizeof(header)) < 16)
        return xing;
    uint64_t flags = get_number(header + 4, 4, true);
    size_t at = 8;
    at += (flags & XING_FRAMES) != 0 ? 4 : 0;
    if ((flags & XING_BYTES) != 0) {
        xing.bytes = (int64_t)get_number(header + at, 4, true);
        at += 4;
    }
    at += (flags & XING_TABLE) != 0 ? XING_TABLE_LEN : 0;
    at += (flags & XING_QUALITY) != 0 ? 4 : 0;
    if (memcmp(header + at, "LAME", 4) == 0 || memcmp(header + at, "Lavc", 4) == 0 ||
        memcmp(header + at, "Lavf", 4) == 0) {
        uint64_t padding = get_number(header + at + LAME_PADDING, 3, true);
        xing.padding = (int64_t)(padding >> 12) + (int64_t)(padding & 0xfff);
    }
    return xing;
}

static int64_t bytes_of_frames(InputFile *file) {
    return file->size - tags_before(file);
}

bool mp3_length_is_held(InputFile *file) {
    Xing xing = read_xing(file);
    return xing.bytes > 0 && xing.bytes <= bytes_of_frames(file);
}

int64_t mp3_padding(InputFile *file) {
    Xing xing = read_xing(file);
    return xing.bytes == bytes_of_frames(file) ? xing.padding : -1;
}
