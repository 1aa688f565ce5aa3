/* stream_headers.c: looks into the headers of streams. See lengths.h. */
#include "audio/input/stream_headers.h"

#include <stdlib.h>
#include <string.h>

#include "audio/input/byte_order.h"
#include "audio/input/metadata_tags.h"
#include "audio/input/ogg_page.h"

/* ---- FLAC ---- */

/* "fLaC", a block header of 4 bytes, then STREAMINFO, whose bytes 13 (low half) to 17 are the
 * number of frames. */
#define FLAC_FRAMES_OFFSET (4 + 4 + 13)

int64_t length_of_flac(InputFile *file) {
    unsigned char head[FLAC_FRAMES_OFFSET + 5];
    if (input_file_read_at(file, 0, head, sizeof(head)) != (int64_t)sizeof(head) ||
        memcmp(head, "fLaC", 4) != 0 || (head[4] & 0x7f) != 0)
        return 0;
    const unsigned char *field = head + FLAC_FRAMES_OFFSET;
    uint64_t frames = (uint64_t)(field[0] & 0x0f) << 32 | get_number(field + 1, 4, true);
    if (frames == 0)
        return 0;
    memset(file->overlay, 0, sizeof(file->overlay));
    file->overlay[0] = field[0] & 0xf0;
    file->overlay_offset = FLAC_FRAMES_OFFSET;
    file->overlay_size = 5;
    return (int64_t)frames;
}

/* ---- CAF ---- */

/* Apple Core Audio Format Specification 1.0: chunks of 12 bytes' header, all big-endian; a packet
 * table begins with its number of packets and that of valid frames. */
#define CAF_FIRST_CHUNK  8
#define CAF_CHUNK_HEADER 12
#define CAF_MAX_CHUNKS   1000

int64_t length_of_caf(InputFile *file, int64_t *in_packet) {
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

/* Where the Xing or Info header stands in the file; negative where there is none. */
static int64_t xing_offset(InputFile *file) {
    unsigned char frame[4096];
    int64_t start = tags_before(file);
    int64_t got = input_file_read_at(file, start, frame, sizeof(frame));
    for (int64_t i = 0; i + 4 <= got; i++)
        if (memcmp(frame + i, "Xing", 4) == 0 || memcmp(frame + i, "Info", 4) == 0)
            return start + i;
    return -1;
}

bool length_of_mp3_is_exact(InputFile *file) {
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

bool length_of_mp3_is_held(InputFile *file) {
    Xing xing = read_xing(file);
    return xing.bytes > 0 && xing.bytes <= bytes_of_frames(file);
}

int64_t padding_of_mp3(InputFile *file) {
    Xing xing = read_xing(file);
    return xing.bytes == bytes_of_frames(file) ? xing.padding : -1;
}

/* ---- Ogg ---- */

/* Two of the largest pages before the last byte that is not zero, and one behind it, for a page may
 * end in zeros: among these bytes is the last page. */
#define OGG_TAIL   (3 * OGG_MAX_PAGE)
#define OGG_BEHIND OGG_MAX_PAGE

typedef struct LastPage {
    OggEnd end;
    uint32_t serial; /* of its stream */
} LastPage;

/* Of the pages in the last bytes of a file, the last. */
static LastPage judge_last_page(const unsigned char *tail, size_t size) {
    size_t at = 0;
    LastPage last = {.end = OGG_ENDS_WITHIN_PAGE};
    while (at < size) {
        size_t page = ogg_page_size(tail + at, size - at);
        if (page > size - at) {
            last.end = OGG_ENDS_WITHIN_PAGE;
            return last;
        }
        if (page > 0) {
            last.end = ogg_page_is_last(tail + at) ? OGG_ENDS_WHOLE : OGG_ENDS_WITHOUT_MARK;
            last.serial = ogg_page_serial(tail + at);
        }
        at += page > 0 ? page : 1;
    }
    return last;
}

/* Where a file ends if zeros at its end, as of a disk that was full, do not count. */
static int64_t end_before_zeros(InputFile *file) {
    unsigned char block[4096];
    int64_t end = file->size;
    while (end > 0) {
        int64_t size = end < (int64_t)sizeof(block) ? end : (int64_t)sizeof(block);
        int64_t got = input_file_read_at(file, end - size, block, size);
        int64_t used = got;
        while (used > 0 && block[used - 1] == 0)
            used--;
        end -= size - (used > 0 ? used : 0);
        if (used > 0 || got <= 0)
            break;
    }
    return end;
}

/* Without memory for it, an end that causes no error. */
static LastPage find_last_page(InputFile *file) {
    LastPage last = {.end = OGG_ENDS_WITHOUT_MARK};
    unsigned char *tail = malloc((size_t)OGG_TAIL);
    if (!tail)
        return last;
    int64_t end = end_before_zeros(file) + OGG_BEHIND;
    if (end > file->size)
        end = file->size;
    int64_t start = end > (int64_t)OGG_TAIL ? end - (int64_t)OGG_TAIL : 0;
    int64_t got = input_file_read_at(file, start, tail, end - start);
    last = judge_last_page(tail, got > 0 ? (size_t)got : 0);
    free(tail);
    return last;
}

OggEnd end_of_ogg(InputFile *file) {
    return find_last_page(file).end;
}

/* Streams that belong together have their first pages at the start of the file. */
bool ogg_is_joined(InputFile *file) {
    unsigned char page[OGG_HEADER_SIZE + 255];
    uint32_t serial = find_last_page(file).serial;
    int64_t at = 0;
    for (;;) {
        int64_t got = input_file_read_at(file, at, page, sizeof(page));
        size_t size = got > 0 ? ogg_page_size(page, (size_t)got) : 0;
        if (size == 0 || !ogg_page_is_first(page))
            return at > 0;
        if (ogg_page_serial(page) == serial)
            return false;
        at += (int64_t)size;
    }
}

const char *doubt_of_ogg(OggEnd end) {
    return end == OGG_ENDS_WITHOUT_MARK ? "the stream has no end mark; it may have been longer"
                                        : NULL;
}
