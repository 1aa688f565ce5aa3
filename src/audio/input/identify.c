/* identify.c: a table of magic numbers, and a guess at text. */
#include "audio/input/identify.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "audio/input/metadata_tags.h"

#define HEAD_SIZE 512

typedef struct Magic {
    size_t offset;
    const char *bytes;
    size_t size;
    FileLook look;
} Magic;

#define LOOK(offset, bytes, kind, name, flows) \
    {                                          \
        offset, bytes, sizeof(bytes) - 1, {    \
            kind, name, flows                  \
        }                                      \
    }
#define MAGIC(offset, bytes, kind, name) LOOK(offset, bytes, kind, name, false)
#define FLOWS(offset, bytes, kind, name) LOOK(offset, bytes, kind, name, true)

static const Magic magics[] = {
    MAGIC(0, "RIFX", FILE_AUDIO, "a WAV file"), /* FFmpeg reads its samples as little-endian */
    FLOWS(8, "WAVE", FILE_AUDIO, "a WAV file"),
    MAGIC(8, "AIFF", FILE_AUDIO, "an AIFF file"),
    MAGIC(8, "AIFC", FILE_AUDIO, "an AIFF file"),
    MAGIC(8, "8SVX", FILE_ENCODED_AUDIO, "an 8SVX file"),
    MAGIC(8, "16SV", FILE_ENCODED_AUDIO, "a 16SV file"),
    MAGIC(8, "AVI ", FILE_FFMPEG_AUDIO, "an AVI file"),
    MAGIC(0, "RIFF", FILE_AUDIO, "a WAV file"),
    MAGIC(0, "RF64", FILE_AUDIO, "a WAV file"),
    FLOWS(0, "fLaC", FILE_ENCODED_AUDIO, "a FLAC file"),
    MAGIC(0, "OggS", FILE_ENCODED_AUDIO, "an Ogg file"),
    MAGIC(0, "caff", FILE_ENCODED_AUDIO, "a CAF file"),
    MAGIC(0, "riff\x2e\x91\xcf\x11", FILE_AUDIO, "a W64 file"),
    MAGIC(0, ".snd", FILE_AUDIO, "an AU file"),
    MAGIC(0, "Creative Voice File\x1a", FILE_ENCODED_AUDIO, "a VOC file"),
    MAGIC(0, "ID3", FILE_ENCODED_AUDIO, "an MP3 file"),
    MAGIC(4, "ftyp", FILE_FFMPEG_AUDIO, "an MP4 or M4A file"),
    MAGIC(4, "moov", FILE_FFMPEG_AUDIO, "an MP4 or MOV file"),
    MAGIC(4, "mdat", FILE_FFMPEG_AUDIO, "an MP4 or MOV file"),
    FLOWS(0, "\x1a\x45\xdf\xa3", FILE_FFMPEG_AUDIO, "a WebM or Matroska file"),
    MAGIC(0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", FILE_FFMPEG_AUDIO, "a WMA or ASF file"),
    MAGIC(0, "wvpk", FILE_FFMPEG_AUDIO, "a WavPack file"),
    MAGIC(0, "MAC ", FILE_FFMPEG_AUDIO, "a Monkey's Audio file"),
    MAGIC(0, "TTA1", FILE_FFMPEG_AUDIO, "a TTA file"),
    MAGIC(0, "MPCK", FILE_FFMPEG_AUDIO, "a Musepack file"),
    MAGIC(0, "MP+", FILE_FFMPEG_AUDIO, "a Musepack file"),
    MAGIC(0, "DSD ", FILE_FFMPEG_AUDIO, "a DSD file"),
    MAGIC(0, "FRM8", FILE_FFMPEG_AUDIO, "a DSD file"),
    MAGIC(0, "#!AMR", FILE_FFMPEG_AUDIO, "an AMR file"),
    MAGIC(0, "\x0b\x77", FILE_FFMPEG_AUDIO, "an AC-3 file"),
    MAGIC(0, "\x7f\xfe\x80\x01", FILE_FFMPEG_AUDIO, "a DTS file"),
    MAGIC(0, "FLV", FILE_FFMPEG_AUDIO, "an FLV file"),
    MAGIC(0, "PK\x03\x04", FILE_NOT_AUDIO, "a ZIP archive"),
    MAGIC(0, "\x1f\x8b", FILE_NOT_AUDIO, "a gzip archive"),
    MAGIC(0, "Rar!", FILE_NOT_AUDIO, "a RAR archive"),
    MAGIC(0, "7z\xbc\xaf", FILE_NOT_AUDIO, "a 7-Zip archive"),
    MAGIC(0, "%PDF", FILE_NOT_AUDIO, "a PDF document"),
    MAGIC(0, "\x89PNG", FILE_NOT_AUDIO, "a PNG picture"),
    MAGIC(0, "\xff\xd8\xff", FILE_NOT_AUDIO, "a JPEG picture"),
    MAGIC(0, "GIF8", FILE_NOT_AUDIO, "a GIF picture"),
    MAGIC(0,
          "\x7f"
          "ELF",
          FILE_NOT_AUDIO, "a program"),
};

static const FileLook unknown = {FILE_UNKNOWN, "", false};

/* The 11 sync bits of an MPEG audio frame, then version, layer, bit rate and sample rate, each with
 * a value that is not allowed. Layer 0 in that place is ADTS, AAC's own framing. */
static FileLook identify_frame_sync(const unsigned char *head, size_t size) {
    if (size < 4 || head[0] != 0xff || (head[1] & 0xe0) != 0xe0)
        return unknown;
    int version = head[1] >> 3 & 3;
    int layer = head[1] >> 1 & 3;
    if (layer == 0 && (head[1] & 0xf0) == 0xf0)
        return (FileLook){FILE_FFMPEG_AUDIO, "an AAC file", true};
    bool plausible = version != 1 && layer != 0 && head[2] >> 4 != 15 && (head[2] >> 2 & 3) != 3;
    return plausible ? (FileLook){FILE_ENCODED_AUDIO, "an MP3 file", false} : unknown;
}

static bool begins_with_tag(const char *text, size_t size, const char *tag) {
    size_t length = strlen(tag);
    return size >= length && strncasecmp(text, tag, length) == 0;
}

/* Printable ASCII, white space and the bytes of UTF-8; zeros never occur in text. */
static bool is_text(const unsigned char *head, size_t size) {
    for (size_t i = 0; i < size; i++) {
        bool space = head[i] >= '\t' && head[i] <= '\r';
        if (head[i] == 0x7f || (head[i] < 0x20 && !space))
            return false;
    }
    return true;
}

static FileLook identify_text(const unsigned char *head, size_t size) {
    if (!is_text(head, size))
        return unknown;
    const char *text = (const char *)head;
    size_t skip = 0;
    while (skip < size && (head[skip] <= ' ' || head[skip] >= 0x80))
        skip++;
    text += skip;
    size -= skip;
    if (begins_with_tag(text, size, "<!doctype") || begins_with_tag(text, size, "<html"))
        return (FileLook){FILE_NOT_AUDIO, "a web page (HTML)", false};
    if (begins_with_tag(text, size, "version https://git-lfs"))
        return (FileLook){FILE_NOT_AUDIO, "a Git LFS pointer, not the file that it stands for",
                          false};
    if (begins_with_tag(text, size, "<?xml"))
        return (FileLook){FILE_NOT_AUDIO, "an XML file", false};
    return (FileLook){FILE_NOT_AUDIO, "text", false};
}

static bool is_zero(const unsigned char *head, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (head[i] != 0)
            return false;
    return true;
}

static bool matches(const Magic *magic, const unsigned char *head, size_t size) {
    return size >= magic->offset + magic->size &&
           memcmp(head + magic->offset, magic->bytes, magic->size) == 0;
}

static FileLook identify_bytes(const unsigned char *head, size_t size) {
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
        if (matches(&magics[i], head, size))
            return magics[i].look;
    if (is_zero(head, size))
        return (FileLook){FILE_NOT_AUDIO, "nothing but zeros", false};
    FileLook look = identify_frame_sync(head, size);
    return look.kind != FILE_UNKNOWN ? look : identify_text(head, size);
}

/* What follows an ID3v2 tag: mostly MP3, but some programs put one before any format. */
static FileLook identify_tagged(InputFile *file, FileLook otherwise) {
    unsigned char head[HEAD_SIZE];
    int64_t got = input_file_read_at(file, tags_before(file), head, HEAD_SIZE);
    FileLook look = got > 0 ? identify_bytes(head, (size_t)got) : unknown;
    look.flows = false;
    return look.kind == FILE_UNKNOWN || look.kind == FILE_NOT_AUDIO ? otherwise : look;
}

FileLook file_identify(InputFile *file) {
    unsigned char head[HEAD_SIZE];
    int64_t got = input_file_read_at(file, 0, head, HEAD_SIZE);
    if (got <= 0)
        return unknown;
    FileLook look = identify_bytes(head, (size_t)got);
    return tags_before(file) > 0 ? identify_tagged(file, look) : look;
}
