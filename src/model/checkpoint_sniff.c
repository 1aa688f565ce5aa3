/* checkpoint_sniff.c: what a file looks like by its first bytes: one of the three containers, or
 * something else that deserves a good word. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "model/checkpoint_private.h"

static bool starts_with(const unsigned char *data, size_t size, const char *start, size_t length) {
    return size >= length && memcmp(data, start, length) == 0;
}

/* The number 0x1950a86a20f9469cfc6c as a pickle of any protocol, which begins an old torch.save. */
static bool is_stream(const unsigned char *data, size_t size) {
    static const char as_binary[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    static const char as_text[] = "L119547037146038801333356L\n.";
    if (starts_with(data, size, as_text, strlen(as_text)))
        return true;
    if (size < 11 || data[0] != 0x80)
        return false;
    size_t start = data[2] == 0x95 ? 11 : 2; /* protocols from 4 on put a frame around it */
    return start < size && starts_with(data + start, size - start, as_binary, strlen(as_binary));
}

/* 8 bytes of length, then the brace of a JSON object. */
static bool is_safetensors(const unsigned char *data, size_t size) {
    return size > 8 && data[8] == '{' && data[5] == 0 && data[6] == 0 && data[7] == 0;
}

CheckpointForm checkpoint_form(const unsigned char *data, size_t size) {
    if (starts_with(data, size, "PK\x03\x04", 4))
        return FORM_ZIP;
    if (is_stream(data, size))
        return FORM_STREAM;
    return is_safetensors(data, size) ? FORM_SAFETENSORS : FORM_FOREIGN;
}

/* ---- Everything else ---- */

typedef struct Signature {
    size_t offset;
    const char *bytes;
    size_t length;
    const char *what;
} Signature;

static const Signature signatures[] = {
    {0, "version https://git-lfs", 23,
     "a Git LFS pointer, not the file itself; fetch it with 'git lfs pull' or from its web page"},
    {0, "\x1f\x8b", 2, "a gzip archive; unpack it first"},
    {0, "BZh", 3, "a bzip2 archive; unpack it first"},
    {0,
     "\xfd"
     "7zXZ",
     5, "an xz archive; unpack it first"},
    {0, "\x28\xb5\x2f\xfd", 4, "a zstd archive; unpack it first"},
    {0, "7z\xbc\xaf", 4, "a 7-Zip archive; unpack it first"},
    {0, "Rar!", 4, "a RAR archive; unpack it first"},
    {257, "ustar", 5, "a tar archive; unpack it first"},
    {0, "PK\x05\x06", 4, "an empty ZIP; download it again"},
    {0, "\x89HDF", 4, "an HDF5 file, which cleave does not read; give the PyTorch checkpoint"},
    {0, "\x93NUMPY", 6, "a NumPy array, not a checkpoint; give the PyTorch checkpoint"},
    {0, "GGUF", 4, "a GGUF file, which cleave does not read; give the PyTorch checkpoint"},
    {0, "RIFF", 4, "a WAV file, not a checkpoint; audio goes in as an input, not as the model"},
    {0, "fLaC", 4, "a FLAC file, not a checkpoint; audio goes in as an input, not as the model"},
    {0, "ID3", 3, "an MP3 file, not a checkpoint; audio goes in as an input, not as the model"},
    {0, "OggS", 4, "an Ogg file, not a checkpoint; audio goes in as an input, not as the model"},
    {0, "%PDF", 4, "a PDF, not a checkpoint"},
    {0, "\x89PNG", 4, "a picture, not a checkpoint"},
};

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

/* Case-blind search for a word in the first kilobyte. */
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

static const char *describe_text(const unsigned char *data, size_t size) {
    if (contains(data, size, "<html") || contains(data, size, "<!doctype"))
        return "a web page, which a server sent in place of the file; open its address in a "
               "browser and download the file itself";
    if (contains(data, size, "audio:") || contains(data, size, "model:"))
        return "a YAML configuration, not a checkpoint; give it with -c and the checkpoint as the "
               "model";
    return "text, not a checkpoint; give a .ckpt, .pth, .pt, .th or .safetensors file";
}

static const char *describe(const unsigned char *data, size_t size) {
    if (size == 0)
        return "empty; download it again";
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        const Signature *s = &signatures[i];
        if (size > s->offset &&
            starts_with(data + s->offset, size - s->offset, s->bytes, s->length))
            return s->what;
    }
    if (is_text(data, size))
        return describe_text(data, size);
    if (is_zero(data, size))
        return "zeros from its first byte on: a download that was broken off; download it again";
    if (is_onnx(data, size))
        return "an ONNX model, which cleave does not read; give the PyTorch checkpoint that it was "
               "made from";
    if (data[0] == 0x80 && size > 1 && data[1] <= 5)
        return "a Python pickle, but not one of torch.save; save the network with "
               "torch.save(model.state_dict(), …)";
    return "no checkpoint that cleave knows, or a damaged or incomplete one; give a .ckpt, .pth, "
           ".pt, .th or .safetensors file";
}

cleave_status checkpoint_refuse_foreign(const unsigned char *data, size_t size, const char *source,
                                        cleave_error *error) {
    const char *what = describe(data, size);
    bool is_empty = size == 0;
    return error_set(error, CLEAVE_ERROR_MODEL, PATH_FORMAT ": %s%s", source,
                     is_empty ? "the file is " : "this is ", what);
}
