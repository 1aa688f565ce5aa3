/* ffmpeg_source_end.c: what a stream should have held, and how it ended. */
#include "audio/decode/source_end.h"
#include "audio/ffmpeg/ffmpeg_source_private.h"
#include "audio/input/ogg_end.h"

static bool is_streamed_wav(const FfmpegSource *source) {
    return source->file.stream && source->description.chunk.found;
}

/* A WAV that comes as a stream says its length in bytes. */
Promise ffmpeg_source_promise(FfmpegSource *source) {
    if (!is_streamed_wav(source))
        return ffmpeg_promise(&source->input, &source->file, ffmpeg_source_rate(source));
    int bytes = ffmpeg_stream(&source->input)->codecpar->block_align;
    Promise promise = {.counted = true};
    if (!source->description.chunk.unfinished && bytes > 0)
        promise.frames = source->description.chunk.declared / bytes;
    return promise;
}

/* Recordings of broadcasts end anywhere. */
static bool is_recording(const FfmpegSource *source) {
    return ffmpeg_is_container(&source->input, "mpeg");
}

/* Why the stream is cut within a frame; NULL: it is not. Decoders
 * report no error for a cut frame of MP3; if the header promises no more, it is only a doubt. */
static const char *why_broken(const FfmpegSource *source, OggEnd ogg_end, bool promised) {
    bool ends_with_mark = ogg_end == OGG_ENDS_WHOLE && ffmpeg_is_container(&source->input, "ogg") &&
                          !source->file.stream;
    if (ogg_end == OGG_ENDS_WITHIN_PAGE)
        return "the file ends within a page of its stream";
    if (ends_with_mark)
        return NULL; /* whatever stands behind it */
    bool cut = source->cut_short || (source->frame_is_cut && promised);
    if (!cut || ffmpeg_source_is_pcm(source) || is_recording(source))
        return NULL;
    return source->file.stream ? "the stream ends within a frame" : "the file ends within a frame";
}

static const char *why_doubtful(const FfmpegSource *source, OggEnd ogg_end) {
    return source->frame_is_cut ? "it ends within a frame; it may have been longer"
                                : ogg_end_doubt(ogg_end);
}

/* Turns a time at which packets should have ended into a number of frames. */
static int64_t promised_position(const FfmpegSource *source, const Promise *promise) {
    if (!promise->of_times || promise->frames == 0)
        return promise->frames;
    int64_t end = ffmpeg_frames(&source->input, source->end_time, ffmpeg_source_rate(source));
    int64_t decoded = source->gaps.origin + source->position - source->gaps.beyond;
    if (decoded > end) /* some packets do not tell how long they are */
        end = decoded;
    return source->position + promise->frames - end - source->gaps.beyond;
}

cleave_status ffmpeg_judge_end(FfmpegSource *source, cleave_error *error) {
    bool is_ogg = ffmpeg_is_container(&source->input, "ogg") && !source->file.stream;
    OggEnd ogg_end = is_ogg ? ogg_end_find(&source->file) : OGG_ENDS_WHOLE;
    Promise promise = ffmpeg_source_promise(source);
    const Gaps *gaps = &source->gaps;
    SourceEnd end = {.path = source->file.path,
                     .position = source->position,
                     .promised = promised_position(source, &promise),
                     .tolerance = promise.tolerance,
                     .read_error = input_file_failure(&source->file),
                     .broken = why_broken(source, ogg_end, promise.frames > 0),
                     .doubt = why_doubtful(source, ogg_end),
                     .damaged_places = gaps->places,
                     .first_damage = gaps->first,
                     .silence = gaps->silence,
                     .more_is_remarkable = promise.counted};
    if (source->description.chunk.found && !source->file.stream && !source->base.judged)
        chunk_warn_of_length(&source->description.chunk, source->file.path, source->position,
                             ffmpeg_source_rate(source), &source->base.log);
    return source_end_judge(&source->base, &end, error);
}
