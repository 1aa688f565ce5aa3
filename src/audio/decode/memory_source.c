/* memory_source.c: planar audio in memory as a source. */
#include <stdlib.h>

#include "audio/decode/source.h"

typedef struct MemorySource {
    AudioSource base;
    const float *const *planes;
    int64_t frames;
    int64_t position;
} MemorySource;

static cleave_status memory_read(AudioSource *source, float *interleaved, int64_t frames,
                                 int64_t *got, cleave_error *error) {
    (void)error;
    MemorySource *memory = (MemorySource *)source;
    int64_t left = memory->frames - memory->position;
    int64_t count = frames < left ? frames : left;
    int channels = source->format.channels;
    for (int c = 0; c < channels; c++) {
        const float *plane = memory->planes[c] + memory->position;
        for (int64_t i = 0; i < count; i++)
            interleaved[i * channels + c] = plane[i];
    }
    memory->position += count;
    *got = count;
    return CLEAVE_OK;
}

static cleave_status memory_rewind(AudioSource *source, cleave_error *error) {
    (void)error;
    ((MemorySource *)source)->position = 0;
    return CLEAVE_OK;
}

static void memory_close(AudioSource *source) {
    free(source);
}

cleave_status source_memory_open(AudioSource **source, const float *const *planes, int channels,
                                 int64_t frames, int sample_rate, cleave_error *error) {
    *source = NULL;
    if (channels < 1 || channels > SOURCE_MAX_CHANNELS || frames < 0 || sample_rate < 1)
        return error_advise(
            error,
            error_set(error, CLEAVE_ERROR_ARGUMENT,
                      "audio in memory: %d channels of %lld samples at %d Hz make no sense",
                      channels, (long long)frames, sample_rate),
            "give 1 to %d channels, 0 or more samples and a rate in Hz", SOURCE_MAX_CHANNELS);
    MemorySource *memory = calloc(1, sizeof(*memory));
    if (!memory)
        return error_memory(error, "a reader", sizeof(*memory));
    memory->base.format = (AudioFormat){channels, sample_rate, frames};
    memory->base.read = memory_read;
    memory->base.rewind = memory_rewind;
    memory->base.close = memory_close;
    memory->planes = planes;
    memory->frames = frames;
    *source = &memory->base;
    return CLEAVE_OK;
}
