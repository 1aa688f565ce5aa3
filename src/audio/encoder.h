/* encoder.h: what the writer writes to: one encoder of one output file. It gets interleaved blocks,
 * already clipped and rounded where the format has integers. */
#ifndef CLEAVE_AUDIO_ENCODER_H
#define CLEAVE_AUDIO_ENCODER_H

#include "audio/audio.h"
#include "audio/output_file.h"

/* Most frames in one call of write(). */
#define ENCODER_BLOCK_FRAMES 4096

typedef struct Encoder Encoder;

struct Encoder {
    /* Integer depths: `samples` is int32_t with the sample in its high bits (shifted left by 32
     * less the depth). Otherwise it is float. */
    cleave_status (*write)(Encoder *encoder, const void *samples, int64_t frames,
                           cleave_error *error);
    /* Writes what is outstanding, header included, through to the OutputFile. */
    cleave_status (*finish)(Encoder *encoder, cleave_error *error);
    void (*close)(Encoder *encoder);
};

/* settings->bits is a depth that audio_writer_bits() chose. The file is borrowed. */
cleave_status encoder_open_wav(Encoder **encoder, OutputFile *file,
                               const AudioWriterSettings *settings, cleave_error *error);
cleave_status encoder_open_sndfile(Encoder **encoder, OutputFile *file,
                                   const AudioWriterSettings *settings, cleave_error *error);

/* ---- The WAV header, for its tests ---- */

#define WAV_HEADER_CAPACITY 96

/* Writes the header of a WAV file with `data_bytes` of samples and returns its size, which does not
 * depend on data_bytes. Beyond 4 GB it is RF64's. */
size_t wav_header(unsigned char header[WAV_HEADER_CAPACITY], const AudioWriterSettings *settings,
                  int64_t data_bytes);

#endif
