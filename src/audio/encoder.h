/* encoder.h: what the writer writes to: one encoder of one output file. It takes interleaved
 * blocks, already rounded and clipped where the format has integers. An encoder has Encoder as its
 * first member. */
#ifndef CLEAVE_AUDIO_ENCODER_H
#define CLEAVE_AUDIO_ENCODER_H

#include "audio/audio.h"
#include "audio/formats.h"
#include "base/output_file.h"

typedef struct Encoder Encoder;

struct Encoder {
    const OutputFormat *format;
    OutputFile *file; /* borrowed */
    AudioWriterSettings settings;
    /* Integer depths: `samples` is int32_t with the sample in its high bits (shifted left by 32
     * less the depth). Otherwise it is float. */
    cleave_status (*write)(Encoder *encoder, const void *samples, int64_t frames,
                           cleave_error *error);
    /* Writes what is outstanding, header included, through to the OutputFile. */
    cleave_status (*finish)(Encoder *encoder, cleave_error *error);
    void (*close)(Encoder *encoder);
};

/* Opens an encoder of one library. settings->bits is a depth that audio_writer_bits() chose. */
typedef cleave_status (*OpenEncoder)(Encoder **encoder, OutputFile *file,
                                     const AudioWriterSettings *settings, cleave_error *error);

/* Checks that this build writes the format, and that the format takes the rate and the channels. */
cleave_status encoder_check(const Encoder *encoder, cleave_error *error);

/* The error of a signal that the format or its library cannot take. */
cleave_status encoder_refuse(const Encoder *encoder, const char *why, cleave_error *error);

#endif
