/* reader.c: the AudioReader: chooses a source, takes the channels that are asked for, checks that
 * they are numbers, and resamples. Decoding itself lives in the sources. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/audio.h"
#include "audio/resample.h"
#include "audio/source.h"
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
    int taken;        /* planes that are decoded: 1 of a mono source, else `channels` */
    bool mixed;       /* the one plane is the mean of the source's first two channels */
    int64_t position; /* frames decoded */
    bool started;
    bool ended;           /* the source is at its end */
    float *interleaved;   /* BLOCK_FRAMES × source channels */
    float **out;          /* `channels` pointers: where the call at hand writes next */
    Resampler *resampler; /* NULL: rates are equal */
    float *block;         /* taken × BLOCK_FRAMES, planar: decoded, not yet resampled */
    float **in;           /* `taken` pointers into block */
    int64_t block_start;
    int64_t block_end;
};

/* ---- Opening ---- */

static cleave_status cannot_read(const InputFile *file, const FileLook *look, const char *why,
                                 cleave_error *error) {
#ifdef HAVE_FFMPEG
    bool have_ffmpeg = true;
#else
    bool have_ffmpeg = false;
#endif
    if (look->kind == FILE_FFMPEG_AUDIO && !have_ffmpeg)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": this is %s, and this build of cleave "
                         "lacks FFmpeg; install libavformat, libavcodec and libavutil for "
                         "developers and build again, or convert the file to WAV",
                         file->path, look->name);
    if (look->kind == FILE_NOT_AUDIO)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": this is %s, not audio; give an audio "
                         "file such as WAV, FLAC or MP3",
                         file->path, look->name);
    if (strstr(why, SOURCE_NO_AUDIO))
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": this is %s with no audio stream in "
                         "it; give a file that holds sound, or if this one should, try to copy or "
                         "download it again",
                         file->path, look->kind == FILE_UNKNOWN ? "a file" : look->name);
    if (look->kind == FILE_UNKNOWN)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": not a known audio format (%s); "
                         "convert the file to WAV or FLAC",
                         file->path, why);
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT ": it begins like %s but is truncated or "
                     "damaged (%s); try to copy or download it again",
                     file->path, look->name, why);
}

typedef cleave_status (*OpenSource)(AudioSource **source, InputFile *file, const cleave_logger *log,
                                    cleave_error *error);

/* libsndfile first, then FFmpeg. MP3 the other way round: libsndfile's decoder for it prints its
 * remarks on damaged files to standard error, where a library must not write. */
#ifdef HAVE_FFMPEG
static const OpenSource usual_order[] = {source_sndfile_open, source_ffmpeg_open, NULL};
static const OpenSource mp3_order[] = {source_ffmpeg_open, source_sndfile_open, NULL};
#else
static const OpenSource usual_order[] = {source_sndfile_open, NULL};
static const OpenSource mp3_order[] = {source_sndfile_open, NULL};
#endif

static cleave_status open_file(AudioSource **source, InputFile *file, const cleave_logger *log,
                               cleave_error *error) {
    FileLook look = file_identify(file);
    char why[2 * 160] = "";
    for (const OpenSource *open = look.kind == FILE_MPEG_AUDIO ? mp3_order : usual_order; *open;
         open++) {
        cleave_error failure;
        cleave_status status = (*open)(source, file, log, &failure);
        if (status == CLEAVE_OK)
            return CLEAVE_OK;
        if (status == CLEAVE_ERROR_MEMORY)
            return error_set(error, status, "%s", failure.text);
        size_t used = strlen(why);
        snprintf(why + used, sizeof(why) - used, "%s%.150s", used > 0 ? ", " : "", failure.text);
    }
    return cannot_read(file, &look, why, error);
}

/* ---- Streams ---- */

static cleave_status broken_stream(const InputFile *file, int number, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT
                     ": %s; look at the program that writes to it",
                     file->path, strerror(number));
}

/* Decodes a stream as it comes; false where that cannot be. A decoder that gives up has taken less
 * than is kept, or else its word is final. */
static bool open_flow(AudioSource **source, InputFile *file, const AudioReaderSettings *settings) {
#ifdef HAVE_FFMPEG
    FileLook look = file_identify(file);
    if (!settings->once || !look.flows)
        return false;
    return source_ffmpeg_open(source, file, settings->log, NULL) == CLEAVE_OK;
#else
    (void)source;
    (void)file;
    (void)settings;
    return false;
#endif
}

/* An endless stream of something else must not fill the disk: what begins like no known format is
 * shown to the decoders first as a file that ends with the bytes that are kept. */
static cleave_status check_head(InputFile *file, cleave_error *error) {
    FileLook look = file_identify(file);
    if (look.kind != FILE_UNKNOWN && look.kind != FILE_NOT_AUDIO)
        return CLEAVE_OK;
    if (!input_stream_fill(file->stream, INPUT_STREAM_KEPT))
        return broken_stream(file, errno, error);
    InputFile head;
    cleave_status status = input_file_spool(file, &head, true, error);
    if (status != CLEAVE_OK)
        return status;
    AudioSource *source = NULL;
    status = open_file(&source, &head, NULL, error);
    if (source)
        source->close(source);
    else
        input_file_close(&head);
    return status;
}

static cleave_status spool(InputFile *file, cleave_error *error) {
    if (!input_stream_is_whole(file->stream))
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": no audio in the first megabytes of "
                         "the stream; save it to a file first",
                         file->path);
    cleave_status status = check_head(file, error);
    InputFile copy;
    if (status == CLEAVE_OK)
        status = input_file_spool(file, &copy, false, error);
    if (status != CLEAVE_OK)
        return status;
    input_file_close(file);
    *file = copy;
    return CLEAVE_OK;
}

static cleave_status check_begun(InputFile *file, cleave_error *error) {
    if (!input_stream_fill(file->stream, 1))
        return broken_stream(file, errno, error);
    if (file->stream->kept > 0)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT ": the stream is empty; look at the program "
                     "that should write to it",
                     file->path);
}

static cleave_status open_source(AudioSource **source, InputFile *file,
                                 const AudioReaderSettings *settings, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (file->stream) {
        file->stream->cancel = settings->cancel;
        status = check_begun(file, error);
        if (status == CLEAVE_OK && open_flow(source, file, settings))
            return CLEAVE_OK;
        if (status == CLEAVE_OK)
            status = spool(file, error);
    }
    return status == CLEAVE_OK ? open_file(source, file, settings->log, error) : status;
}

static cleave_status check_format(const AudioFormat *format, const char *name,
                                  cleave_error *error) {
    if (format->channels >= 1 && format->channels <= SOURCE_MAX_CHANNELS &&
        format->sample_rate >= 1)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT ": %d channels at %d Hz make no sense; the "
                     "file is damaged, try to copy or download it again",
                     name, format->channels, format->sample_rate);
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

/* A decoder that waits for a stream ends with some error of its own when it is told to stop. */
static cleave_status or_cancelled(cleave_status status, const atomic_bool *cancel,
                                  cleave_error *error) {
    if (status == CLEAVE_OK || !cancel || !atomic_load(cancel))
        return status;
    return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
}

cleave_status audio_reader_open_with(AudioReader **reader, const char *path,
                                     const AudioReaderSettings *settings, cleave_error *error) {
    *reader = NULL;
    error_clear(error);
    InputFile file;
    cleave_status status = input_file_open(&file, path, error);
    if (status != CLEAVE_OK)
        return status;
    AudioSource *source = NULL;
    status = open_source(&source, &file, settings, error);
    if (!source) {
        input_file_close(&file);
        return or_cancelled(status, settings->cancel, error);
    }
    status = reader_create(reader, source, path_shown(path), error);
    if (status == CLEAVE_OK)
        (*reader)->cancel = settings->cancel;
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

void audio_reader_close(AudioReader *reader) {
    if (!reader)
        return;
    resampler_destroy(reader->resampler);
    reader->source->close(reader->source);
    free(reader->interleaved);
    free(reader->block);
    free(reader->in);
    free(reader->out);
    free(reader->name);
    free(reader);
}

/* ---- Conversion ---- */

static void free_conversion(AudioReader *reader) {
    resampler_destroy(reader->resampler);
    reader->resampler = NULL;
    free(reader->block);
    free(reader->in);
    free(reader->out);
    reader->block = NULL;
    reader->in = NULL;
    reader->out = NULL;
}

static cleave_status allocate_conversion(AudioReader *reader, cleave_error *error) {
    reader->out = calloc((size_t)reader->channels, sizeof(*reader->out));
    if (!reader->out)
        return error_memory(error, "a reader's channels", (size_t)reader->channels);
    if (reader->sample_rate == reader->source->format.sample_rate)
        return CLEAVE_OK;
    size_t floats = (size_t)reader->taken * BLOCK_FRAMES;
    reader->block = malloc(floats * sizeof(float));
    reader->in = calloc((size_t)reader->taken, sizeof(*reader->in));
    if (!reader->block || !reader->in)
        return error_memory(error, "a resampler's block", floats * sizeof(float));
    cleave_status status =
        resampler_create(&reader->resampler, reader->taken, reader->source->format.sample_rate,
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
        return error_set(
            error, CLEAVE_ERROR_ARGUMENT,
            "cannot convert audio: " PATH_FORMAT ": to %d channels at %d Hz%s; ask for "
            "a conversion once, before the first read",
            reader->name, channels, sample_rate, reader->started ? " after the first read" : "");
    if (format->channels != 1 && format->channels < channels)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot convert audio: " PATH_FORMAT ": it has %d channels and %d are "
                         "needed; give a file with %d channels or with one",
                         reader->name, format->channels, channels, channels);
    free_conversion(reader);
    reader->channels = channels;
    reader->sample_rate = sample_rate;
    reader->taken = format->channels == 1 ? 1 : channels;
    reader->mixed = format->channels > 1 && channels == 1;
    return allocate_conversion(reader, error);
}

const char *audio_reader_name(const AudioReader *reader) {
    return reader->name;
}

const AudioFormat *audio_reader_format(const AudioReader *reader) {
    return &reader->source->format;
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
    int used = reader->mixed ? 2 : reader->taken;
    for (int c = 0; c < used; c++) {
        int64_t bad = find_bad(reader->interleaved, format->channels, c, frames);
        if (bad >= 0)
            return error_set(
                error, CLEAVE_ERROR_INPUT,
                "cannot read audio: " PATH_FORMAT ": channel %d is not a number (NaN or "
                "infinity) at %.3f s; repair or render the file again",
                reader->name, c + 1, (double)(reader->position + bad) / format->sample_rate);
    }
    return CLEAVE_OK;
}

static void take_channels(const AudioReader *reader, float *const *planes, int64_t frames) {
    int channels = reader->source->format.channels;
    for (int c = 0; c < reader->taken; c++)
        for (int64_t i = 0; i < frames; i++)
            planes[c][i] = reader->interleaved[i * channels + c];
}

/* Halved before the sum, which could overflow. */
static void mix_two(const AudioReader *reader, float *plane, int64_t frames) {
    int channels = reader->source->format.channels;
    for (int64_t i = 0; i < frames; i++) {
        const float *frame = reader->interleaved + i * channels;
        plane[i] = 0.5f * frame[0] + 0.5f * frame[1];
    }
}

/* Decodes up to `frames` frames (at most BLOCK_FRAMES) into the `taken` planes. */
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
    if (reader->mixed)
        mix_two(reader, planes[0], *got);
    else
        take_channels(reader, planes, *got);
    reader->position += *got;
    return CLEAVE_OK;
}

static cleave_status read_plain(AudioReader *reader, int64_t frames, int64_t *got,
                                cleave_error *error) {
    return decode(reader, reader->out, frames, got, error);
}

static cleave_status refill(AudioReader *reader, cleave_error *error) {
    for (int c = 0; c < reader->taken; c++)
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
    for (int c = 0; c < reader->taken; c++)
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
    for (int c = reader->taken; c < reader->channels; c++)
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
