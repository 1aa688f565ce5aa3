/* excerpt.c: the loudest part of a file, or all of it, in memory: for those who compare or time.
 * The public part is in cleave.h. Two passes: the first finds the part, the second keeps it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/audio.h"
#include "base/clock.h"
#include "base/path_format.h"
#include "base/public_struct.h"
#include "cleave/extra.h"

#define BLOCK_FRAMES 4096

typedef struct Excerpt {
    AudioReader *reader;
    const char *path;
    int channels;
    int sample_rate;
    float *block;
    float **planes; /* of the block */
    double *powers; /* Σ s² of each block */
    int64_t blocks;
    int64_t capacity; /* of powers */
    int64_t frames;   /* of the whole file */
    cleave_progress_callback progress;
    void *user;
    double begin;
} Excerpt;

static void excerpt_close(Excerpt *excerpt) {
    audio_reader_close(excerpt->reader);
    free(excerpt->block);
    free(excerpt->planes);
    free(excerpt->powers);
}

static cleave_status excerpt_open(Excerpt *excerpt, const char *path, int channels, int sample_rate,
                                  cleave_error *error) {
    excerpt->path = path;
    cleave_status status = audio_reader_open(&excerpt->reader, path, NULL, error);
    if (status != CLEAVE_OK)
        return status;
    const AudioFormat *format = audio_reader_format(excerpt->reader);
    excerpt->channels = channels > 0 ? channels : format->channels;
    excerpt->sample_rate = sample_rate > 0 ? sample_rate : format->sample_rate;
    if (excerpt->channels != format->channels || excerpt->sample_rate != format->sample_rate)
        status =
            audio_reader_convert(excerpt->reader, excerpt->channels, excerpt->sample_rate, error);
    if (status != CLEAVE_OK)
        return status;
    size_t bytes = (size_t)excerpt->channels * BLOCK_FRAMES * sizeof(float);
    excerpt->block = malloc(bytes);
    excerpt->planes = calloc((size_t)excerpt->channels, sizeof(*excerpt->planes));
    if (!excerpt->block || !excerpt->planes)
        return error_memory(error, "a block of audio", bytes);
    for (int c = 0; c < excerpt->channels; c++)
        excerpt->planes[c] = excerpt->block + (size_t)c * BLOCK_FRAMES;
    return CLEAVE_OK;
}

static cleave_status add_power(Excerpt *excerpt, int64_t frames, cleave_error *error) {
    if (excerpt->blocks == excerpt->capacity) {
        int64_t capacity = excerpt->capacity > 0 ? 2 * excerpt->capacity : 1024;
        double *powers = realloc(excerpt->powers, (size_t)capacity * sizeof(*powers));
        if (!powers)
            return error_memory(error, "the levels of a file", (size_t)capacity * sizeof(*powers));
        excerpt->powers = powers;
        excerpt->capacity = capacity;
    }
    double sum = 0.0;
    for (int c = 0; c < excerpt->channels; c++)
        for (int64_t i = 0; i < frames; i++)
            sum += (double)excerpt->planes[c][i] * (double)excerpt->planes[c][i];
    excerpt->powers[excerpt->blocks++] = sum;
    excerpt->frames += frames;
    return CLEAVE_OK;
}

/* A pass is half of the work; `before` is what the first one did. */
static cleave_status tell(const Excerpt *excerpt, int64_t before, int64_t frames,
                          cleave_error *error) {
    cleave_progress state = {.samples_done = before + frames,
                             .samples_total = 2 * audio_reader_expected_frames(excerpt->reader),
                             .seconds = clock_seconds() - excerpt->begin};
    if (!excerpt->progress || excerpt->progress(excerpt->user, &state) == 0)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled while reading " PATH_FORMAT,
                     excerpt->path);
}

static cleave_status measure(Excerpt *excerpt, cleave_error *error) {
    int64_t got = BLOCK_FRAMES;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && got > 0) {
        status = audio_reader_read(excerpt->reader, excerpt->planes, BLOCK_FRAMES, &got, error);
        if (status == CLEAVE_OK && got > 0)
            status = add_power(excerpt, got, error);
        if (status == CLEAVE_OK)
            status = tell(excerpt, 0, excerpt->frames, error);
    }
    return status;
}

/* The first of the blocks from which `length` frames have the most power. */
static int64_t loudest_start(const Excerpt *excerpt, int64_t length) {
    int64_t window = (length + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
    int64_t best = 0;
    double best_power = -1.0;
    for (int64_t first = 0; first * BLOCK_FRAMES + length <= excerpt->frames; first++) {
        double power = 0.0;
        for (int64_t i = first; i < first + window && i < excerpt->blocks; i++)
            power += excerpt->powers[i];
        if (power > best_power) {
            best_power = power;
            best = first;
        }
    }
    return best * BLOCK_FRAMES;
}

static cleave_status allocate_audio(cleave_audio *audio, const Excerpt *excerpt, int64_t length,
                                    cleave_error *error) {
    size_t channels = (size_t)excerpt->channels;
    if ((uint64_t)length > SIZE_MAX / sizeof(float) / channels)
        return error_memory(error, "audio", SIZE_MAX);
    size_t bytes = channels * (size_t)length * sizeof(float);
    audio->planes = calloc(channels, sizeof(*audio->planes));
    float *samples = malloc(bytes > 0 ? bytes : 1);
    if (!audio->planes || !samples) {
        free(samples);
        return error_memory(error, "audio", bytes);
    }
    audio->planes[0] = samples; /* by which they are freed */
    for (size_t c = 1; c < channels; c++)
        audio->planes[c] = samples + c * (size_t)length;
    audio->channels = excerpt->channels;
    audio->sample_rate = excerpt->sample_rate;
    return CLEAVE_OK;
}

/* Copies what a block at `position` has of [start, start + length). */
static void keep_block(cleave_audio *audio, const Excerpt *excerpt, int64_t position, int64_t got,
                       int64_t length) {
    int64_t from = audio->start > position ? audio->start : position;
    int64_t end = audio->start + length;
    end = position + got < end ? position + got : end;
    if (end <= from)
        return;
    for (int c = 0; c < audio->channels; c++)
        memcpy(audio->planes[c] + (from - audio->start), excerpt->planes[c] + (from - position),
               (size_t)(end - from) * sizeof(float));
    audio->samples = end - audio->start;
}

static cleave_status keep(Excerpt *excerpt, cleave_audio *audio, double seconds,
                          cleave_error *error) {
    double wanted = seconds * excerpt->sample_rate;
    bool all = seconds <= 0.0 || !(wanted < (double)excerpt->frames);
    int64_t length = all ? excerpt->frames : (int64_t)fmax(1.0, wanted);
    int64_t got = BLOCK_FRAMES;
    cleave_status status = allocate_audio(audio, excerpt, length, error);
    if (status == CLEAVE_OK)
        status = audio_reader_rewind(excerpt->reader, error);
    audio->start = all ? 0 : loudest_start(excerpt, length);
    for (int64_t at = 0; status == CLEAVE_OK && got > 0 && audio->samples < length; at += got) {
        status = audio_reader_read(excerpt->reader, excerpt->planes, BLOCK_FRAMES, &got, error);
        if (status == CLEAVE_OK)
            keep_block(audio, excerpt, at, got, length);
        if (status == CLEAVE_OK)
            status = tell(excerpt, excerpt->frames, at + got, error);
    }
    return status;
}

cleave_status cleave_audio_read_sized(const char *path, int channels, int sample_rate,
                                      double seconds, cleave_audio *audio, size_t audio_size,
                                      cleave_progress_callback progress, void *progress_user,
                                      cleave_error *error) {
    cleave_audio own = {0};
    error_clear(error);
    struct_give(audio, audio_size, &own, sizeof(own));
    if (!path || !audio || channels < 0 || sample_rate < 0)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "cannot read audio: the path or the result is NULL, or a number negative");
    Excerpt excerpt = {.progress = progress, .user = progress_user, .begin = clock_seconds()};
    cleave_status status = excerpt_open(&excerpt, path, channels, sample_rate, error);
    if (status == CLEAVE_OK)
        status = measure(&excerpt, error);
    if (status == CLEAVE_OK && excerpt.frames == 0)
        status =
            error_set(error, CLEAVE_ERROR_INPUT, PATH_FORMAT ": there is no audio in it", path);
    if (status == CLEAVE_OK)
        status = keep(&excerpt, &own, seconds, error);
    if (status == CLEAVE_OK)
        struct_give(audio, audio_size, &own, sizeof(own));
    else
        cleave_audio_free(&own);
    excerpt_close(&excerpt);
    return status;
}

CLEAVE_API void cleave_audio_free(cleave_audio *audio) {
    if (!audio)
        return;
    if (audio->planes)
        free(audio->planes[0]);
    free(audio->planes);
    audio->planes = NULL;
}
