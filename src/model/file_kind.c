/* file_kind.c: the first bytes of many kinds of files, and text by its look. */
#include "model/file_kind.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "model/refuse.h"

#define NOT_CHECKPOINT ", not a checkpoint"
#define NOT_READ       ", which cleave does not read"

/* What follows "this is a …". */
#define UNPACK     "", "unpack it first"
#define AS_INPUT   NOT_CHECKPOINT, "audio goes in as an input, not as the model"
#define UNREADABLE NOT_READ, "give the PyTorch checkpoint"
#define NO_WEIGHTS NOT_CHECKPOINT, "give the PyTorch checkpoint"

typedef struct Signature {
    size_t offset;
    const char *bytes;
    size_t length;
    const char *what;
    const char *note;
    const char *advice;
} Signature;

static const Signature signatures[] = {
    {0, "version https://git-lfs", 23, "a Git LFS pointer, not the file itself", "",
     "fetch it with 'git lfs pull' or from its web page"},
    {0, "\x1f\x8b", 2, "a gzip archive", UNPACK},
    {0, "BZh", 3, "a bzip2 archive", UNPACK},
    {0,
     "\xfd"
     "7zXZ",
     5, "an xz archive", UNPACK},
    {0, "\x28\xb5\x2f\xfd", 4, "a zstd archive", UNPACK},
    {0, "7z\xbc\xaf", 4, "a 7-Zip archive", UNPACK},
    {0, "Rar!", 4, "a RAR archive", UNPACK},
    {257, "ustar", 5, "a tar archive", UNPACK},
    {0, "PK\x05\x06", 4, "an empty ZIP", "", ADVICE_DOWNLOAD},
    {0, "\x89HDF", 4, "an HDF5 file", UNREADABLE},
    {0, "\x93NUMPY", 6, "a NumPy array", NO_WEIGHTS},
    {0, "GGUF", 4, "a GGUF file", UNREADABLE},
    {4, "TFL3", 4, "a TensorFlow Lite model", UNREADABLE},
    {0, "RIFF", 4, "a WAV file", AS_INPUT},
    {0, "RF64", 4, "a WAV file", AS_INPUT},
    {0, "fLaC", 4, "a FLAC file", AS_INPUT},
    {0, "ID3", 3, "an MP3 file", AS_INPUT},
    {0, "\xff\xfb", 2, "an MP3 file", AS_INPUT},
    {0, "OggS", 4, "an Ogg file", AS_INPUT},
    {0, "FORM", 4, "an AIFF file", AS_INPUT},
    {0, "caff", 4, "a CAF file", AS_INPUT},
    {4, "ftyp", 4, "an MP4 or M4A file", AS_INPUT},
    {0, "\x1a\x45\xdf\xa3", 4, "a Matroska or WebM file", AS_INPUT},
    {0, "%PDF", 4, "a PDF", NO_WEIGHTS},
    {0, "\x89PNG", 4, "a picture (PNG)", NO_WEIGHTS},
    {0, "\xff\xd8\xff", 3, "a picture (JPEG)", NO_WEIGHTS},
    {0, "GIF8", 4, "a picture (GIF)", NO_WEIGHTS},
    {0,
     "\x7f"
     "ELF",
     4, "a program or a library", NO_WEIGHTS},
    {0, "SQLite format 3", 15, "a database (SQLite)", NO_WEIGHTS},
};

static bool has_bytes(const unsigned char *data, size_t size, const Signature *s) {
    return size >= s->offset && size - s->offset >= s->length &&
           memcmp(data + s->offset, s->bytes, s->length) == 0;
}

/* No control characters, and mostly ASCII. */
static bool is_text(const unsigned char *data, size_t size) {
    size_t seen = size_min(size, 512);
    size_t ascii = 0;
    for (size_t i = 0; i < seen; i++) {
        if (data[i] == 0 || (data[i] < 0x20 && !strchr("\t\n\r\f", data[i])))
            return false;
        ascii += data[i] < 0x80 ? 1 : 0;
    }
    return ascii > seen / 2;
}

/* Searches the first kilobyte for a word, ignoring case. */
static bool contains(const unsigned char *data, size_t size, const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= size_min(size, 1024); i++)
        if (strncasecmp((const char *)data + i, word, length) == 0)
            return true;
    return false;
}

static bool is_zero(const unsigned char *data, size_t size) {
    for (size_t i = 0; i < size_min(size, 4096); i++)
        if (data[i] != 0)
            return false;
    return true;
}

/* A protobuf message that begins with ONNX's ir_version and then a string or the graph. */
static bool is_onnx(const unsigned char *data, size_t size) {
    return size > 16 && data[0] == 0x08 && data[1] > 0 && data[1] < 0x20 &&
           (data[2] == 0x12 || data[2] == 0x1a || data[2] == 0x22 || data[2] == 0x3a);
}

static FileKind kind_of_text(const unsigned char *data, size_t size) {
    if (contains(data, size, "<html") || contains(data, size, "<!doctype"))
        return (FileKind){"a web page, which a server sent in place of the file", "",
                          "open its address in a browser and download the file itself", false};
    if (contains(data, size, "audio:") || contains(data, size, "model:"))
        return (FileKind){"a YAML configuration", NOT_CHECKPOINT,
                          "give it with -c and the checkpoint as the model", true};
    return (FileKind){"text", NOT_CHECKPOINT, ADVICE_FILES, true};
}

FileKind file_kind(const unsigned char *data, size_t size) {
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
        if (has_bytes(data, size, &signatures[i]))
            return (FileKind){signatures[i].what, signatures[i].note, signatures[i].advice, false};
    if (is_text(data, size))
        return kind_of_text(data, size);
    if (is_zero(data, size))
        return (FileKind){"zeros from its first byte on: a download that was broken off", "",
                          ADVICE_DOWNLOAD, false};
    if (is_onnx(data, size))
        return (FileKind){"an ONNX model", NOT_READ,
                          "give the PyTorch checkpoint that it was made from", false};
    if (size > 1 && data[0] == 0x80 && data[1] <= 5)
        return (FileKind){"a Python pickle", ", but not one of torch.save",
                          "give the checkpoint that it was unpacked from, or save the network with "
                          "torch.save(model.state_dict(), …)",
                          false};
    return (FileKind){NULL, NULL, NULL, false};
}
