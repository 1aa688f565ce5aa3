/* source.c: what all decoders of files have in common. */
#include "audio/decode/source.h"

void source_init(AudioSource *source, const AudioReaderSettings *settings) {
    if (settings->log)
        source->log = *settings->log;
    source->keep_going = settings->keep_going;
}

cleave_status source_changed(const char *path, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT ": it changed or vanished between two "
                     "passes; leave the file alone while it is read",
                     path);
}
