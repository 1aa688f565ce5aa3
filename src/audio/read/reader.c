/* reader.c: the AudioReader: takes from a source the channels that are asked for, checks that they
 * are numbers, and resamples. Which decoder is the source is decided in open_source.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/audio.h"
#include "audio/read/channel_mix.h"
#include "audio/read/open_source.h"
#include "audio/resample.h"
#include "base/memory.h"
#include "base/path.h"

/* Frames decoded at a time. */
#define BLOCK_FRAMES 4096

struct AudioReader {
    AudioSource *source;
    char *name;                /* path, for error texts */
    const atomic_bool *cancel; /* or NULL */
    int channels;
    int sample_rate;
    bool front; /* as in AudioReaderSettings */
    ChannelMix mix;
    int64_t position; /* frames decoded */
    bool started;
    bool ended;           /* the source is at its end */
    float *interleaved;   /* BLOCK_FRAMES × source channels */
    float **out;          /* `channels` pointers: where the call at hand writes next */
    Resampler *resampler; /* NULL: rates are equal */
    float *block;         /* mix.planes × BLOCK_FRAMES, planar: decoded, not yet resampled */
    float **in;           /* mix.planes pointers into block */
    int64_t block_start;
    int64_t block_end;
};

/* ---- Opening ---- */

static cleave_status check_format(const AudioFormat *format, const char *name,
                                  cleave_error *error) {
    if (format->channels >= 1 && format->channels <= SOURCE_MAX_CHANNELS &&
        format->sample_rate >= 1)
        return CLEAVE_OK;
    return error_advise(error,
                        error_set_file(error, CLEAVE_ERROR_INPUT, "cannot read audio", name,
                                       "%d channels at %d Hz make no sense", format->channels,
                                       format->sample_rate),
                        "the file is damaged, try to copy or download it again");
}

static cleave_status allocate_reader(AudioReader *reader, const char *name, cleave_error *error) {
    size_t floats = (size_t)reader->source->format.channels * BLOCK_FRAMES;
    reader->name = string_copy(name);
    reader->interleaved = malloc(floats * sizeof(float));
    if (!reader->name || !reader->interleaved)
        return error_memory(error, "a reader's block", floats * sizeof(float));
    const AudioFormat *format = &reader->source->format;
    return audio_reader_convert(reader, format->channels, format->sample_rate, error);
}

/* Takes the source over, also when it fails. */
static cleave_status reader_create(AudioReader **reader, AudioSource *source, const char *name,
                                   cleave_error *error) {
    AudioReader *created = calloc(1, sizeof(*created));
    if (!created) {
        source->close(source);
        return error_memory(error, "a reader", sizeof(*created));
    }
    created->source = source;
    cleave_status status = check_format(&source->format, name, error);
    if (status == CLEAVE_OK)
        status = allocate_reader(created, name, error);
    if (status != CLEAVE_OK) {
        audio_reader_close(created);
        return status;
    }
    *reader = created;
    return CLEAVE_OK;
}

/* A decoder that is cancelled while it waits for a stream ends with some error of its own. */
static cleave_status or_cancelled(cleave_status status, const atomic_bool *cancel,
                                  cleave_error *error) {
    if (status == CLEAVE_OK || !cancel || !atomic_load(cancel))
        return status;
    return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
}

cleave_status audio_reader_open_with(AudioReader **reader, const char *path,
                                     const AudioReaderSettings *settings, cleave_error *error) {
    AudioSource *source = NULL;
    *reader = NULL;
    error_clear(error);
    cleave_status status = open_source(&source, path, settings, error);
    if (status != CLEAVE_OK)
        return or_cancelled(status, settings->cancel, error);
    AudioReader *created = NULL;
    status = reader_create(&created, source, path_shown(path), error);
    if (created) {
        created->cancel = settings->cancel;
        created->front = settings->front;
    }
    *reader = created;
    return status;
}

cleave_status audio_reader_open(AudioReader **reader, const char *path, const cleave_logger *log,
                                cleave_error *error) {
    return audio_reader_open_with(reader, path, &(AudioReaderSettings){.log = log}, error);
}

cleave_status audio_reader_open_memory(AudioReader **reader, const float *const *planes,
                                       int channels, int64_t frames, int sample_rate,
                                       cleave_error *error) {
    *reader = NULL;
    error_clear(error);
    AudioSource *source = NULL;
    cleave_status status =
        source_memory_open(&source, planes, channels, frames, sample_rate, error);
    if (status != CLEAVE_OK)
        return status;
    return reader_create(reader, source, "audio in memory", error);
}

static void free_conversion(AudioReader *reader) {
    resampler_destroy(reader->resampler);
    channel_mix_free(&reader->mix);
    free(reader->block);
    free(reader->in);
    free(reader->out);
    reader->resampler = NULL;
    reader->block = NULL;
    reader->in = NULL;
    reader->out = NULL;
}

void audio_reader_close(AudioReader *reader) {
    if (!reader)
        return;
    free_conversion(reader);
    reader->source->close(reader->source);
    free(reader->interleaved);
    free(reader->name);
    free(reader);
}

/* ---- Conversion ---- */

static cleave_status allocate_conversion(AudioReader *reader, cleave_error *error) {
    reader->out = calloc((size_t)reader->channels, sizeof(*reader->out));
    if (!reader->out)
        return error_memory(error, "a reader's channels", (size_t)reader->channels);
    if (reader->sample_rate == reader->source->format.sample_rate)
        return CLEAVE_OK;
    size_t floats = (size_t)reader->mix.planes * BLOCK_FRAMES;
    reader->block = malloc(floats * sizeof(float));
    reader->in = calloc((size_t)reader->mix.planes, sizeof(*reader->in));
    if (!reader->block || !reader->in)
        return error_memory(error, "a resampler's block", floats * sizeof(float));
    cleave_status status =
        resampler_create(&reader->resampler, reader->mix.planes, reader->source->format.sample_rate,
                         reader->sample_rate, error);
    if (status != CLEAVE_OK)
        error_prefix(error, PATH_FORMAT, reader->name);
    return status;
}

cleave_status audio_reader_convert(AudioReader *reader, int channels, int sample_rate,
                                   cleave_error *error) {
    error_clear(error);
    const AudioFormat *format = &reader->source->format;
    if (reader->started || channels < 1 || sample_rate < 1)
        return error_advise(error,
                            error_set_file(error, CLEAVE_ERROR_ARGUMENT, "cannot convert audio",
                                           reader->name, "to %d channels at %d Hz%s", channels,
                                           sample_rate,
                                           reader->started ? " after the first read" : ""),
                            "ask for a conversion once, before the first read");
    if (format->channels != 1 && format->channels < channels)
        return error_advise(error,
                            error_set_file(error, CLEAVE_ERROR_INPUT, "cannot convert audio",
                                           reader->name, "it has %d channels and %d are needed",
                                           format->channels, channels),
                            "give a file with %d channels or with one", channels);
    free_conversion(reader);
    reader->channels = channels;
    reader->sample_rate = sample_rate;
    cleave_status status = channel_mix_create(&reader->mix, &reader->source->layout,
                                              format->channels, channels, reader->front, error);
    return status == CLEAVE_OK ? allocate_conversion(reader, error) : status;
}

const char *audio_reader_name(const AudioReader *reader) {
    return reader->name;
}

const AudioFormat *audio_reader_format(const AudioReader *reader) {
    return &reader->source->format;
}

AudioDownmix audio_reader_downmix(const AudioReader *reader) {
    return reader->mix.downmix;
}

int64_t audio_reader_expected_frames(const AudioReader *reader) {
    const AudioFormat *format = &reader->source->format;
    return resampled_frames(format->frames, format->sample_rate, reader->sample_rate);
}

int64_t audio_reader_position(const AudioReader *reader) {
    return reader->position;
}

/* ---- Reading ---- */

/* The first frame of the interleaved block in which a channel is no number, or -1. */
static int64_t find_bad(const float *interleaved, int channels, int channel, int64_t frames) {
    for (int64_t i = 0; i < frames; i++)
        if (!isfinite(interleaved[i * channels + channel]))
            return i;
    return -1;
}

static cleave_status check_samples(const AudioReader *reader, int64_t frames, cleave_error *error) {
    const AudioFormat *format = &reader->source->format;
    for (int i = 0; i < reader->mix.count; i++) {
        int channel = reader->mix.terms[i].channel;
        int64_t bad = find_bad(reader->interleaved, format->channels, channel, frames);
        if (bad >= 0)
            return error_advise(
                error,
                error_set_file(error, CLEAVE_ERROR_INPUT, "cannot read audio", reader->name,
                               "channel %d is not a number (NaN or infinity) at %.3f s",
                               channel + 1, (double)(reader->position + bad) / format->sample_rate),
                "repair or render the file again");
    }
    return CLEAVE_OK;
}

/* Decodes up to `frames` frames (at most BLOCK_FRAMES) into the planes of the mix. */
static cleave_status decode(AudioReader *reader, float *const *planes, int64_t frames, int64_t *got,
                            cleave_error *error) {
    AudioSource *source = reader->source;
    if (frames > BLOCK_FRAMES)
        frames = BLOCK_FRAMES;
    cleave_status status = source->read(source, reader->interleaved, frames, got, error);
    if (status != CLEAVE_OK)
        return status;
    if (*got == 0)
        reader->ended = true;
    status = check_samples(reader, *got, error);
    if (status != CLEAVE_OK)
        return status;
    channel_mix_run(&reader->mix, reader->interleaved, source->format.channels, planes, *got);
    reader->position += *got;
    return CLEAVE_OK;
}

static cleave_status read_plain(AudioReader *reader, int64_t frames, int64_t *got,
                                cleave_error *error) {
    return decode(reader, reader->out, frames, got, error);
}

static cleave_status refill(AudioReader *reader, cleave_error *error) {
    for (int c = 0; c < reader->mix.planes; c++)
        reader->in[c] = reader->block + (size_t)c * BLOCK_FRAMES;
    int64_t got = 0;
    cleave_status status = decode(reader, reader->in, BLOCK_FRAMES, &got, error);
    reader->block_start = 0;
    reader->block_end = status == CLEAVE_OK ? got : 0;
    return status;
}

/* One step of the resampler; *got may be 0 before the end. */
static cleave_status read_resampled(AudioReader *reader, int64_t frames, int64_t *got,
                                    cleave_error *error) {
    if (reader->block_start == reader->block_end && !reader->ended) {
        cleave_status status = refill(reader, error);
        if (status != CLEAVE_OK)
            return status;
    }
    for (int c = 0; c < reader->mix.planes; c++)
        reader->in[c] = reader->block + (size_t)c * BLOCK_FRAMES + reader->block_start;
    int64_t left = reader->block_end - reader->block_start;
    int64_t used = 0;
    const float *const *in = left > 0 ? (const float *const *)reader->in : NULL;
    cleave_status status =
        resampler_run(reader->resampler, in, left, &used, reader->out, frames, got, error);
    reader->block_start += used;
    return status;
}

static bool at_end(const AudioReader *reader, int64_t got) {
    return reader->ended && got == 0 && reader->block_start == reader->block_end;
}

static void copy_mono(const AudioReader *reader, float *const *planes, int64_t frames) {
    for (int c = reader->mix.planes; c < reader->channels; c++)
        memcpy(planes[c], planes[0], (size_t)frames * sizeof(float));
}

cleave_status audio_reader_read(AudioReader *reader, float *const *planes, int64_t frames,
                                int64_t *got, cleave_error *error) {
    error_clear(error);
    reader->started = true;
    int64_t done = 0;
    cleave_status status = CLEAVE_OK;
    while (done < frames) {
        for (int c = 0; c < reader->channels; c++)
            reader->out[c] = planes[c] + done;
        int64_t step = 0;
        status = reader->resampler ? read_resampled(reader, frames - done, &step, error)
                                   : read_plain(reader, frames - done, &step, error);
        if (status != CLEAVE_OK || at_end(reader, step))
            break;
        done += step;
    }
    copy_mono(reader, planes, done);
    *got = done;
    return or_cancelled(status, reader->cancel, error);
}

cleave_status audio_reader_rewind(AudioReader *reader, cleave_error *error) {
    error_clear(error);
    reader->position = 0;
    reader->block_start = 0;
    reader->block_end = 0;
    reader->ended = false;
    cleave_status status = reader->source->rewind(reader->source, error);
    if (status == CLEAVE_OK && reader->resampler)
        status = resampler_reset(reader->resampler, error);
    return status;
}
