/* loudest_part.c: cleave_audio_read(): the loudest part of a file, or all of it, in memory, for
 * comparisons and timings. Two passes: the first finds the part, the second keeps it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "measure/block_reader.h"

/* The power of each block of a file. */
typedef struct Powers {
    double *sums; /* Σ s² */
    int64_t count;
    int64_t capacity;
} Powers;

static cleave_status powers_add(Powers *powers, const BlockReader *file, int64_t frames,
                                cleave_error *error) {
    if (powers->count == powers->capacity) {
        int64_t capacity = powers->capacity > 0 ? 2 * powers->capacity : 1024;
        double *sums = realloc(powers->sums, (size_t)capacity * sizeof(*sums));
        if (!sums)
            return error_memory(error, "the levels of a file", (size_t)capacity * sizeof(*sums));
        powers->sums = sums;
        powers->capacity = capacity;
    }
    double sum = 0.0;
    for (int c = 0; c < file->channels; c++)
        for (int64_t i = 0; i < frames; i++)
            sum += (double)file->planes[c][i] * (double)file->planes[c][i];
    powers->sums[powers->count++] = sum;
    return CLEAVE_OK;
}

static cleave_status powers_measure(Powers *powers, BlockReader *file, const Listener *listener,
                                    cleave_error *error) {
    int64_t got = 1;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && got > 0) {
        status = block_reader_next(file, listener, &got, error);
        if (status == CLEAVE_OK && got > 0)
            status = powers_add(powers, file, got, error);
    }
    return status;
}

/* Where the `length` frames with the most power begin: at the first frame of a block. */
static int64_t powers_loudest(const Powers *powers, int64_t frames, int64_t length) {
    int64_t window = (length + BLOCK_READER_FRAMES - 1) / BLOCK_READER_FRAMES;
    int64_t best = 0;
    double best_power = -1.0;
    for (int64_t first = 0; first * BLOCK_READER_FRAMES + length <= frames; first++) {
        double power = 0.0;
        for (int64_t i = first; i < first + window && i < powers->count; i++)
            power += powers->sums[i];
        if (power > best_power) {
            best_power = power;
            best = first;
        }
    }
    return best * BLOCK_READER_FRAMES;
}

static cleave_status allocate_audio(cleave_audio *audio, const BlockReader *file, int64_t length,
                                    cleave_error *error) {
    size_t channels = (size_t)file->channels;
    if ((uint64_t)length > SIZE_MAX / sizeof(float) / channels)
        return error_memory(error, "audio", SIZE_MAX);
    size_t bytes = channels * (size_t)length * sizeof(float);
    audio->planes = calloc(channels, sizeof(*audio->planes));
    float *samples = malloc(bytes > 0 ? bytes : 1);
    if (!audio->planes || !samples) {
        free(samples);
        error_memory(error, "audio", bytes);
        return CLEAVE_ERROR_MEMORY;
    }
    audio->planes[0] = samples; /* the one to free */
    for (size_t c = 1; c < channels; c++)
        audio->planes[c] = samples + c * (size_t)length;
    audio->channels = file->channels;
    audio->sample_rate = file->sample_rate;
    return CLEAVE_OK;
}

/* Copies what a block at `position` has of [start, start + length). */
static void keep_block(cleave_audio *audio, const BlockReader *file, int64_t position, int64_t got,
                       int64_t length) {
    int64_t from = audio->start > position ? audio->start : position;
    int64_t end = audio->start + length;
    end = position + got < end ? position + got : end;
    if (end <= from)
        return;
    for (int c = 0; c < audio->channels; c++)
        memcpy(audio->planes[c] + (from - audio->start), file->planes[c] + (from - position),
               (size_t)(end - from) * sizeof(float));
    audio->samples = end - audio->start;
}

/* The second pass. */
static cleave_status keep_part(cleave_audio *audio, BlockReader *file, const Powers *powers,
                               double seconds, const Listener *listener, cleave_error *error) {
    int64_t frames = file->position;
    double wanted = seconds * file->sample_rate;
    bool all = seconds <= 0.0 || !(wanted < (double)frames);
    int64_t length = all ? frames : (int64_t)fmax(1.0, wanted);
    int64_t got = 1;
    cleave_status status = allocate_audio(audio, file, length, error);
    if (status == CLEAVE_OK)
        status = block_reader_rewind(file, error);
    audio->start = all ? 0 : powers_loudest(powers, frames, length);
    while (status == CLEAVE_OK && got > 0 && audio->samples < length) {
        int64_t at = file->position;
        status = block_reader_next(file, listener, &got, error);
        if (status == CLEAVE_OK)
            keep_block(audio, file, at, got, length);
    }
    return status == CLEAVE_OK ? block_reader_report(file, listener, error) : status;
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
    const Listener listener = {progress, progress_user, clock_seconds()};
    const BlockSettings settings = {.channels = channels, .sample_rate = sample_rate, .passes = 2};
    BlockReader file;
    Powers powers = {0};
    cleave_status status = block_reader_open(&file, path, &settings, error);
    if (status == CLEAVE_OK)
        status = powers_measure(&powers, &file, &listener, error);
    if (status == CLEAVE_OK && file.position == 0)
        status = error_set_file(error, CLEAVE_ERROR_INPUT, "cannot read audio", path,
                                "there is no audio in it");
    if (status == CLEAVE_OK)
        status = keep_part(&own, &file, &powers, seconds, &listener, error);
    if (status == CLEAVE_OK)
        struct_give(audio, audio_size, &own, sizeof(own));
    else
        cleave_audio_free(&own);
    free(powers.sums);
    block_reader_close(&file);
    return status;
}

void cleave_audio_free(cleave_audio *audio) {
    if (!audio)
        return;
    if (audio->planes)
        free(audio->planes[0]);
    free(audio->planes);
    audio->planes = NULL;
}
