/* source.c: what all decoders of files have in common. */
#include "audio/source.h"

#include <stdio.h>

cleave_status source_breaks_off(const AudioSource *source, const char *path, int64_t position,
                                int64_t total, const char *why, cleave_error *error) {
    double rate = source->format.sample_rate;
    char of[64] = "";
    if (total > position)
        snprintf(of, sizeof(of), " of %.3f s", (double)total / rate);
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT
                     ": breaks off at %.3f s%s: %s; try to copy or "
                     "download it again",
                     path, (double)position / rate, of, why);
}
