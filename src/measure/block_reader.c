/* block_reader.c: a reader with a block of its own. */
#include "measure/block_reader.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/path_format.h"

static cleave_status choose_shape(BlockReader *block, const BlockSettings *settings,
                                  cleave_error *error) {
    const AudioFormat *format = audio_reader_format(block->reader);
    int most = settings->most_channels;
    block->channels = most > 0 && format->channels > most ? most : format->channels;
    if (settings->channels > 0)
        block->channels = settings->channels;
    block->sample_rate = settings->sample_rate > 0 ? settings->sample_rate : format->sample_rate;
    if (block->channels == format->channels && block->sample_rate == format->sample_rate)
        return CLEAVE_OK;
    return audio_reader_convert(block->reader, block->channels, block->sample_rate, error);
}

static cleave_status allocate_block(BlockReader *block, cleave_error *error) {
    size_t channels = (size_t)block->channels;
    size_t bytes = channels * BLOCK_READER_FRAMES * sizeof(float);
    block->samples = malloc(bytes);
    block->planes = calloc(channels, sizeof(*block->planes));
    if (!block->samples || !block->planes)
        return error_memory(error, "a block of audio", bytes);
    for (size_t c = 0; c < channels; c++)
        block->planes[c] = block->samples + c * BLOCK_READER_FRAMES;
    return CLEAVE_OK;
}

cleave_status block_reader_open(BlockReader *block, const char *path, const BlockSettings *settings,
                                cleave_error *error) {
    *block = (BlockReader){.path = path, .passes = settings->passes > 0 ? settings->passes : 1};
    cleave_status status = audio_reader_open(&block->reader, path, NULL, error);
    if (status == CLEAVE_OK)
        status = choose_shape(block, settings, error);
    if (status == CLEAVE_OK)
        status = allocate_block(block, error);
    if (status == CLEAVE_OK)
        block->expected = audio_reader_expected_frames(block->reader);
    return status;
}

cleave_status block_reader_report(const BlockReader *block, const Listener *listener,
                                  cleave_error *error) {
    if (!listener || !listener->callback)
        return CLEAVE_OK;
    cleave_progress progress = {.samples_done = block->earlier + block->position,
                                .samples_total = block->passes * block->expected,
                                .seconds = clock_seconds() - listener->begin};
    if (listener->callback(listener->user, &progress) == 0)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled while reading " PATH_FORMAT,
                     block->path);
}

cleave_status block_reader_next(BlockReader *block, const Listener *listener, int64_t *got,
                                cleave_error *error) {
    *got = 0;
    cleave_status status = block_reader_report(block, listener, error);
    if (status == CLEAVE_OK)
        status = audio_reader_read(block->reader, block->planes, BLOCK_READER_FRAMES, got, error);
    block->position += *got;
    return status;
}

cleave_status block_reader_rewind(BlockReader *block, cleave_error *error) {
    block->earlier += block->position;
    block->position = 0;
    return audio_reader_rewind(block->reader, error);
}

void block_reader_close(BlockReader *block) {
    audio_reader_close(block->reader);
    free(block->samples);
    free(block->planes);
    *block = (BlockReader){0};
}
