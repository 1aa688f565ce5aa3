/* ffmpeg_source.c: FFmpeg as a source. Silence in the place of what was lost keeps the rest in
 * step.
 */
#include "audio/ffmpeg/ffmpeg_source.h"

#include <stdlib.h>
#include <string.h>

#include "audio/ffmpeg/ffmpeg_source_private.h"
#include "audio/input/metadata_tags.h"

static cleave_status check_same_format(const FfmpegSource *source, cleave_error *error) {
    const AudioFormat *format = &source->base.format;
    int channels = ffmpeg_frame_channels(&source->input);
    int rate = source->input.frame->sample_rate;
    if (channels == format->channels && rate == format->sample_rate)
        return CLEAVE_OK;
    return error_advise(error,
                        error_set_file(error, CLEAVE_ERROR_INPUT, "cannot read audio",
                                       source->file.path,
                                       "from %d channels at %d Hz it changes to %d at %d Hz at "
                                       "%.3f s",
                                       format->channels, format->sample_rate, channels, rate,
                                       (double)source->position / format->sample_rate),
                        "convert the file to WAV first");
}

/* Frames that may be handed out of those at hand; 0 where only padding follows. */
static int64_t before_padding(const FfmpegSource *source, int64_t frames) {
    if (source->audio_end == 0)
        return frames;
    int64_t left = source->audio_end - source->position;
    return left < 0 ? 0 : left < frames ? left : frames;
}

static int64_t give_silence(FfmpegSource *source, float *interleaved, int64_t frames) {
    int64_t count = before_padding(source, frames < source->silence ? frames : source->silence);
    memset(interleaved, 0, (size_t)(count * source->base.format.channels) * sizeof(*interleaved));
    source->silence -= count;
    return count;
}

/* What follows as padding is read, so that the end of the file can be judged, and dropped. */
static cleave_status drop_the_rest(FfmpegSource *source, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && source->frame_count > 0)
        status = ffmpeg_next_frame(source, error);
    source->silence = 0;
    return status;
}

static cleave_status give_samples(FfmpegSource *source, float *interleaved, int64_t frames,
                                  int64_t *got, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (source->silence > 0) {
        *got = give_silence(source, interleaved, frames);
    } else if (source->frame_count > 0) {
        int64_t left = source->frame_count - source->frame_used;
        int64_t count = before_padding(source, frames < left ? frames : left);
        status = check_same_format(source, error);
        if (status == CLEAVE_OK)
            ffmpeg_take_samples(source, interleaved, (int)count);
        *got = count;
    }
    source->position += *got;
    return status;
}

static cleave_status source_read(AudioSource *base, float *interleaved, int64_t frames,
                                 int64_t *got, cleave_error *error) {
    FfmpegSource *source = (FfmpegSource *)base;
    cleave_status status = CLEAVE_OK;
    *got = 0;
    if (source->silence == 0 && source->frame_used == source->frame_count)
        status = ffmpeg_next_frame(source, error);
    if (status != CLEAVE_OK)
        error_prefix(error, "cannot read audio: " PATH_FORMAT, source->file.path);
    else
        status = give_samples(source, interleaved, frames, got, error);
    if (status != CLEAVE_OK || *got > 0 || frames == 0)
        return status;
    status = drop_the_rest(source, error);
    return status == CLEAVE_OK ? ffmpeg_judge_end(source, error) : status;
}

/* From a stream FFmpeg decodes a WAV only if it holds PCM: the blocks of other codings need the
 * data chunk's length. It takes an empty data chunk for one of unknown length, and 24 bits in 32
 * for floats. */
static cleave_status check_wav_stream(const FfmpegSource *source, SourceFailure *failure) {
    const DataChunk *chunk = &source->description.chunk;
    bool is_empty = chunk->declared == 0 && !chunk->unfinished;
    const WaveFormat *wave = &chunk->wave;
    bool is_filled = (wave->valid_bits == 0 || wave->valid_bits == wave->bits) &&
                     wave->block * 8 == wave->channels * wave->bits;
    if (!ffmpeg_is_container(&source->input, "wav") ||
        (ffmpeg_source_is_pcm(source) && chunk->found && !is_empty && is_filled))
        return CLEAVE_OK;
    return source_fail(failure, SOURCE_FAILED, "FFmpeg: a WAV that cannot be read as it comes");
}

static cleave_status check_contents(const FfmpegSource *source, SourceFailure *failure) {
    cleave_status status =
        source->file.stream ? check_wav_stream(source, failure) : (cleave_status)CLEAVE_OK;
    if (status == CLEAVE_OK && ffmpeg_source_is_pcm(source) && source->description.disguise)
        status = source_is_disguised(failure, source->description.disguise);
    return status;
}

/* The first frame is decoded at once. It shows the format, at which headers only hint (AAC with
 * spectral band replication has twice the rate that they name). */
static cleave_status source_start(FfmpegSource *source, const cleave_logger *log,
                                  SourceFailure *failure) {
    source->file.position = 0;
    source->file.error = 0;
    source->file.shrunk = false;
    source->position = 0;
    source->silence = 0;
    source->gaps = (Gaps){0};
    source->end_time = 0;
    source->draining = false;
    source->cut_short = false;
    cleave_status status =
        ffmpeg_input_open(&source->input, &source->file, &source->opening, log, failure);
    if (status == CLEAVE_OK)
        status = check_contents(source, failure);
    if (status == CLEAVE_OK)
        status = ffmpeg_next_frame(source, &failure->error);
    return status;
}

static cleave_status source_rewind(AudioSource *base, cleave_error *error) {
    FfmpegSource *source = (FfmpegSource *)base;
    SourceFailure failure = {.cause = SOURCE_FAILED};
    if (source->file.stream)
        return error_set_file(error, CLEAVE_ERROR_INTERNAL, "cannot read audio", source->file.path,
                              "a stream cannot be read twice");
    ffmpeg_input_close(&source->input);
    cleave_status status = source_start(source, NULL, &failure);
    if (status != CLEAVE_OK && error) {
        *error = failure.error;
        error_prefix(error, "cannot read audio: " PATH_FORMAT, source->file.path);
    }
    return status;
}

static void source_close(AudioSource *base) {
    FfmpegSource *source = (FfmpegSource *)base;
    ffmpeg_input_close(&source->input);
    input_file_close(&source->file);
    free(source);
}

static int64_t expected_frames(FfmpegSource *source, int sample_rate) {
    const DataChunk *chunk = &source->description.chunk;
    int64_t duration = source->input.container->duration;
    int block = ffmpeg_stream(&source->input)->codecpar->block_align;
    int64_t frames = ffmpeg_source_promise(source).frames;
    if (chunk->outgrown && !source->file.stream && block > 0)
        return (source->file.size - chunk->offset) / block;
    bool is_streamed_wav = source->file.stream && chunk->found;
    if (frames <= 0 && !is_streamed_wav && duration > 0)
        return av_rescale(duration, sample_rate, (int64_t)AV_TIME_BASE);
    return frames;
}

static void set_format(FfmpegSource *source) {
    bool have_frame = source->frame_count > 0;
    AudioFormat *format = &source->base.format;
    format->channels =
        have_frame ? ffmpeg_frame_channels(&source->input) : ffmpeg_codec_channels(&source->input);
    format->sample_rate =
        have_frame ? source->input.frame->sample_rate : source->input.codec->sample_rate;
    source->base.layout = ffmpeg_layout(&source->input);
    if (format->sample_rate < 1)
        return;
    format->frames = expected_frames(source, format->sample_rate);
    source->audio_end = ffmpeg_padding_begins(&source->input, &source->file, format->sample_rate);
}

static bool may_be_empty(const FfmpegSource *source) {
    return source->description.chunk.found || (source->gaps.places == 0 && !source->cut_short &&
                                               source->input.container->duration <= 0);
}

cleave_status source_ffmpeg_open(AudioSource **source, InputFile *file,
                                 const FileDescription *description,
                                 const AudioReaderSettings *settings, SourceFailure *failure) {
    const DataChunk *chunk = &description->chunk;
    *source = NULL;
    FfmpegSource *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(&failure->error, "a decoder", sizeof(*created));
    source_init(&created->base, settings);
    created->file = *file;
    created->file.overlay_size = 0;
    created->description = *description;
    if (!chunk->found)
        created->file.size -= tags_behind(&created->file);
    created->opening.audio_stream = settings->stream;
    created->opening.ignore_length = chunk->unfinished && (file->stream || chunk->outgrown);
    cleave_status status = source_start(created, settings->log, failure);
    if (status == CLEAVE_OK && created->frame_count == 0 && !may_be_empty(created))
        status = source_fail(failure, SOURCE_FAILED, "FFmpeg: nothing in it can be decoded");
    if (status != CLEAVE_OK) {
        ffmpeg_input_close(&created->input);
        free(created);
        return status;
    }
    set_format(created);
    created->base.read = source_read;
    created->base.rewind = source_rewind;
    created->base.close = source_close;
    *source = &created->base;
    return CLEAVE_OK;
}
