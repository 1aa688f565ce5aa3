/* encode_wav.c: WAV by hand. libsndfile can write a plain header, or one that becomes RF64 where
 * the file outgrows 4 GB, but not both, and the second has a time stamp in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/encoder.h"

#define FORMAT_PCM   1
#define FORMAT_FLOAT 3

typedef struct WavEncoder {
    Encoder base;
    OutputFile *file;
    AudioWriterSettings settings;
    int64_t data_bytes;
    size_t header_bytes;
    unsigned char *packed; /* one block as the file has it */
} WavEncoder;

/* ---- The header ---- */

static unsigned char *put_number(unsigned char *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
    return at + bytes;
}

static unsigned char *put_id(unsigned char *at, const char id[4]) {
    memcpy(at, id, 4);
    return at + 4;
}

static int frame_bytes(const AudioWriterSettings *settings) {
    return settings->channels * (int)settings->bits / 8;
}

/* The chunk after "WAVE": room kept free, which in a file beyond 4 GB holds the lengths in 64 bits
 * (EBU Tech 3306). */
#define DS64_BYTES 28

static unsigned char *put_ds64(unsigned char *at, bool is_64, uint64_t riff, uint64_t data,
                               uint64_t frames) {
    at = put_number(put_id(at, is_64 ? "ds64" : "JUNK"), DS64_BYTES, 4);
    memset(at, 0, DS64_BYTES);
    if (is_64)
        put_number(put_number(put_number(at, riff, 8), data, 8), frames, 8);
    return at + DS64_BYTES;
}

static unsigned char *put_format(unsigned char *at, const AudioWriterSettings *settings) {
    bool is_float = settings->bits == CLEAVE_BITS_FLOAT;
    uint64_t frame = (uint64_t)frame_bytes(settings);
    at = put_number(put_id(at, "fmt "), is_float ? 18 : 16, 4);
    at = put_number(at, is_float ? FORMAT_FLOAT : FORMAT_PCM, 2);
    at = put_number(at, (uint64_t)settings->channels, 2);
    at = put_number(at, (uint64_t)settings->sample_rate, 4);
    at = put_number(at, frame * (uint64_t)settings->sample_rate, 4);
    at = put_number(at, frame, 2);
    at = put_number(at, (uint64_t)settings->bits, 2);
    return is_float ? put_number(at, 0, 2) : at;
}

size_t wav_header(unsigned char header[WAV_HEADER_CAPACITY], const AudioWriterSettings *settings,
                  int64_t data_bytes) {
    bool is_float = settings->bits == CLEAVE_BITS_FLOAT;
    size_t size = 12 + 8 + DS64_BYTES + (is_float ? 26 + 12 : 24) + 8;
    uint64_t data = (uint64_t)data_bytes;
    uint64_t riff = (uint64_t)size - 8 + data + (data & 1);
    uint64_t frames = data / (uint64_t)frame_bytes(settings);
    bool is_64 = riff > UINT32_MAX;
    unsigned char *at =
        put_number(put_id(header, is_64 ? "RF64" : "RIFF"), is_64 ? UINT32_MAX : riff, 4);
    at = put_ds64(put_id(at, "WAVE"), is_64, riff, data, frames);
    at = put_format(at, settings);
    if (is_float)
        at = put_number(put_number(put_id(at, "fact"), 4, 4), is_64 ? UINT32_MAX : frames, 4);
    put_number(put_id(at, "data"), is_64 ? UINT32_MAX : data, 4);
    return size;
}

/* ---- The encoder ---- */

static void write_header(WavEncoder *wav) {
    unsigned char header[WAV_HEADER_CAPACITY];
    wav->header_bytes = wav_header(header, &wav->settings, wav->data_bytes);
    output_file_seek(wav->file, 0, SEEK_SET);
    output_file_write(wav->file, header, (int64_t)wav->header_bytes);
}

/* The high bytes of each 32-bit word, low byte first; a float is all four bytes of its own word. */
static void pack(unsigned char *packed, const void *samples, size_t count, int bytes) {
    const unsigned char *from = samples;
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, from + i * sizeof(word), sizeof(word));
        packed = put_number(packed, word >> (32 - 8 * bytes), bytes);
    }
}

static cleave_status wav_write(Encoder *encoder, const void *samples, int64_t frames,
                               cleave_error *error) {
    WavEncoder *wav = (WavEncoder *)encoder;
    size_t count = (size_t)frames * (size_t)wav->settings.channels;
    int64_t bytes = frames * frame_bytes(&wav->settings);
    pack(wav->packed, samples, count, (int)wav->settings.bits / 8);
    output_file_write(wav->file, wav->packed, bytes);
    wav->data_bytes += bytes;
    return output_file_check(wav->file, error);
}

static cleave_status wav_finish(Encoder *encoder, cleave_error *error) {
    WavEncoder *wav = (WavEncoder *)encoder;
    if (wav->data_bytes & 1)
        output_file_write(wav->file, "", 1);
    write_header(wav);
    return output_file_check(wav->file, error);
}

static void wav_close(Encoder *encoder) {
    WavEncoder *wav = (WavEncoder *)encoder;
    free(wav->packed);
    free(wav);
}

cleave_status encoder_open_wav(Encoder **encoder, OutputFile *file,
                               const AudioWriterSettings *settings, cleave_error *error) {
    *encoder = NULL;
    WavEncoder *wav = calloc(1, sizeof(*wav));
    size_t bytes = (size_t)frame_bytes(settings) * ENCODER_BLOCK_FRAMES;
    unsigned char *packed = malloc(bytes);
    if (!wav || !packed) {
        free(wav);
        free(packed);
        return error_memory(error, "an encoder", bytes);
    }
    wav->base = (Encoder){wav_write, wav_finish, wav_close};
    wav->file = file;
    wav->settings = *settings;
    wav->packed = packed;
    write_header(wav);
    cleave_status status = output_file_check(file, error);
    if (status != CLEAVE_OK) {
        wav_close(&wav->base);
        return status;
    }
    *encoder = &wav->base;
    return CLEAVE_OK;
}
