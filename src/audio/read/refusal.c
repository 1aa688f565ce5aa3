/* refusal.c: puts what the decoders said of a file, and how it begins, into words for the user. */
#include "audio/read/refusal.h"

#include <stdio.h>
#include <string.h>

#include "audio/input/stream_headers.h"

#ifdef HAVE_FFMPEG
#define BUILT_WITH_FFMPEG true
#else
#define BUILT_WITH_FFMPEG false
#endif

#define TASK "cannot read audio"

/* Older FLAC decoders know no more. */
#define MOST_FLAC_BITS 24

static cleave_status refuse(const Refusal *refusal, cleave_error *error, const char *advice,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));

static cleave_status refuse(const Refusal *refusal, cleave_error *error, const char *advice,
                            const char *format, ...) {
    char reason[CLEAVE_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    error_set_file(error, CLEAVE_ERROR_INPUT, TASK, refusal->file->path, "%s", reason);
    return error_advise(error, CLEAVE_ERROR_INPUT, "%s", advice);
}

static const SourceFailure *find_cause(const Refusal *refusal, SourceCause cause) {
    for (int i = 0; i < refusal->count; i++)
        if (refusal->failures[i].cause == cause)
            return &refusal->failures[i];
    return NULL;
}

/* "libsndfile: …, FFmpeg: …" */
typedef struct Reasons {
    char text[MOST_DECODERS * 160];
} Reasons;

static Reasons all_reasons(const Refusal *refusal) {
    Reasons why = {""};
    for (int i = 0; i < refusal->count; i++) {
        size_t used = strlen(why.text);
        snprintf(why.text + used, sizeof(why.text) - used, "%s%.150s", used > 0 ? ", " : "",
                 refusal->failures[i].error.text);
    }
    return why;
}

/* A file that is whole and of a known kind, but that nothing here can decode; CLEAVE_OK: it is not
 * such a file. */
static cleave_status refuse_whole_file(const Refusal *refusal, cleave_error *error) {
    const SourceFailure *lacks_stream = find_cause(refusal, SOURCE_NO_SUCH_STREAM);
    const SourceFailure *disguised = find_cause(refusal, SOURCE_DISGUISED);
    if (lacks_stream)
        return refuse(refusal, error, "ask for one from 1 on",
                      "there is no audio stream %d in it; it has %d", refusal->stream,
                      lacks_stream->streams);
    if (disguised)
        return refuse(refusal, error, "convert it with FFmpeg or a player that knows it",
                      "its samples are not PCM, as its header says, but %s, which cannot be "
                      "decoded from it here",
                      disguised->coding);
    if (find_cause(refusal, SOURCE_PROTECTED))
        return refuse(refusal, error,
                      "only the seller's programs can play it: give a copy without protection",
                      "it is encrypted by its seller (DRM)");
    if (flac_bits(refusal->file) > MOST_FLAC_BITS)
        return refuse(refusal, error, "convert it to 24 bits or to WAV (flac -d)",
                      "its samples have %d bits, and the FLAC decoders of this build know %d at "
                      "most",
                      flac_bits(refusal->file), MOST_FLAC_BITS);
    return CLEAVE_OK;
}

cleave_status refusal_explain(const Refusal *refusal, cleave_error *error) {
    const FileLook *look = &refusal->description->look;
    Reasons why = all_reasons(refusal);
    cleave_status status = refuse_whole_file(refusal, error);
    if (status != CLEAVE_OK)
        return status;
    if (look->kind == FILE_FFMPEG_AUDIO && !BUILT_WITH_FFMPEG)
        return refuse(refusal, error,
                      "install libavformat, libavcodec and libavutil for developers and build "
                      "again, or convert the file to WAV",
                      "this is %s, and this build of cleave lacks FFmpeg", look->name);
    if (look->kind == FILE_NOT_AUDIO)
        return refuse(refusal, error, "give an audio file such as WAV, FLAC or MP3",
                      "this is %s, not audio", look->name);
    if (find_cause(refusal, SOURCE_NO_AUDIO))
        return refuse(refusal, error,
                      "give a file that holds sound, or if this one should, try to copy or "
                      "download it again",
                      "this is %s with no audio stream in it",
                      look->kind == FILE_UNKNOWN ? "a file" : look->name);
    const char *path = refusal->file->path;
    bool unknown = look->kind == FILE_UNKNOWN;
    if (unknown)
        error_set_file(error, CLEAVE_ERROR_INPUT, TASK, path, "not a known audio format");
    else
        error_set_file(error, CLEAVE_ERROR_INPUT, TASK, path,
                       "it begins like %s but is truncated or damaged%s", look->name,
                       BUILT_WITH_FFMPEG ? ""
                                         : ", or needs FFmpeg, which this build of cleave lacks");
    error_detail(error, CLEAVE_ERROR_INPUT, "%s", why.text);
    return error_advise(error, CLEAVE_ERROR_INPUT,
                        unknown ? "convert the file to WAV or FLAC"
                                : "try to copy or download it again");
}
