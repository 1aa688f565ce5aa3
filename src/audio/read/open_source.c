/* open_source.c: opens a file, chooses which decoder tries first, and stores a stream that cannot
 * be decoded as it comes. */
#include "audio/read/open_source.h"

#include <errno.h>
#include <string.h>

#ifdef HAVE_FFMPEG
#include "audio/ffmpeg/ffmpeg_source.h"
#endif
#include "audio/read/refusal.h"

/* ---- Files ---- */

#ifdef HAVE_FFMPEG
static const OpenSource sndfile_first[] = {source_sndfile_open, source_ffmpeg_open, NULL};
static const OpenSource ffmpeg_first[] = {source_ffmpeg_open, source_sndfile_open, NULL};
#else
static const OpenSource sndfile_first[] = {source_sndfile_open, NULL};
static const OpenSource ffmpeg_first[] = {source_sndfile_open, NULL};
#endif

/* libsndfile reads a WAV or W64 of plain samples, and G.721, which FFmpeg unpacks wrongly. What
 * else they may hold (MP3, DTS, ADPCM, …), openly or in the place of samples, FFmpeg reads. */
static bool is_for_sndfile(const FileDescription *description) {
    const WaveFormat *wave = &description->chunk.wave;
    if (!wave->found && wave->channels > 2)
        return false; /* an AIFF whose loudspeakers FFmpeg knows */
    bool plain = !wave->found || wave->tag == WAVE_PCM || wave->tag == WAVE_FLOAT ||
                 wave->tag == WAVE_ALAW || wave->tag == WAVE_MULAW || wave->tag == WAVE_G721;
    return plain && !description->disguise;
}

static const OpenSource *decoders_for(const FileDescription *description) {
    FileKind kind = description->look.kind;
    bool encoded = kind == FILE_ENCODED_AUDIO || kind == FILE_FFMPEG_AUDIO;
    return !encoded && is_for_sndfile(description) ? sndfile_first : ffmpeg_first;
}

/* Whether no other decoder need be asked. */
static bool is_final(SourceCause cause) {
    return cause == SOURCE_PROTECTED || cause == SOURCE_NO_SUCH_STREAM;
}

static cleave_status open_file(AudioSource **source, InputFile *file,
                               const AudioReaderSettings *settings, cleave_error *error) {
    FileDescription description = file_describe(file);
    Refusal refusal = {.file = file, .description = &description, .stream = settings->stream};
    for (const OpenSource *open = decoders_for(&description); *open; open++) {
        SourceFailure *failure = &refusal.failures[refusal.count++];
        cleave_status status = (*open)(source, file, &description, settings, failure);
        if (status == CLEAVE_OK)
            return CLEAVE_OK;
        if (status == CLEAVE_ERROR_MEMORY) {
            if (error)
                *error = failure->error;
            return status;
        }
        if (is_final(failure->cause))
            break;
    }
    return refusal_explain(&refusal, error);
}

/* ---- Streams ---- */

static cleave_status stream_failed(const InputFile *file, const char *why, const char *advice,
                                   cleave_error *error) {
    return error_advise(
        error,
        error_set_file(error, CLEAVE_ERROR_INPUT, "cannot read audio", file->path, "%s", why), "%s",
        advice);
}

static cleave_status stream_broken(const InputFile *file, cleave_error *error) {
    return stream_failed(file, strerror(errno), "look at the program that writes to it", error);
}

/* Decodes a stream as it comes; false if that cannot be done. A decoder that gives up has taken
 * less than is kept, or else nothing more can be tried. */
static bool open_flow(AudioSource **source, InputFile *file, const AudioReaderSettings *settings) {
#ifdef HAVE_FFMPEG
    SourceFailure failure;
    if (!settings->once || !file_identify(file).flows)
        return false;
    FileDescription description = file_describe(file);
    /* Of a WAV FFmpeg must not take more than is kept before it is known what is in it. */
    if (description.look.kind == FILE_AUDIO && !description.chunk.found)
        return false;
    return source_ffmpeg_open(source, file, &description, settings, &failure) == CLEAVE_OK;
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
        return stream_broken(file, error);
    InputFile head;
    cleave_status status = input_file_spool(file, &head, true, error);
    if (status != CLEAVE_OK)
        return status;
    AudioSource *source = NULL;
    status = open_file(&source, &head, &(AudioReaderSettings){0}, error);
    if (source)
        source->close(source);
    else
        input_file_close(&head);
    return status;
}

/* Puts a copy of all that comes in the stream's place. */
static cleave_status store_stream(InputFile *file, cleave_error *error) {
    if (!input_stream_is_whole(file->stream))
        return stream_failed(file, "no audio in the first megabytes of the stream",
                             "save it to a file first", error);
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
        return stream_broken(file, error);
    if (file->stream->kept > 0)
        return CLEAVE_OK;
    return stream_failed(file, "the stream is empty", "look at the program that should write to it",
                         error);
}

static cleave_status open_stream(AudioSource **source, InputFile *file,
                                 const AudioReaderSettings *settings, cleave_error *error) {
    file->stream->cancel = settings->cancel;
    cleave_status status = check_begun(file, error);
    if (status == CLEAVE_OK && open_flow(source, file, settings))
        return CLEAVE_OK;
    if (status == CLEAVE_OK)
        status = store_stream(file, error);
    return status == CLEAVE_OK ? open_file(source, file, settings, error) : status;
}

cleave_status open_source(AudioSource **source, const char *path,
                          const AudioReaderSettings *settings, cleave_error *error) {
    InputFile file;
    *source = NULL;
    cleave_status status = input_file_open(&file, path, error);
    if (status != CLEAVE_OK)
        return status;
    status = file.stream ? open_stream(source, &file, settings, error)
                         : open_file(source, &file, settings, error);
    if (status != CLEAVE_OK)
        input_file_close(&file);
    return status;
}
