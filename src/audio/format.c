/* format.c: the formats that stems are written in: what they are called, what they hold, and
 * whether this build has them. How they are encoded is in encoder.c. */
#include <stdio.h>
#include <string.h>

#include "audio/audio.h"
#include "audio/encoder.h"
#include "base/public_struct.h"
#include "cleave/extra.h"

typedef enum Kind {
    KIND_PCM,      /* 16, 24 or float, which is the usual */
    KIND_LOSSLESS, /* 16, or 24, which is the usual */
    KIND_LOSSY     /* no depth */
} Kind;

typedef struct Format {
    const char *name;
    const char *title;
    const char *extension;
    Kind kind;
    bool streams; /* can be written front to back */
} Format;

static const Format formats[CLEAVE_FORMATS] = {
    [CLEAVE_FORMAT_WAV] = {"wav", "WAV", "wav", KIND_PCM, true},
    [CLEAVE_FORMAT_FLAC] = {"flac", "FLAC", "flac", KIND_LOSSLESS, false},
    [CLEAVE_FORMAT_AIFF] = {"aiff", "AIFF", "aiff", KIND_PCM, false},
    [CLEAVE_FORMAT_OGG] = {"ogg", "Ogg Vorbis", "ogg", KIND_LOSSY, false},
    [CLEAVE_FORMAT_MP3] = {"mp3", "MP3", "mp3", KIND_LOSSY, false},
    [CLEAVE_FORMAT_RAW] = {"raw", "raw samples", "raw", KIND_PCM, true},
    [CLEAVE_FORMAT_OPUS] = {"opus", "Opus", "opus", KIND_LOSSY, false},
    [CLEAVE_FORMAT_M4A] = {"m4a", "AAC in M4A", "m4a", KIND_LOSSY, false},
    [CLEAVE_FORMAT_ALAC] = {"alac", "Apple Lossless in M4A", "m4a", KIND_LOSSLESS, false},
};

static bool is_known(cleave_format format) {
    return (int)format >= 0 && (int)format < CLEAVE_FORMATS;
}

const char *audio_format_name(cleave_format format) {
    return formats[is_known(format) ? format : CLEAVE_FORMAT_WAV].name;
}

const char *audio_format_extension(cleave_format format) {
    return formats[is_known(format) ? format : CLEAVE_FORMAT_WAV].extension;
}

int audio_format_rate(cleave_format format, int rate) {
    static const int opus_rates[] = {8000, 12000, 16000, 24000, 48000};
    size_t i = 0;
    if (format != CLEAVE_FORMAT_OPUS)
        return rate;
    while (i < 4 && opus_rates[i] < rate)
        i++;
    return opus_rates[i];
}

static const char *bits_name(cleave_bits bits) {
    switch (bits) {
    case CLEAVE_BITS_AUTO:
        return "auto";
    case CLEAVE_BITS_16:
        return "16";
    case CLEAVE_BITS_24:
        return "24";
    case CLEAVE_BITS_FLOAT:
        return "float";
    }
    return "unknown";
}

static cleave_status unfit(cleave_format format, cleave_bits bits, const char *why,
                           cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot write %s: bit depth %s: %s",
                     audio_format_name(format), bits_name(bits), why);
}

static cleave_status refuse_format(cleave_format format, cleave_error *error) {
    char names[128] = "";
    for (int i = 0; i < CLEAVE_FORMATS; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%s", formats[i].name,
                 i + 2 < CLEAVE_FORMATS   ? ", "
                 : i + 1 < CLEAVE_FORMATS ? " or "
                                          : "");
    }
    return error_set(error, CLEAVE_ERROR_ARGUMENT,
                     "cannot write audio: format number %d: there is none; choose %s", (int)format,
                     names);
}

static cleave_bits default_bits(Kind kind) {
    return kind == KIND_PCM        ? CLEAVE_BITS_FLOAT
           : kind == KIND_LOSSLESS ? CLEAVE_BITS_24
                                   : CLEAVE_BITS_AUTO;
}

cleave_status audio_writer_bits(cleave_format format, cleave_bits bits, cleave_bits *chosen,
                                cleave_error *error) {
    error_clear(error);
    bool known = bits == CLEAVE_BITS_AUTO || bits == CLEAVE_BITS_16 || bits == CLEAVE_BITS_24 ||
                 bits == CLEAVE_BITS_FLOAT;
    if (!is_known(format))
        return refuse_format(format, error);
    if (!known)
        return unfit(format, bits, "there is no such depth; choose 16, 24 or float", error);
    Kind kind = formats[format].kind;
    if (kind == KIND_LOSSLESS && bits == CLEAVE_BITS_FLOAT)
        return unfit(format, bits, "it holds integers only; choose 16 or 24, or WAV", error);
    if (kind == KIND_LOSSY && bits != CLEAVE_BITS_AUTO)
        return unfit(format, bits, "a lossy format has none; leave the depth out", error);
    *chosen = bits != CLEAVE_BITS_AUTO ? bits : default_bits(kind);
    return CLEAVE_OK;
}

cleave_status audio_format_check(cleave_format format, cleave_error *error) {
    if (!is_known(format))
        return refuse_format(format, error);
    const char *lack = encoder_lacks(format);
    if (!lack)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot write %s: %s; or choose %s",
                     formats[format].name, lack,
                     formats[format].kind == KIND_LOSSY ? "ogg" : "flac");
}

cleave_status audio_writer_can_stream(cleave_format format, cleave_error *error) {
    if (is_known(format) && formats[format].streams)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_ARGUMENT,
                     "cannot write %s to standard output: only wav and raw can be written in one "
                     "go; choose one of them, or let ffmpeg make %s of it",
                     audio_format_name(format), audio_format_name(format));
}

/* ---- For callers ---- */

int cleave_format_list_sized(cleave_format_info *list, int capacity, size_t format_size) {
    for (int i = 0; i < capacity && i < CLEAVE_FORMATS; i++) {
        const Format *format = &formats[i];
        const char *lack = encoder_lacks((cleave_format)i);
        cleave_format_info info = {.format = (cleave_format)i,
                                   .name = format->name,
                                   .title = format->title,
                                   .extension = format->extension,
                                   .default_bits = default_bits(format->kind),
                                   .floats = format->kind == KIND_PCM,
                                   .streams = format->streams,
                                   .available = !lack};
        snprintf(info.reason, sizeof(info.reason), "%s", lack ? lack : "");
        struct_give_item(list, i, format_size, &info, sizeof(info));
    }
    return CLEAVE_FORMATS;
}
