/* encoder.c: what all encoders check, and how they say that they cannot. */
#include "audio/encoder.h"

#include <stdio.h>

cleave_status encoder_refuse(const Encoder *encoder, const char *why, cleave_error *error) {
    const AudioWriterSettings *settings = &encoder->settings;
    char task[64];
    snprintf(task, sizeof(task), "cannot write %s", encoder->format->name);
    return error_advise(error,
                        error_set_file(error, CLEAVE_ERROR_OUTPUT, task, encoder->file->path,
                                       "%d channels at %d Hz: %s", settings->channels,
                                       settings->sample_rate, why),
                        "choose %s", encoder->format->instead);
}

cleave_status encoder_check(const Encoder *encoder, cleave_error *error) {
    const OutputFormat *format = encoder->format;
    const char *lack = output_format_lack(format);
    if (lack)
        return encoder_refuse(encoder, lack, error);
    if (!output_format_has_rate(format, encoder->settings.sample_rate))
        return encoder_refuse(encoder, format->rates_text, error);
    if (format->most_channels == 0 || encoder->settings.channels <= format->most_channels)
        return CLEAVE_OK;
    char why[64];
    snprintf(why, sizeof(why), "it has %d channels at most", format->most_channels);
    return encoder_refuse(encoder, why, error);
}
