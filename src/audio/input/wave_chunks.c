/* wave_chunks.c: walks the headers of chunks. */
#include "audio/input/wave_chunks.h"

#include <string.h>

#include "audio/input/byte_order.h"

/* How a family of files writes its chunk headers. */
typedef struct ChunkLayout {
    const char *data_id; /* first four bytes of the id of the chunk with the samples */
    int id_bytes;
    int size_bytes;
    bool big_endian;
    bool counts_header; /* a chunk's size includes its header */
    int alignment;
    int64_t whole; /* offset of the length of the whole file */
    int64_t first; /* offset of the first chunk */
} ChunkLayout;

static const ChunkLayout layout_riff = {"data", 4, 4, false, false, 2, 4, 12};
static const ChunkLayout layout_rifx = {"data", 4, 4, true, false, 2, 4, 12};
static const ChunkLayout layout_aiff = {"SSND", 4, 4, true, false, 2, 4, 12};
static const ChunkLayout layout_w64 = {"data", 16, 8, false, true, 8, 16, 40};

/* Files have a handful of chunks; a hostile one could have a million. */
#define MAX_CHUNKS 10000

/* Writers that cannot go back leave one of the values near 2^31 or 2^32, or of 64 bits near 2^63 or
 * 2^64. */
#define STAND_IN_FROM    0x7f000000
#define STAND_IN_FROM_64 (UINT64_C(1) << 47)

/* ---- The samples' length ---- */

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

/* In a stream a length near the maximum may be true. Only the values that programs are known to
 * write are stand-ins: the last ones below 2^32 and, by SoX, below 2^31. */
static bool is_stand_in(uint64_t declared) {
    return (declared >= 0xfffff000 && declared <= UINT32_MAX) ||
           (declared >= 0x7fff0000 && declared <= INT32_MAX) || declared >= STAND_IN_FROM_64;
}

/* Chunks that may stand behind the samples. */
#define MOST_BEHIND (1 << 20)

/* Whether a length is the last 32 bits of the true one, as simple writers leave it. */
static bool has_wrapped(uint64_t declared, uint64_t room) {
    return room > UINT32_MAX && declared <= UINT32_MAX &&
           ((room - declared) & UINT32_MAX) < MOST_BEHIND && room - declared > UINT32_MAX;
}

/* A length of 0 in a finished file means no samples; a writer that never came back to its header
 * has a length of the whole that ends at or before the data, too. */
static bool is_unfinished(InputFile *file, const ChunkLayout *layout, uint64_t declared,
                          int64_t data_offset) {
    unsigned char bytes[8];
    if (input_file_read_at(file, layout->whole, bytes, layout->size_bytes) != layout->size_bytes)
        return false;
    uint64_t whole = get_number(bytes, layout->size_bytes, layout->big_endian);
    uint64_t room = (uint64_t)(file->size - data_offset);
    bool more = file->size > data_offset;
    if (layout->size_bytes == 8)
        return declared >= STAND_IN_FROM_64 ||
               (more && declared == 0 &&
                (whole <= (uint64_t)data_offset || whole >= STAND_IN_FROM_64));
    if (file->stream && declared != 0)
        return is_stand_in(declared);
    if (has_wrapped(declared, room))
        return true;
    bool goes_on = declared >= 0xfffff000 && declared < room;
    return more &&
           (goes_on ||
            (declared == 0 && (whole + 8 <= (uint64_t)data_offset || whole + 8 >= STAND_IN_FROM)) ||
            (declared >= STAND_IN_FROM && declared > room));
}

static DataChunk describe_data(InputFile *file, const ChunkLayout *layout, int64_t header,
                               uint64_t size) {
    DataChunk chunk = {0};
    chunk.offset = header + layout->id_bytes + layout->size_bytes;
    int64_t held = file->size - chunk.offset;
    chunk.found = true;
    chunk.declared = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    chunk.held = held < chunk.declared ? held : chunk.declared;
    chunk.unfinished = is_unfinished(file, layout, size, chunk.offset);
    chunk.outgrown = chunk.unfinished && layout->size_bytes == 4 && held > UINT32_MAX;
    if (layout->size_bytes == 4)
        chunk.size_offset = header + layout->id_bytes;
    return chunk;
}

/* ---- The samples' coding ---- */

/* Bytes of a fmt chunk: a plain one, and one with WAVEFORMATEXTENSIBLE's fields. */
#define FMT_BYTES            16
#define FMT_EXTENSIBLE_BYTES 40
#define WAVE_EXTENSIBLE      0xfffe

static WaveFormat read_wave_format(InputFile *file, const ChunkLayout *layout, int64_t body,
                                   uint64_t size) {
    unsigned char fields[FMT_EXTENSIBLE_BYTES] = {0};
    int64_t want = size < sizeof(fields) ? (int64_t)size : (int64_t)sizeof(fields);
    WaveFormat wave = {0};
    if (want < FMT_BYTES || input_file_read_at(file, body, fields, want) != want)
        return wave;
    bool big = layout->big_endian;
    wave.found = true;
    wave.tag = (unsigned)get_number(fields, 2, big);
    wave.tag_offset = body;
    wave.channels = (int)get_number(fields + 2, 2, big);
    wave.block = (int)get_number(fields + 12, 2, big);
    wave.bits = (int)get_number(fields + 14, 2, big);
    if (wave.tag == WAVE_EXTENSIBLE && want == FMT_EXTENSIBLE_BYTES) {
        wave.extensible = true;
        wave.valid_bits = (int)get_number(fields + 18, 2, big);
        wave.mask = (unsigned)get_number(fields + 20, 4, big);
        wave.tag = (unsigned)get_number(fields + 24, 2, big);
    }
    return wave;
}

/* ---- The walk ---- */

/* What a walk over the chunks knows so far. */
typedef struct ChunkWalk {
    InputFile *file;
    const ChunkLayout *layout;
    bool is_64; /* RF64 or BW64 */
    uint64_t long_size;
    int64_t long_offset;
    WaveFormat wave;
} ChunkWalk;

static bool is_id(const unsigned char *id, const char *name) {
    return memcmp(id, name, 4) == 0;
}

/* Takes what a chunk before the samples says of them. */
static void walk_note(ChunkWalk *walk, const unsigned char *id, int64_t body, uint64_t size) {
    bool is_aiff = walk->layout == &layout_aiff;
    unsigned char ds64[16];
    unsigned char channels[2];
    if (walk->is_64 && is_id(id, "ds64") &&
        input_file_read_at(walk->file, body, ds64, sizeof(ds64)) == (int64_t)sizeof(ds64)) {
        walk->long_size = get_number(ds64 + 8, 8, false);
        walk->long_offset = body + 8;
    }
    if (is_id(id, "fmt ") && !is_aiff)
        walk->wave = read_wave_format(walk->file, walk->layout, body, size);
    if (is_id(id, "COMM") && is_aiff &&
        input_file_read_at(walk->file, body, channels, sizeof(channels)) ==
            (int64_t)sizeof(channels))
        walk->wave.channels = (int)get_number(channels, 2, true);
}

static DataChunk walk_end(const ChunkWalk *walk, int64_t offset, uint64_t size) {
    uint64_t true_size = walk->is_64 && size == UINT32_MAX ? walk->long_size : size;
    DataChunk chunk = describe_data(walk->file, walk->layout, offset, true_size);
    chunk.wave = walk->wave;
    chunk.long_offset = walk->long_offset;
    return chunk;
}

DataChunk data_chunk_find(InputFile *file) {
    DataChunk none = {0};
    ChunkWalk walk = {.file = file};
    walk.layout = layout_of(file, &walk.is_64);
    if (!walk.layout)
        return none;
    int64_t alignment = walk.layout->alignment;
    int64_t offset = walk.layout->first;
    for (int i = 0; i < MAX_CHUNKS; i++) {
        unsigned char id[16];
        uint64_t size;
        if (!read_chunk(file, walk.layout, offset, id, &size))
            return none;
        if (is_id(id, walk.layout->data_id))
            return walk_end(&walk, offset, size);
        int64_t body = offset + walk.layout->id_bytes + walk.layout->size_bytes;
        walk_note(&walk, id, body, size);
        if (size >= (uint64_t)(file->size - body))
            return none;
        int64_t padding = (alignment - (int64_t)(size % (uint64_t)alignment)) % alignment;
        offset = body + (int64_t)size + padding;
    }
    return none;
}

/* ---- Warnings ---- */

void chunk_warn_of_length(const DataChunk *chunk, const char *path, int64_t frames, int sample_rate,
                          const cleave_logger *log) {
    double seconds = (double)frames / sample_rate;
    double lost = chunk->held > 0 ? (double)frames * (double)(chunk->declared - chunk->held) /
                                        (double)chunk->held
                                  : 0.0;
    if (chunk->unfinished)
        log_write(log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": the header does not tell the length (the writer has not finished "
                              "it); reading the %.3f s that are there",
                  path, seconds);
    else if (lost >= 1.0)
        log_write(log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": the header promises %.3f s but the file holds %.3f s: cut short, "
                              "or still being written; reading what is there",
                  path, ((double)frames + lost) / sample_rate, seconds);
}
