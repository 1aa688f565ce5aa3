/* formats.c: the table of output formats, and what can be answered from it: names, depths, rates,
 * and whether this build can write a format. To add a format, add a row here and its number to
 * cleave_format in cleave.h; read/file_is_whole.c must know its container. */
#include "audio/formats.h"

#include <sndfile.h>
#include <stdio.h>
#include <string.h>
#ifdef HAVE_FFMPEG
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#endif

#include "audio/audio.h"
#include "base/public_struct.h"
#include "cleave/extra.h"

/* ---- The table ---- */

/* Encoders that came with later versions of libsndfile. Its constants are enumerators, which the
 * preprocessor cannot see. */
#ifdef HAVE_SNDFILE_MPEG
#define SNDFILE_MP3 (SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III)
#else
#define SNDFILE_MP3 0
#endif
#ifdef HAVE_SNDFILE_OPUS
#define SNDFILE_OPUS (SF_FORMAT_OGG | SF_FORMAT_OPUS)
#else
#define SNDFILE_OPUS 0
#endif

/* The lengths in AIFF and plain WAV files have 32 bits; some room is left for the header. */
#define MOST_32_BIT (INT64_C(0xffffffff) - 4096)

/* MPEG 1, 2 and 2.5. libsndfile checks too late, and then leaks its encoder. */
static const int mp3_rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 0};
static const int opus_rates[] = {8000, 12000, 16000, 24000, 48000, 0};
/* MPEG-4 audio. */
static const int aac_rates[] = {7350,  8000,  11025, 12000, 16000, 22050, 24000,
                                32000, 44100, 48000, 64000, 88200, 96000, 0};

static const OutputFormat formats[] = {
    [CLEAVE_FORMAT_WAV] = {.name = "wav",
                           .title = "WAV",
                           .extension = "wav",
                           .kind = FORMAT_PCM,
                           .streams = true,
                           .instead = "FLAC",
                           .most_bytes = MOST_32_BIT,
                           .size_text = "there is more than the input promised, and the WAV file "
                                        "that was begun cannot grow beyond 4 GB",
                           .sndfile = SF_FORMAT_WAV,
                           .sndfile_large = SF_FORMAT_RF64},
    [CLEAVE_FORMAT_FLAC] = {.name = "flac",
                            .title = "FLAC",
                            .extension = "flac",
                            .kind = FORMAT_LOSSLESS,
                            .instead = "WAV",
                            .sndfile = SF_FORMAT_FLAC,
                            .late_header = true},
    [CLEAVE_FORMAT_AIFF] = {.name = "aiff",
                            .title = "AIFF",
                            .extension = "aiff",
                            .kind = FORMAT_PCM,
                            .instead = "WAV",
                            .most_bytes = MOST_32_BIT,
                            .size_text = "an AIFF file cannot grow beyond 4 GB",
                            .sndfile = SF_FORMAT_AIFF},
    [CLEAVE_FORMAT_OGG] = {.name = "ogg",
                           .title = "Ogg Vorbis",
                           .extension = "ogg",
                           .kind = FORMAT_LOSSY,
                           .instead = "WAV",
                           .sndfile = SF_FORMAT_OGG | SF_FORMAT_VORBIS,
                           .quality = SFC_SET_VBR_ENCODING_QUALITY,
                           .quality_value = 0.8}, /* about 256 kbit/s for stereo at 44.1 kHz */
    [CLEAVE_FORMAT_MP3] = {.name = "mp3",
                           .title = "MP3",
                           .extension = "mp3",
                           .kind = FORMAT_LOSSY,
                           .instead = "WAV",
                           .rates = mp3_rates,
                           .rates_text = "MP3 ends at 48 kHz and has nine rates only, such as "
                                         "--rate 48000",
                           .sndfile = SNDFILE_MP3,
                           .quality = SFC_SET_COMPRESSION_LEVEL,
                           .quality_value = 0.0, /* the highest rate: 320 kbit/s at 44.1 kHz */
                           .constant_bit_rate = true,
                           .late_header = true},
    [CLEAVE_FORMAT_RAW] = {.name = "raw",
                           .title = "raw samples",
                           .extension = "raw",
                           .kind = FORMAT_PCM,
                           .streams = true,
                           .instead = "WAV",
                           .sndfile = SF_FORMAT_RAW | SF_ENDIAN_LITTLE},
    /* libsndfile's and not FFmpeg's: its files are as long as their input, to the sample. */
    [CLEAVE_FORMAT_OPUS] = {.name = "opus",
                            .title = "Opus",
                            .extension = "opus",
                            .kind = FORMAT_LOSSY,
                            .instead = "WAV",
                            .rates = opus_rates,
                            .rates_text = "it has 8, 12, 16, 24 and 48 kHz only",
                            .raises_rates = true,
                            .sndfile = SNDFILE_OPUS,
                            .quality = SFC_SET_COMPRESSION_LEVEL,
                            .quality_value = 0.5}, /* 0: 256 kbit/s for each channel; 1: 6 */
    /* "ipod" is MP4 under the brand that players of music know. */
    [CLEAVE_FORMAT_M4A] = {.name = "m4a",
                           .title = "AAC in M4A",
                           .extension = "m4a",
                           .kind = FORMAT_LOSSY,
                           .instead = "FLAC",
                           .rates = aac_rates,
                           .rates_text = "AAC has thirteen rates only, such as --rate 48000",
                           .most_channels = 2,
                           .muxer = "ipod",
                           .codec = "aac",
                           .bits_per_second = 128000}, /* near the limit of what can be heard */
    [CLEAVE_FORMAT_ALAC] = {.name = "alac",
                            .title = "Apple Lossless in M4A",
                            .extension = "m4a",
                            .kind = FORMAT_LOSSLESS,
                            .instead = "FLAC",
                            .most_channels = 2,
                            .muxer = "ipod",
                            .codec = "alac"},
};

_Static_assert(sizeof(formats) / sizeof(formats[0]) == CLEAVE_FORMATS, "one row for each format");

const OutputFormat *output_format(cleave_format format) {
    bool known = (int)format >= 0 && (int)format < CLEAVE_FORMATS;
    return known ? &formats[format] : NULL;
}

/* ---- Names and rates ---- */

static const OutputFormat *format_or_wav(cleave_format format) {
    const OutputFormat *found = output_format(format);
    return found ? found : &formats[CLEAVE_FORMAT_WAV];
}

const char *audio_format_name(cleave_format format) {
    return format_or_wav(format)->name;
}

const char *audio_format_extension(cleave_format format) {
    return format_or_wav(format)->extension;
}

bool output_format_has_rate(const OutputFormat *format, int rate) {
    const int *at = format->rates;
    while (at && *at != 0 && *at != rate)
        at++;
    return !at || *at == rate;
}

int audio_format_rate(cleave_format format, int rate) {
    const OutputFormat *found = format_or_wav(format);
    const int *at = found->rates;
    if (!found->raises_rates)
        return rate;
    while (at[1] != 0 && at[0] < rate)
        at++;
    return at[0];
}

/* "wav, flac or raw": the names of all formats, or of those that can be streamed. */
typedef struct FormatNames {
    char text[128];
} FormatNames;

static FormatNames format_names(bool streams_only, const char *last_glue) {
    FormatNames names = {""};
    int left = 0;
    for (int i = 0; i < CLEAVE_FORMATS; i++)
        left += formats[i].streams || !streams_only;
    for (int i = 0; i < CLEAVE_FORMATS; i++) {
        size_t used = strlen(names.text);
        if (streams_only && !formats[i].streams)
            continue;
        left--;
        snprintf(names.text + used, sizeof(names.text) - used, "%s%s", formats[i].name,
                 left > 1    ? ", "
                 : left == 1 ? last_glue
                             : "");
    }
    return names;
}

/* ---- Depths ---- */

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

static cleave_bits format_default_bits(const OutputFormat *format) {
    return format->kind == FORMAT_PCM        ? CLEAVE_BITS_FLOAT
           : format->kind == FORMAT_LOSSLESS ? CLEAVE_BITS_24
                                             : CLEAVE_BITS_AUTO;
}

static cleave_status format_refuse_bits(const OutputFormat *format, cleave_bits bits,
                                        const char *why, const char *advice, cleave_error *error) {
    return error_advise(error,
                        error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot write %s: bit depth %s: %s",
                                  format->name, bits_name(bits), why),
                        "%s", advice);
}

static cleave_status format_refuse(cleave_format format, cleave_error *error) {
    return error_advise(error,
                        error_set(error, CLEAVE_ERROR_ARGUMENT,
                                  "cannot write audio: format number %d: there is none",
                                  (int)format),
                        "choose %s", format_names(false, " or ").text);
}

cleave_status audio_writer_bits(cleave_format number, cleave_bits bits, cleave_bits *chosen,
                                cleave_error *error) {
    error_clear(error);
    const OutputFormat *format = output_format(number);
    bool known = bits == CLEAVE_BITS_AUTO || bits == CLEAVE_BITS_16 || bits == CLEAVE_BITS_24 ||
                 bits == CLEAVE_BITS_FLOAT;
    if (!format)
        return format_refuse(number, error);
    if (!known)
        return format_refuse_bits(format, bits, "there is no such depth", "choose 16, 24 or float",
                                  error);
    if (format->kind == FORMAT_LOSSLESS && bits == CLEAVE_BITS_FLOAT)
        return format_refuse_bits(format, bits, "it holds integers only", "choose 16 or 24, or WAV",
                                  error);
    if (format->kind == FORMAT_LOSSY && bits != CLEAVE_BITS_AUTO)
        return format_refuse_bits(format, bits, "a lossy format has none", "leave the depth out",
                                  error);
    *chosen = bits != CLEAVE_BITS_AUTO ? bits : format_default_bits(format);
    return CLEAVE_OK;
}

/* ---- What this build can write ---- */

int output_format_sndfile(const OutputFormat *format, cleave_bits bits, bool large) {
    int container = large ? format->sndfile_large : format->sndfile;
    if (container == 0 || format->kind == FORMAT_LOSSY)
        return container;
    return container | (bits == CLEAVE_BITS_FLOAT ? SF_FORMAT_FLOAT
                        : bits == CLEAVE_BITS_24  ? SF_FORMAT_PCM_24
                                                  : SF_FORMAT_PCM_16);
}

/* Why a format cannot be written, and what would mend that. */
typedef struct FormatLack {
    const char *why;    /* NULL: it can be written */
    const char *remedy; /* or NULL */
} FormatLack;

/* libsndfile is asked with channels and a rate that all of its encoders take. */
static FormatLack sndfile_lack(const OutputFormat *format) {
    SF_INFO info = {0};
    info.channels = 2;
    info.samplerate = 48000;
    info.format = output_format_sndfile(format, CLEAVE_BITS_16, false);
    if (info.format != 0 && sf_format_check(&info))
        return (FormatLack){NULL, NULL};
    return (FormatLack){"this build's libsndfile has no encoder for it", "install a newer one"};
}

static FormatLack ffmpeg_lack(const OutputFormat *format) {
#ifdef HAVE_FFMPEG
    if (!av_guess_format(format->muxer, NULL, NULL))
        return (FormatLack){"this build's FFmpeg does not write such files", NULL};
    if (!avcodec_find_encoder_by_name(format->codec))
        return (FormatLack){"this build's FFmpeg has no encoder for it", NULL};
    return (FormatLack){NULL, NULL};
#else
    (void)format;
    return (FormatLack){"this build of cleave lacks FFmpeg",
                        "install libavformat, libavcodec and libavutil for developers and build "
                        "again"};
#endif
}

static FormatLack format_lack(const OutputFormat *format) {
    return format->codec ? ffmpeg_lack(format) : sndfile_lack(format);
}

const char *output_format_lack(const OutputFormat *format) {
    return format_lack(format).why;
}

cleave_status audio_format_check(cleave_format number, cleave_error *error) {
    const OutputFormat *format = output_format(number);
    if (!format)
        return format_refuse(number, error);
    FormatLack lack = format_lack(format);
    if (!lack.why)
        return CLEAVE_OK;
    return error_advise(
        error,
        error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot write %s: %s", format->name, lack.why),
        "%s%sor choose %s", lack.remedy ? lack.remedy : "", lack.remedy ? "; " : "",
        format->kind == FORMAT_LOSSY ? "ogg" : "flac");
}

cleave_status audio_writer_can_stream(cleave_format number, cleave_error *error) {
    const OutputFormat *format = output_format(number);
    if (format && format->streams)
        return CLEAVE_OK;
    const char *name = audio_format_name(number);
    return error_advise(error,
                        error_set(error, CLEAVE_ERROR_ARGUMENT,
                                  "cannot write %s to standard output: only %s can be written in "
                                  "one go",
                                  name, format_names(true, " and ").text),
                        "choose one of them, or let ffmpeg make %s of it", name);
}

/* ---- For callers ---- */

int cleave_format_list_sized(cleave_format_info *list, int capacity, size_t format_size) {
    for (int i = 0; i < capacity && i < CLEAVE_FORMATS; i++) {
        const OutputFormat *format = &formats[i];
        FormatLack lack = format_lack(format);
        cleave_format_info info = {.format = (cleave_format)i,
                                   .name = format->name,
                                   .title = format->title,
                                   .extension = format->extension,
                                   .default_bits = format_default_bits(format),
                                   .floats = format->kind == FORMAT_PCM,
                                   .streams = format->streams,
                                   .available = !lack.why};
        if (lack.why)
            snprintf(info.reason, sizeof(info.reason), "%s%s%s", lack.why, lack.remedy ? "; " : "",
                     lack.remedy ? lack.remedy : "");
        struct_give_item(list, i, format_size, &info, sizeof(info));
    }
    return CLEAVE_FORMATS;
}
