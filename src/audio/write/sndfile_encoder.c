/* sndfile_encoder.c: all formats but those in M4A by libsndfile, through an OutputFile so that a
 * failed write keeps its cause. Opus as well: libsndfile's has the input's length to the sample,
 * and is there without FFmpeg. */
#include <errno.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/write/encoder.h"
#ifdef HAVE_FFMPEG
#include "audio/ffmpeg/ffmpeg_encoder.h"
#endif
#include "audio/input/ogg_page.h"

/* Vorbis: about 256 kbit/s for stereo at 44.1 kHz. MP3: level 0 is the highest constant rate, which
 * is 320 kbit/s there. Opus: from 256 kbit/s for each channel at level 0 to 6 at level 1. */
#define VORBIS_QUALITY 0.8
#define MP3_LEVEL      0.0
#define OPUS_LEVEL     0.5

/* The lengths in AIFF and plain WAV files have 32 bits; some room is left for the header. */
#define SHORT_MAX_BYTES (INT64_C(0xffffffff) - 4096)

/* A WAV that is expected to stay below this is a plain one, and may still double. */
#define PLAIN_WAV_MAX_BYTES (INT64_C(1) << 31)

/* libsndfile numbers Ogg streams at random, and two runs should give the same bytes. */
#define OGG_SERIAL 1

struct Encoder {
    OutputFile *file;
    AudioWriterSettings settings;
    int container; /* SF_FORMAT_… without subtype */
    SNDFILE *sndfile;
    int64_t frames;
#ifdef HAVE_FFMPEG
    FfmpegEncoder *ffmpeg; /* in place of libsndfile's; or NULL */
#endif
};

/* ---- libsndfile writes through an OutputFile ---- */

static sf_count_t file_length(void *user) {
    return ((OutputFile *)user)->size;
}

static sf_count_t file_seek(sf_count_t offset, int whence, void *user) {
    return output_file_seek(user, offset, whence);
}

static sf_count_t file_read(void *data, sf_count_t bytes, void *user) {
    return output_file_read(user, data, bytes);
}

/* A failed write is not passed on: libsndfile's encoders leave their clean-up half-way on one, and
 * leak. The error waits in the OutputFile, which every function below looks at. */
static sf_count_t file_write(const void *data, sf_count_t bytes, void *user) {
    int64_t written = output_file_write(user, data, bytes);
    if (written < bytes)
        output_file_seek(user, bytes - written, SEEK_CUR);
    return bytes;
}

static sf_count_t file_tell(void *user) {
    return ((OutputFile *)user)->position;
}

/* ---- Formats ---- */

static int subtype_of(cleave_bits bits) {
    if (bits == CLEAVE_BITS_FLOAT)
        return SF_FORMAT_FLOAT;
    return bits == CLEAVE_BITS_24 ? SF_FORMAT_PCM_24 : SF_FORMAT_PCM_16;
}

static int64_t frame_bytes(const AudioWriterSettings *settings) {
    return (int64_t)settings->channels * (int64_t)settings->bits / 8;
}

/* libsndfile must know before the first sample. RF64 becomes a WAV at the end where it turns out
 * short enough, but not one of the plain kind that every program reads. */
static int wav_container(const AudioWriterSettings *settings, bool is_stream) {
    int64_t frames = settings->expected_frames;
    bool is_short = frames > 0 && frames < PLAIN_WAV_MAX_BYTES / frame_bytes(settings);
    return is_short || is_stream ? SF_FORMAT_WAV : SF_FORMAT_RF64;
}

/* libsndfile's number for a format; 0 where this libsndfile has none. */
static int sndfile_format(const AudioWriterSettings *settings, bool is_stream) {
    switch (settings->format) {
    case CLEAVE_FORMAT_WAV:
        return wav_container(settings, is_stream) | subtype_of(settings->bits);
    case CLEAVE_FORMAT_FLAC:
        return SF_FORMAT_FLAC | subtype_of(settings->bits);
    case CLEAVE_FORMAT_AIFF:
        return SF_FORMAT_AIFF | subtype_of(settings->bits);
    case CLEAVE_FORMAT_OGG:
        return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
    case CLEAVE_FORMAT_MP3:
#ifdef HAVE_SNDFILE_MPEG
        return SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
#else
        return 0;
#endif
    case CLEAVE_FORMAT_RAW:
        return SF_FORMAT_RAW | SF_ENDIAN_LITTLE | subtype_of(settings->bits);
    case CLEAVE_FORMAT_OPUS:
#ifdef HAVE_SNDFILE_OPUS
        return SF_FORMAT_OGG | SF_FORMAT_OPUS;
#else
        return 0;
#endif
    case CLEAVE_FORMAT_M4A:
    case CLEAVE_FORMAT_ALAC:
    case CLEAVE_FORMATS:
        break;
    }
    return 0;
}

static bool is_in_m4a(cleave_format format) {
    return format == CLEAVE_FORMAT_M4A || format == CLEAVE_FORMAT_ALAC;
}

/* Whether libsndfile was built with the encoder: asked with channels and rate that all of them
 * take. */
static bool is_built_in(int format) {
    SF_INFO info = {0};
    info.channels = 2;
    info.samplerate = 48000;
    info.format = format;
    return format != 0 && sf_format_check(&info);
}

const char *encoder_lacks(cleave_format format) {
    AudioWriterSettings settings = {2, 48000, format, CLEAVE_BITS_16, 1};
    if (!is_in_m4a(format))
        return is_built_in(sndfile_format(&settings, false))
                   ? NULL
                   : "the libsndfile that is there has no encoder for it; install a newer one";
#ifdef HAVE_FFMPEG
    return ffmpeg_encoder_lacks(format);
#else
    return "this build of cleave lacks FFmpeg; install libavformat, libavcodec and libavutil for "
           "developers and build again";
#endif
}

/* The rates of MPEG 1, 2 and 2.5. libsndfile finds out too late, and then leaks its encoder. */
static bool mp3_has_rate(int rate) {
    for (int base = 32000; base >= 8000; base /= 2)
        if (rate == base || rate == base / 320 * 441 || rate == base / 2 * 3)
            return true;
    return false;
}

static cleave_status cannot_encode(const Encoder *encoder, const char *why, cleave_error *error) {
    const AudioWriterSettings *settings = &encoder->settings;
    return error_set(error, CLEAVE_ERROR_OUTPUT,
                     "cannot write %s: " PATH_FORMAT ": %d channels at %d Hz: %s; choose %s",
                     audio_format_name(settings->format), encoder->file->path, settings->channels,
                     settings->sample_rate, why,
                     settings->format == CLEAVE_FORMAT_WAV ? "FLAC" : "WAV");
}

/* libsndfile's encoders seldom tell a lack of memory; errno, cleared before the call, does. */
static cleave_status sndfile_failed(const Encoder *encoder, const char *why, cleave_error *error) {
    return errno == ENOMEM ? error_memory(error, "an encoder", 0)
                           : cannot_encode(encoder, why, error);
}

static void set_options(Encoder *encoder) {
    double quality = VORBIS_QUALITY;
    if (encoder->settings.format == CLEAVE_FORMAT_OGG)
        sf_command(encoder->sndfile, SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof(quality));
    double opus_level = OPUS_LEVEL;
    if (encoder->settings.format == CLEAVE_FORMAT_OPUS)
        sf_command(encoder->sndfile, SFC_SET_COMPRESSION_LEVEL, &opus_level, sizeof(opus_level));
#ifdef HAVE_SNDFILE_MPEG
    int mode = SF_BITRATE_MODE_CONSTANT;
    double level = MP3_LEVEL;
    if (encoder->settings.format == CLEAVE_FORMAT_MP3) {
        sf_command(encoder->sndfile, SFC_SET_BITRATE_MODE, &mode, sizeof(mode));
        sf_command(encoder->sndfile, SFC_SET_COMPRESSION_LEVEL, &level, sizeof(level));
    }
#endif
    /* The PEAK chunk holds the time of writing. An RF64 file has none, and this command, off or on,
     * would add it. */
    if (encoder->container == SF_FORMAT_RF64)
        sf_command(encoder->sndfile, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
    else
        sf_command(encoder->sndfile, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
}

/* ---- Streams ---- */

/* What FFmpeg, SoX and cleave read as "until the end". */
static void set_open_length(unsigned char *length) {
    memset(length, 0xff, 4);
}

/* Sends the header with lengths that are not known yet; libsndfile would only correct them when the
 * stream is long gone. A WAV header ends with the head of its data chunk. */
static cleave_status start_stream(Encoder *encoder, cleave_error *error) {
    int64_t bytes;
    if (encoder->settings.format == CLEAVE_FORMAT_WAV) {
        sf_command(encoder->sndfile, SFC_UPDATE_HEADER_NOW, NULL, 0);
        unsigned char *header = output_file_held(encoder->file, &bytes);
        if (bytes < 12 + 8 || memcmp(header, "RIFF", 4) != 0 ||
            memcmp(header + bytes - 8, "data", 4) != 0)
            return cannot_encode(encoder, "libsndfile's header is not as expected", error);
        set_open_length(header + 4);
        set_open_length(header + bytes - 4);
    }
    output_file_release(encoder->file);
    return output_file_check(encoder->file, error);
}

/* ---- The encoder ---- */

static cleave_status check_size(const Encoder *encoder, int64_t frames, cleave_error *error) {
    bool is_limited = encoder->container == SF_FORMAT_AIFF || encoder->container == SF_FORMAT_WAV;
    if (!is_limited || encoder->file->is_stream ||
        encoder->frames + frames <= SHORT_MAX_BYTES / frame_bytes(&encoder->settings))
        return CLEAVE_OK;
    return cannot_encode(encoder,
                         encoder->container == SF_FORMAT_WAV
                             ? "there is more than the input promised, and the WAV file that was "
                               "begun cannot grow beyond 4 GB"
                             : "an AIFF file cannot grow beyond 4 GB",
                         error);
}

cleave_status encoder_write(Encoder *encoder, const void *samples, int64_t frames,
                            cleave_error *error) {
#ifdef HAVE_FFMPEG
    if (encoder->ffmpeg)
        return ffmpeg_encoder_write(encoder->ffmpeg, samples, frames, error);
#endif
    cleave_status status = check_size(encoder, frames, error);
    if (status != CLEAVE_OK)
        return status;
    bool integers =
        encoder->settings.bits == CLEAVE_BITS_16 || encoder->settings.bits == CLEAVE_BITS_24;
    errno = 0;
    sf_count_t written = integers ? sf_writef_int(encoder->sndfile, samples, frames)
                                  : sf_writef_float(encoder->sndfile, samples, frames);
    encoder->frames += frames;
    status = output_file_check(encoder->file, error);
    if (status == CLEAVE_OK && written != frames)
        status = sndfile_failed(encoder, sf_strerror(encoder->sndfile), error);
    return status;
}

static cleave_status renumber_ogg(OutputFile *file, cleave_error *error) {
    unsigned char *page = malloc(OGG_MAX_PAGE);
    if (!page)
        return error_memory(error, "a page of Ogg", OGG_MAX_PAGE);
    int64_t offset = 0;
    while (offset < file->size && file->error == 0) {
        output_file_seek(file, offset, SEEK_SET);
        int64_t got = output_file_read(file, page, OGG_MAX_PAGE);
        size_t size = ogg_page_size(page, (size_t)got);
        if (size == 0 || size > (size_t)got)
            break;
        ogg_page_set_serial(page, size, OGG_SERIAL);
        output_file_seek(file, offset, SEEK_SET);
        output_file_write(file, page, (int64_t)size);
        offset += (int64_t)size;
    }
    free(page);
    return CLEAVE_OK;
}

/* libsndfile's FLAC and MP3 encoders leave a file without samples empty, without even a header. */
cleave_status encoder_finish(Encoder *encoder, cleave_error *error) {
#ifdef HAVE_FFMPEG
    if (encoder->ffmpeg)
        return ffmpeg_encoder_finish(encoder->ffmpeg, error);
#endif
    bool lazy = encoder->settings.format == CLEAVE_FORMAT_FLAC ||
                encoder->settings.format == CLEAVE_FORMAT_MP3;
    if (lazy && encoder->frames == 0)
        sf_command(encoder->sndfile, SFC_UPDATE_HEADER_NOW, NULL, 0);
    if (encoder->file->is_stream)
        output_file_seal(encoder->file);
    errno = 0;
    int code = sf_close(encoder->sndfile);
    encoder->sndfile = NULL;
    cleave_status status = output_file_check(encoder->file, error);
    if (status == CLEAVE_OK && code != 0)
        status = sndfile_failed(encoder, sf_error_number(code), error);
    bool is_ogg = encoder->container == SF_FORMAT_OGG;
    if (status == CLEAVE_OK && is_ogg)
        status = renumber_ogg(encoder->file, error);
    return status == CLEAVE_OK ? output_file_check(encoder->file, error) : status;
}

void encoder_close(Encoder *encoder) {
    if (!encoder)
        return;
    if (encoder->file->is_stream)
        output_file_seal(encoder->file);
#ifdef HAVE_FFMPEG
    ffmpeg_encoder_close(encoder->ffmpeg);
#endif
    if (encoder->sndfile)
        sf_close(encoder->sndfile);
    free(encoder);
}

static cleave_status start(Encoder *encoder, cleave_error *error) {
#ifdef HAVE_FFMPEG
    if (is_in_m4a(encoder->settings.format))
        return ffmpeg_encoder_open(&encoder->ffmpeg, encoder->file, &encoder->settings, error);
#endif
    SF_VIRTUAL_IO io = {file_length, file_seek, file_read, file_write, file_tell};
    SF_INFO info = {0};
    info.channels = encoder->settings.channels;
    info.samplerate = encoder->settings.sample_rate;
    info.format = sndfile_format(&encoder->settings, encoder->file->is_stream);
    encoder->container = info.format & SF_FORMAT_TYPEMASK;
    if (!is_built_in(info.format))
        return cannot_encode(encoder, "this build's libsndfile has no encoder for it", error);
    if (encoder->settings.format == CLEAVE_FORMAT_MP3 && !mp3_has_rate(info.samplerate))
        return cannot_encode(
            encoder, "MP3 ends at 48 kHz and has nine rates only, such as --rate 48000", error);
    if (audio_format_rate(encoder->settings.format, info.samplerate) != info.samplerate)
        return cannot_encode(encoder, "it has 8, 12, 16, 24 and 48 kHz only", error);
    errno = 0;
    encoder->sndfile = sf_open_virtual(&io, SFM_WRITE, &info, encoder->file);
    cleave_status status = output_file_check(encoder->file, error);
    if (status == CLEAVE_OK && !encoder->sndfile)
        status = sndfile_failed(encoder, sf_strerror(NULL), error);
    if (encoder->sndfile)
        set_options(encoder);
    if (status == CLEAVE_OK && encoder->file->is_stream)
        status = start_stream(encoder, error);
    return status;
}

cleave_status encoder_open(Encoder **encoder, OutputFile *file, const AudioWriterSettings *settings,
                           cleave_error *error) {
    *encoder = NULL;
    Encoder *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "an encoder", sizeof(*created));
    created->file = file;
    created->settings = *settings;
    cleave_status status = start(created, error);
    if (status != CLEAVE_OK) {
        encoder_close(created);
        return status;
    }
    *encoder = created;
    return CLEAVE_OK;
}
