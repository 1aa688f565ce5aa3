/* writer.c: the AudioWriter: checks what is asked for, interleaves, rounds and clips, and counts.
 * The formats are in formats.c, resampling in rate_change.c, encoding in the encoders (encoder.h),
 * the temporary file in base/output_file.c. */
#include <math.h>
#include <stdlib.h>

#include "audio/audio.h"
#include "audio/encoder.h"
#ifdef HAVE_FFMPEG
#include "audio/ffmpeg/ffmpeg_encoder.h"
#endif
#include "audio/write/rate_change.h"
#include "audio/write/sndfile_encoder.h"
#include "base/memory.h"

/* Frames that an encoder gets at once. */
#define BLOCK_FRAMES 4096

struct AudioWriter {
    OutputFile file;
    Encoder *encoder;
    AudioWriterSettings settings; /* with the chosen depth */
    bool finished;
    bool failed;   /* a write failed: the file can no longer become whole */
    bool converts; /* what comes has another rate */
    RateChange change;
    int from_rate;  /* of what comes, where it converts */
    int64_t taken;  /* frames at that rate */
    int64_t end;    /* frames that the file is to have; -1: as long as what comes */
    int64_t frames; /* of the file so far */
    int64_t filled; /* of them, waiting in the block */
    double peak;
    int64_t clipped;
    void *block; /* BLOCK_FRAMES × channels of float or int32_t */
};

static bool has_integers(const AudioWriter *writer) {
    return writer->settings.bits == CLEAVE_BITS_16 || writer->settings.bits == CLEAVE_BITS_24;
}

/* ---- Opening ---- */

/* The block sizes above assume that channels × 4 bytes × BLOCK_FRAMES fits easily. */
#define MAX_CHANNELS 1024

/* Where a writer's bytes go: a path, or else a descriptor. */
typedef struct Target {
    const char *path; /* NULL: a stream */
    int fd;
    const atomic_bool *cancel;
} Target;

static OpenEncoder encoder_opener(cleave_format format) {
#ifdef HAVE_FFMPEG
    if (output_format(format)->codec)
        return ffmpeg_encoder_open;
#endif
    (void)format;
    return sndfile_encoder_open;
}

static cleave_status open_parts(AudioWriter *writer, const Target *target, cleave_error *error) {
    const AudioWriterSettings *settings = &writer->settings;
    size_t bytes = (size_t)settings->channels * BLOCK_FRAMES * sizeof(float);
    writer->block = malloc(bytes);
    if (!writer->block)
        return error_memory(error, "a writer's block", bytes);
    cleave_status status =
        target->path ? output_file_open(&writer->file, target->path, error)
                     : output_file_open_stream(&writer->file, target->fd, target->cancel, error);
    if (status != CLEAVE_OK)
        return status;
    OpenEncoder open = encoder_opener(settings->format);
    return open(&writer->encoder, &writer->file, settings, error);
}

static cleave_status open_writer(AudioWriter **writer, const Target *target,
                                 const AudioWriterSettings *settings, cleave_error *error) {
    *writer = NULL;
    cleave_bits bits = CLEAVE_BITS_AUTO;
    cleave_status status = audio_writer_bits(settings->format, settings->bits, &bits, error);
    if (status != CLEAVE_OK)
        return status;
    if (settings->channels < 1 || settings->channels > MAX_CHANNELS || settings->sample_rate < 1)
        return error_set_file(error, CLEAVE_ERROR_ARGUMENT, "cannot write audio",
                              target->path ? target->path : "standard output",
                              "%d channels at %d Hz make no sense", settings->channels,
                              settings->sample_rate);
    AudioWriter *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "a writer", sizeof(*created));
    created->file.fd = -1;
    created->end = -1;
    created->settings = *settings;
    created->settings.bits = bits;
    status = open_parts(created, target, error);
    if (status != CLEAVE_OK) {
        audio_writer_close(created);
        return status;
    }
    *writer = created;
    return CLEAVE_OK;
}

cleave_status audio_writer_open(AudioWriter **writer, const char *path,
                                const AudioWriterSettings *settings, cleave_error *error) {
    return open_writer(writer, &(Target){.path = path, .fd = -1}, settings, error);
}

cleave_status audio_writer_open_stream(AudioWriter **writer, int fd, const atomic_bool *cancel,
                                       const AudioWriterSettings *settings, cleave_error *error) {
    *writer = NULL;
    cleave_status status = audio_writer_can_stream(settings->format, error);
    if (status != CLEAVE_OK)
        return status;
    return open_writer(writer, &(Target){.fd = fd, .cancel = cancel}, settings, error);
}

/* ---- Writing ---- */

static cleave_status writer_misused(const AudioWriter *writer, cleave_error *error) {
    const char *state = writer->failed     ? "an earlier write failed"
                        : writer->finished ? "it is finished already"
                                           : "it is not finished yet";
    return error_set_file(error, CLEAVE_ERROR_INTERNAL, "cannot write", writer->file.path, "%s",
                          state);
}

/* Interleaves one channel behind what the block holds already, keeps peak and count, and returns
 * the first sample that is no number, or -1. */
static int64_t interleave(AudioWriter *writer, const float *plane, int channel, int64_t frames) {
    int channels = writer->settings.channels;
    float *block = (float *)writer->block + writer->filled * channels;
    for (int64_t i = 0; i < frames; i++) {
        float sample = plane[i];
        if (!isfinite(sample))
            return i;
        double magnitude = fabs((double)sample);
        if (magnitude > writer->peak)
            writer->peak = magnitude;
        if (magnitude > 1.0 && writer->settings.bits != CLEAVE_BITS_FLOAT)
            writer->clipped++;
        block[i * channels + channel] = sample;
    }
    return -1;
}

/* The nearest integer (ties to even) of the depth at hand, in the high bits of a word. Exactly full
 * scale loses one step to the missing positive end and is not counted as clipped. */
static void round_and_clip(AudioWriter *writer) {
    int depth = (int)writer->settings.bits;
    double scale = (double)(INT64_C(1) << (depth - 1));
    size_t count = (size_t)writer->filled * (size_t)writer->settings.channels;
    const float *from = writer->block;
    int32_t *to = writer->block;
    for (size_t i = 0; i < count; i++) {
        double value = rint((double)from[i] * scale);
        value = fmin(fmax(value, -scale), scale - 1.0);
        to[i] = (int32_t)value * (INT32_C(1) << (32 - depth));
    }
}

static cleave_status encode_block(AudioWriter *writer, cleave_error *error) {
    if (writer->filled == 0)
        return CLEAVE_OK;
    if (has_integers(writer))
        round_and_clip(writer);
    int64_t frames = writer->filled;
    writer->filled = 0;
    return writer->encoder->write(writer->encoder, writer->block, frames, error);
}

static cleave_status fill_block(AudioWriter *writer, const float *const *planes, int64_t offset,
                                int64_t frames, cleave_error *error) {
    for (int c = 0; c < writer->settings.channels; c++) {
        int64_t bad = interleave(writer, planes[c] + offset, c, frames);
        if (bad >= 0)
            return error_advise(
                error,
                error_set_file(error, CLEAVE_ERROR_OUTPUT, "cannot write", writer->file.path,
                               "channel %d is not a number (NaN or infinity) at %.3f s", c + 1,
                               (double)(writer->frames + bad) / writer->settings.sample_rate),
                "lower the input's level if it is extreme, or try another precision or device");
    }
    writer->frames += frames;
    writer->filled += frames;
    return CLEAVE_OK;
}

/* Encoders get full blocks whatever the caller's are: what Vorbis makes of a signal depends on how
 * it is cut up. */
static cleave_status writer_put(void *user, const float *const *planes, int64_t frames,
                                cleave_error *error) {
    AudioWriter *writer = user;
    cleave_status status = CLEAVE_OK;
    for (int64_t done = 0; done < frames && status == CLEAVE_OK;) {
        int64_t step = frames - done;
        if (step > BLOCK_FRAMES - writer->filled)
            step = BLOCK_FRAMES - writer->filled;
        status = fill_block(writer, planes, done, step, error);
        if (status == CLEAVE_OK && writer->filled == BLOCK_FRAMES)
            status = encode_block(writer, error);
        done += step;
    }
    return status;
}

cleave_status audio_writer_convert(AudioWriter *writer, int from_rate, cleave_error *error) {
    error_clear(error);
    if (writer->finished || writer->failed || writer->converts || writer->frames > 0)
        return writer_misused(writer, error);
    if (from_rate == writer->settings.sample_rate)
        return CLEAVE_OK;
    cleave_status status =
        rate_change_create(&writer->change, writer->settings.channels, from_rate,
                           writer->settings.sample_rate, writer_put, writer, error);
    if (status != CLEAVE_OK)
        error_prefix(error, PATH_FORMAT, writer->file.path);
    writer->from_rate = from_rate;
    writer->converts = status == CLEAVE_OK;
    writer->failed = status != CLEAVE_OK;
    return status;
}

void audio_writer_end_at(AudioWriter *writer, int64_t frames) {
    writer->end = frames;
}

cleave_status audio_writer_write(AudioWriter *writer, const float *const *planes, int64_t frames,
                                 cleave_error *error) {
    error_clear(error);
    if (writer->finished || writer->failed)
        return writer_misused(writer, error);
    cleave_status status = writer->converts
                               ? rate_change_push(&writer->change, planes, frames, error)
                               : writer_put(writer, planes, frames, error);
    writer->taken += frames;
    writer->failed = status != CLEAVE_OK;
    return status;
}

/* What the resampler still holds. */
static cleave_status end_conversion(AudioWriter *writer, cleave_error *error) {
    int64_t end = writer->end;
    if (!writer->converts)
        return CLEAVE_OK;
    if (end < 0)
        end = resampled_frames(writer->taken, writer->from_rate, writer->settings.sample_rate);
    return rate_change_end(&writer->change, end, error);
}

cleave_status audio_writer_finish(AudioWriter *writer, cleave_error *error) {
    error_clear(error);
    if (writer->finished)
        return CLEAVE_OK;
    if (writer->failed)
        return writer_misused(writer, error);
    cleave_status status = end_conversion(writer, error);
    if (status == CLEAVE_OK)
        status = encode_block(writer, error);
    if (status == CLEAVE_OK)
        status = writer->encoder->finish(writer->encoder, error);
    if (status == CLEAVE_OK)
        status = output_file_finish(&writer->file, error);
    writer->finished = status == CLEAVE_OK;
    writer->failed = status != CLEAVE_OK;
    return status;
}

cleave_status audio_writer_prepare(AudioWriter *writer, cleave_error *error) {
    error_clear(error);
    if (!writer->finished)
        return writer_misused(writer, error);
    return output_file_prepare(&writer->file, error);
}

cleave_status audio_writer_commit(AudioWriter *writer, cleave_error *error) {
    error_clear(error);
    if (!writer->finished)
        return writer_misused(writer, error);
    return output_file_commit(&writer->file, error);
}

int64_t audio_writer_frames(const AudioWriter *writer) {
    return writer->frames;
}

double audio_writer_peak(const AudioWriter *writer) {
    return writer->peak;
}

int64_t audio_writer_clipped(const AudioWriter *writer) {
    return writer->clipped;
}

void audio_writer_close(AudioWriter *writer) {
    if (!writer)
        return;
    rate_change_destroy(&writer->change);
    if (writer->encoder)
        writer->encoder->close(writer->encoder);
    output_file_close(&writer->file);
    free(writer->block);
    free(writer);
}
