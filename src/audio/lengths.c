/* lengths.c: walks chunk headers and looks into stream headers. See lengths.h. */
#include "audio/lengths.h"

#include <stdlib.h>
#include <string.h>

#include "audio/ogg.h"

/* ---- Chunked files ---- */

/* How a family of files writes its chunk headers. */
typedef struct ChunkLayout {
    const char *data_id; /* first four bytes of the id of the chunk with the samples */
    int id_bytes;
    int size_bytes;
    bool big_endian;
    bool counts_header; /* a chunk's size includes its header */
    int alignment;
    int64_t first; /* offset of the first chunk */
} ChunkLayout;

static const ChunkLayout layout_riff = {"data", 4, 4, false, false, 2, 12};
static const ChunkLayout layout_rifx = {"data", 4, 4, true, false, 2, 12};
static const ChunkLayout layout_aiff = {"SSND", 4, 4, true, false, 2, 12};
static const ChunkLayout layout_w64 = {"data", 16, 8, false, true, 8, 40};

/* Files have a handful of chunks; a hostile one could have a million. */
#define MAX_CHUNKS 10000

/* Writers that cannot go back leave one of the values near 2^31 or 2^32. */
#define STAND_IN_FROM 0x7f000000

static uint64_t get_number(const unsigned char *bytes, int count, bool big_endian) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[big_endian ? i : count - 1 - i];
    return value;
}

static const ChunkLayout *layout_of(InputFile *file, bool *is_64) {
    unsigned char head[12];
    if (input_file_read_at(file, 0, head, sizeof(head)) != (int64_t)sizeof(head))
        return NULL;
    *is_64 = memcmp(head, "RF64", 4) == 0 || memcmp(head, "BW64", 4) == 0;
    bool is_wave = memcmp(head + 8, "WAVE", 4) == 0;
    if (is_wave && (memcmp(head, "RIFF", 4) == 0 || *is_64))
        return &layout_riff;
    if (is_wave && memcmp(head, "RIFX", 4) == 0)
        return &layout_rifx;
    if (memcmp(head, "FORM", 4) == 0 && memcmp(head + 8, "AIF", 3) == 0)
        return &layout_aiff;
    if (memcmp(head, "riff", 4) == 0)
        return &layout_w64;
    return NULL;
}

/* The header of one chunk; false where the file has none there. */
static bool read_chunk(InputFile *file, const ChunkLayout *layout, int64_t offset,
                       unsigned char id[16], uint64_t *size) {
    unsigned char header[24];
    int bytes = layout->id_bytes + layout->size_bytes;
    if (input_file_read_at(file, offset, header, bytes) != bytes)
        return false;
    memcpy(id, header, (size_t)layout->id_bytes);
    *size = get_number(header + layout->id_bytes, layout->size_bytes, layout->big_endian);
    if (layout->counts_header)
        *size = *size > (uint64_t)bytes ? *size - (uint64_t)bytes : 0;
    return true;
}

/* Of a stream nobody knows whether a length near the maximum is true: only those are stand-ins that
 * programs are known to write, the last ones below 2^32 and, of SoX, below 2^31. */
static bool is_stand_in(uint64_t declared) {
    return (declared >= 0xfffff000 && declared <= UINT32_MAX) ||
           (declared >= 0x7fff0000 && declared <= INT32_MAX) || declared > INT64_MAX;
}

/* A length of 0 in a finished file means no samples; a writer that never came back to its header
 * has a RIFF length that ends at or before the data, too. */
static bool is_unfinished(InputFile *file, const ChunkLayout *layout, uint64_t declared,
                          int64_t data_offset) {
    if (layout->size_bytes != 4)
        return false;
    unsigned char bytes[4];
    if (input_file_read_at(file, 4, bytes, 4) != 4)
        return false;
    int64_t whole = (int64_t)get_number(bytes, 4, layout->big_endian) + 8;
    bool more = file->size > data_offset;
    if (file->stream && declared != 0)
        return is_stand_in(declared);
    bool goes_on = declared >= 0xfffff000 && declared < (uint64_t)(file->size - data_offset);
    return more &&
           (goes_on || (declared == 0 && (whole <= data_offset || whole >= STAND_IN_FROM)) ||
            (declared >= STAND_IN_FROM && declared > (uint64_t)(file->size - data_offset)));
}

static DataChunk describe_data(InputFile *file, const ChunkLayout *layout, int64_t header,
                               uint64_t size) {
    DataChunk chunk = {0};
    int64_t offset = header + layout->id_bytes + layout->size_bytes;
    int64_t held = file->size - offset;
    chunk.found = true;
    chunk.declared = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    chunk.held = held < chunk.declared ? held : chunk.declared;
    chunk.unfinished = is_unfinished(file, layout, size, offset);
    chunk.outgrown = chunk.unfinished && held > UINT32_MAX;
    if (layout->size_bytes == 4)
        chunk.size_offset = header + layout->id_bytes;
    return chunk;
}

DataChunk length_of_data_chunk(InputFile *file) {
    DataChunk none = {0};
    bool is_64 = false;
    const ChunkLayout *layout = layout_of(file, &is_64);
    if (!layout)
        return none;
    uint64_t long_size = 0;
    int64_t offset = layout->first;
    for (int i = 0; i < MAX_CHUNKS; i++) {
        unsigned char id[16];
        uint64_t size;
        if (!read_chunk(file, layout, offset, id, &size))
            return none;
        int64_t body = offset + layout->id_bytes + layout->size_bytes;
        unsigned char ds64[16];
        if (is_64 && memcmp(id, "ds64", 4) == 0 &&
            input_file_read_at(file, body, ds64, sizeof(ds64)) == (int64_t)sizeof(ds64))
            long_size = get_number(ds64 + 8, 8, false);
        if (memcmp(id, layout->data_id, 4) == 0)
            return describe_data(file, layout, offset,
                                 is_64 && size == UINT32_MAX ? long_size : size);
        uint64_t room = (uint64_t)(file->size - body);
        if (size >= room)
            return none;
        int64_t padding =
            (layout->alignment - (int64_t)(size % (uint64_t)layout->alignment)) % layout->alignment;
        offset = body + (int64_t)size + padding;
    }
    return none;
}

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

/* ---- MP3 ---- */

/* Size of the ID3v2 tag at the start of a file; its length has 7 bits a byte. */
static int64_t id3_size(InputFile *file) {
    unsigned char head[10];
    if (input_file_read_at(file, 0, head, sizeof(head)) != (int64_t)sizeof(head) ||
        memcmp(head, "ID3", 3) != 0)
        return 0;
    int64_t size = 0;
    for (int i = 6; i < 10; i++)
        size = size << 7 | (head[i] & 0x7f);
    return size + (int64_t)sizeof(head);
}

/* Where the Xing or Info header stands in the file; negative where there is none. */
static int64_t xing_offset(InputFile *file) {
    unsigned char frame[4096];
    int64_t start = id3_size(file);
    int64_t got = input_file_read_at(file, start, frame, sizeof(frame));
    for (int64_t i = 0; i + 4 <= got; i++)
        if (memcmp(frame + i, "Xing", 4) == 0 || memcmp(frame + i, "Info", 4) == 0)
            return start + i;
    return -1;
}

bool length_of_mp3_is_exact(InputFile *file) {
    return xing_offset(file) >= 0;
}

/* After its name the header has flags: 1 for the number of frames and 2 for the number of bytes,
 * its own frame included, which follow in this order. */
bool length_of_mp3_is_held(InputFile *file) {
    unsigned char header[16];
    int64_t offset = xing_offset(file);
    if (offset < 0 ||
        input_file_read_at(file, offset, header, sizeof(header)) != (int64_t)sizeof(header))
        return false;
    uint64_t flags = get_number(header + 4, 4, true);
    if ((flags & 2) == 0)
        return false;
    uint64_t bytes = get_number(header + 8 + ((flags & 1) != 0 ? 4 : 0), 4, true);
    return bytes > 0 && (int64_t)bytes <= file->size - id3_size(file);
}

/* ---- Ogg ---- */

/* Of the pages in the last bytes of a file, the last. */
static OggEnd judge_last_page(const unsigned char *tail, size_t size) {
    size_t at = 0;
    OggEnd end = OGG_ENDS_WITHIN_PAGE;
    while (at < size) {
        size_t page = ogg_page_size(tail + at, size - at);
        if (page > size - at)
            return OGG_ENDS_WITHIN_PAGE;
        if (page > 0)
            end = ogg_page_is_last(tail + at) ? OGG_ENDS_WHOLE : OGG_ENDS_WITHOUT_MARK;
        at += page > 0 ? page : 1;
    }
    return end;
}

OggEnd end_of_ogg(InputFile *file) {
    int64_t capacity = 2 * (int64_t)OGG_MAX_PAGE;
    unsigned char *tail = malloc((size_t)capacity);
    if (!tail)
        return OGG_ENDS_WITHOUT_MARK;
    int64_t start = file->size > capacity ? file->size - capacity : 0;
    int64_t got = input_file_read_at(file, start, tail, capacity);
    OggEnd end = judge_last_page(tail, got > 0 ? (size_t)got : 0);
    free(tail);
    return end;
}
