/* sndfile_encoder.c: libsndfile as an encoder. It writes through an OutputFile, so that a failed
 * write keeps its cause. Which formats it writes is in formats.c. */
#include "audio/write/sndfile_encoder.h"

#include <errno.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

#include "audio/input/ogg_page.h"

/* A file that is expected to stay below this gets the container for short files, and may still
 * double. */
#define SHORT_FILE_BYTES (INT64_C(1) << 31)

/* libsndfile numbers Ogg streams at random, and two runs should give the same bytes. */
#define OGG_SERIAL 1

typedef struct SndfileEncoder {
    Encoder base;
    SNDFILE *sndfile;
    int container; /* SF_FORMAT_… without coding */
    int64_t frames;
} SndfileEncoder;

/* ---- libsndfile writes through an OutputFile ---- */

static sf_count_t io_length(void *user) {
    return ((OutputFile *)user)->size;
}

static sf_count_t io_seek(sf_count_t offset, int whence, void *user) {
    return output_file_seek(user, offset, whence);
}

static sf_count_t io_read(void *data, sf_count_t bytes, void *user) {
    return output_file_read(user, data, bytes);
}

/* A failed write is not passed on: libsndfile's encoders would leave their clean-up half-way, and
 * leak. The error waits in the OutputFile, which every function below looks at. */
static sf_count_t io_write(const void *data, sf_count_t bytes, void *user) {
    int64_t written = output_file_write(user, data, bytes);
    if (written < bytes)
        output_file_seek(user, bytes - written, SEEK_CUR);
    return bytes;
}

static sf_count_t io_tell(void *user) {
    return ((OutputFile *)user)->position;
}

/* ---- Opening ---- */

static int64_t frame_bytes(const Encoder *encoder) {
    return (int64_t)encoder->settings.channels * (int64_t)encoder->settings.bits / 8;
}

/* libsndfile must know before the first sample. RF64 becomes a WAV at the end if it turns out short
 * enough, but not one of the plain kind that every program reads. */
static bool needs_large_container(const Encoder *encoder) {
    int64_t frames = encoder->settings.expected_frames;
    if (encoder->format->sndfile_large == 0 || encoder->file->is_stream)
        return false;
    return frames <= 0 || frames >= SHORT_FILE_BYTES / frame_bytes(encoder);
}

/* libsndfile's encoders seldom report a lack of memory; errno, cleared before the call, does. */
static cleave_status sndfile_failed(const Encoder *encoder, const char *why, cleave_error *error) {
    return errno == ENOMEM ? error_memory(error, "an encoder", 0)
                           : encoder_refuse(encoder, why, error);
}

static void sndfile_set_quality(const SndfileEncoder *encoder) {
    const OutputFormat *format = encoder->base.format;
    double value = format->quality_value;
#ifdef HAVE_SNDFILE_MPEG
    int mode = SF_BITRATE_MODE_CONSTANT;
    if (format->constant_bit_rate)
        sf_command(encoder->sndfile, SFC_SET_BITRATE_MODE, &mode, sizeof(mode));
#endif
    if (format->quality != 0)
        sf_command(encoder->sndfile, format->quality, &value, sizeof(value));
}

/* The PEAK chunk holds the time of writing. An RF64 file has none, and that command, off or on,
 * would add it. */
static void sndfile_set_container(const SndfileEncoder *encoder) {
    if (encoder->container == SF_FORMAT_RF64)
        sf_command(encoder->sndfile, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
    else
        sf_command(encoder->sndfile, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
}

/* What FFmpeg, SoX and cleave read as "until the end". */
static void set_open_length(unsigned char *length) {
    memset(length, 0xff, 4);
}

/* Sends the header with lengths that are not known yet: libsndfile would only correct them when the
 * stream is long gone. A WAV header ends with the head of its data chunk. */
static cleave_status sndfile_start_stream(const SndfileEncoder *encoder, cleave_error *error) {
    OutputFile *file = encoder->base.file;
    int64_t bytes;
    if (encoder->container == SF_FORMAT_WAV) {
        sf_command(encoder->sndfile, SFC_UPDATE_HEADER_NOW, NULL, 0);
        unsigned char *header = output_file_held(file, &bytes);
        if (bytes < 12 + 8 || memcmp(header, "RIFF", 4) != 0 ||
            memcmp(header + bytes - 8, "data", 4) != 0)
            return encoder_refuse(&encoder->base, "libsndfile's header is not as expected", error);
        set_open_length(header + 4);
        set_open_length(header + bytes - 4);
    }
    output_file_release(file);
    return output_file_check(file, error);
}

static cleave_status sndfile_start(SndfileEncoder *encoder, cleave_error *error) {
    SF_VIRTUAL_IO io = {io_length, io_seek, io_read, io_write, io_tell};
    Encoder *base = &encoder->base;
    SF_INFO info = {0};
    info.channels = base->settings.channels;
    info.samplerate = base->settings.sample_rate;
    info.format =
        output_format_sndfile(base->format, base->settings.bits, needs_large_container(base));
    encoder->container = info.format & SF_FORMAT_TYPEMASK;
    cleave_status status = encoder_check(base, error);
    if (status != CLEAVE_OK)
        return status;
    errno = 0;
    encoder->sndfile = sf_open_virtual(&io, SFM_WRITE, &info, base->file);
    status = output_file_check(base->file, error);
    if (status == CLEAVE_OK && !encoder->sndfile)
        status = sndfile_failed(base, sf_strerror(NULL), error);
    if (encoder->sndfile) {
        sndfile_set_quality(encoder);
        sndfile_set_container(encoder);
    }
    if (status == CLEAVE_OK && base->file->is_stream)
        status = sndfile_start_stream(encoder, error);
    return status;
}

/* ---- Writing ---- */

static cleave_status check_size(const SndfileEncoder *encoder, int64_t frames,
                                cleave_error *error) {
    const OutputFormat *format = encoder->base.format;
    bool limited = format->most_bytes > 0 && !encoder->base.file->is_stream &&
                   encoder->container == (format->sndfile & SF_FORMAT_TYPEMASK);
    if (!limited || encoder->frames + frames <= format->most_bytes / frame_bytes(&encoder->base))
        return CLEAVE_OK;
    return encoder_refuse(&encoder->base, format->size_text, error);
}

static cleave_status sndfile_write(Encoder *base, const void *samples, int64_t frames,
                                   cleave_error *error) {
    SndfileEncoder *encoder = (SndfileEncoder *)base;
    cleave_status status = check_size(encoder, frames, error);
    if (status != CLEAVE_OK)
        return status;
    bool integers = base->settings.bits == CLEAVE_BITS_16 || base->settings.bits == CLEAVE_BITS_24;
    errno = 0;
    sf_count_t written = integers ? sf_writef_int(encoder->sndfile, samples, frames)
                                  : sf_writef_float(encoder->sndfile, samples, frames);
    encoder->frames += frames;
    status = output_file_check(base->file, error);
    if (status == CLEAVE_OK && written != frames)
        status = sndfile_failed(base, sf_strerror(encoder->sndfile), error);
    return status;
}

/* ---- The end ---- */

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

static cleave_status sndfile_finish(Encoder *base, cleave_error *error) {
    SndfileEncoder *encoder = (SndfileEncoder *)base;
    if (base->format->late_header && encoder->frames == 0)
        sf_command(encoder->sndfile, SFC_UPDATE_HEADER_NOW, NULL, 0);
    if (base->file->is_stream)
        output_file_seal(base->file);
    errno = 0;
    int code = sf_close(encoder->sndfile);
    encoder->sndfile = NULL;
    cleave_status status = output_file_check(base->file, error);
    if (status == CLEAVE_OK && code != 0)
        status = sndfile_failed(base, sf_error_number(code), error);
    if (status == CLEAVE_OK && encoder->container == SF_FORMAT_OGG)
        status = renumber_ogg(base->file, error);
    return status == CLEAVE_OK ? output_file_check(base->file, error) : status;
}

static void sndfile_close(Encoder *base) {
    SndfileEncoder *encoder = (SndfileEncoder *)base;
    if (base->file->is_stream)
        output_file_seal(base->file);
    if (encoder->sndfile)
        sf_close(encoder->sndfile);
    free(encoder);
}

cleave_status sndfile_encoder_open(Encoder **encoder, OutputFile *file,
                                   const AudioWriterSettings *settings, cleave_error *error) {
    *encoder = NULL;
    SndfileEncoder *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "an encoder", sizeof(*created));
    created->base = (Encoder){.format = output_format(settings->format),
                              .file = file,
                              .settings = *settings,
                              .write = sndfile_write,
                              .finish = sndfile_finish,
                              .close = sndfile_close};
    cleave_status status = sndfile_start(created, error);
    if (status != CLEAVE_OK) {
        sndfile_close(&created->base);
        return status;
    }
    *encoder = &created->base;
    return CLEAVE_OK;
}
