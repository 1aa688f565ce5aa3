/* block_reader.c: see block_reader.h. */
#include "measure/block_reader.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/path_format.h"

/* How many of the file's channels are read. */
static cleave_status choose_channels(BlockReader *block, int most, cleave_error *error) {
    const AudioFormat *format = audio_reader_format(block->reader);
    block->channels = format->channels < most ? format->channels : most;
    block->sample_rate = format->sample_rate;
    if (block->channels == format->channels)
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

cleave_status block_reader_open(BlockReader *block, const char *path, int most_channels,
                                cleave_error *error) {
    *block = (BlockReader){.path = path};
    cleave_status status = audio_reader_open(&block->reader, path, NULL, error);
    if (status == CLEAVE_OK)
        status = choose_channels(block, most_channels, error);
    if (status == CLEAVE_OK)
        status = allocate_block(block, error);
    if (status == CLEAVE_OK)
        block->expected = audio_reader_expected_frames(block->reader);
    return status;
}

static cleave_status tell(const BlockReader *block, const Listener *listener, cleave_error *error) {
    if (!listener || !listener->callback)
        return CLEAVE_OK;
    cleave_progress progress = {.samples_done = block->position,
                                .samples_total = block->expected,
                                .seconds = clock_seconds() - listener->begin};
    if (listener->callback(listener->user, &progress) == 0)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled while reading " PATH_FORMAT,
                     block->path);
}

cleave_status block_reader_next(BlockReader *block, const Listener *listener, int64_t *got,
                                cleave_error *error) {
    *got = 0;
    cleave_status status = tell(block, listener, error);
    if (status == CLEAVE_OK)
        status = audio_reader_read(block->reader, block->planes, BLOCK_READER_FRAMES, got, error);
    block->position += *got;
    return status;
}

void block_reader_close(BlockReader *block) {
    audio_reader_close(block->reader);
    free(block->samples);
    free(block->planes);
    *block = (BlockReader){0};
}
