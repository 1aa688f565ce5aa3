/* encoder.h: what the writer writes to: one encoder of one output file. It gets interleaved blocks,
 * already clipped and rounded where the format has integers. */
#ifndef CLEAVE_AUDIO_WRITE_ENCODER_H
#define CLEAVE_AUDIO_WRITE_ENCODER_H

#include "audio/audio.h"
#include "base/output_file.h"

typedef struct Encoder Encoder;

/* NULL, or why this build cannot write a format, as the end of a sentence. */
const char *encoder_lacks(cleave_format format);

/* settings->bits is a depth that audio_writer_bits() chose. The file is borrowed. */
cleave_status encoder_open(Encoder **encoder, OutputFile *file, const AudioWriterSettings *settings,
                           cleave_error *error);

/* Integer depths: `samples` is int32_t with the sample in its high bits (shifted left by 32 less
 * the depth). Otherwise it is float. */
cleave_status encoder_write(Encoder *encoder, const void *samples, int64_t frames,
                            cleave_error *error);

/* Writes what is outstanding, header included, through to the OutputFile. */
cleave_status encoder_finish(Encoder *encoder, cleave_error *error);

/* NULL is allowed. */
void encoder_close(Encoder *encoder);

#endif
