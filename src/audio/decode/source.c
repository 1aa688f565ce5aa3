/* source.c: what all decoders of files have in common. */
#include "audio/decode/source.h"

#include <stdio.h>

void source_init(AudioSource *source, const AudioReaderSettings *settings) {
    if (settings->log)
        source->log = *settings->log;
    source->keep_going = settings->keep_going;
}

cleave_status source_fail(SourceFailure *failure, SourceCause cause, const char *format, ...) {
    char why[160];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    failure->cause = cause;
    return error_set(&failure->error, CLEAVE_ERROR_INPUT, "%s", why);
}

cleave_status source_lacks_stream(SourceFailure *failure, int streams) {
    failure->streams = streams;
    return source_fail(failure, SOURCE_NO_SUCH_STREAM, "it has %d audio streams", streams);
}

cleave_status source_is_disguised(SourceFailure *failure, const char *coding) {
    failure->coding = coding;
    return source_fail(failure, SOURCE_DISGUISED, "it holds %s in place of PCM", coding);
}

cleave_status source_changed(const char *path, cleave_error *error) {
    return error_advise(error,
                        error_set_file(error, CLEAVE_ERROR_INPUT, "cannot read audio", path,
                                       "it changed or vanished between two passes"),
                        "leave the file alone while it is read");
}
