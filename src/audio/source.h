/* source.h: what the reader reads from: one decoder of one file (or audio in memory) at its own
 * rate and channel count. A decoder embeds AudioSource as its first member. */
#ifndef CLEAVE_AUDIO_SOURCE_H
#define CLEAVE_AUDIO_SOURCE_H

#include "audio/audio.h"
#include "audio/identify.h"
#include "audio/input_file.h"

typedef struct AudioSource AudioSource;

struct AudioSource {
    AudioFormat format;
    /* Reads up to `frames` interleaved frames. *got may be less than asked for at any time; it is 0
     * at the end only. */
    cleave_status (*read)(AudioSource *source, float *interleaved, int64_t frames, int64_t *got,
                          cleave_error *error);
    cleave_status (*rewind)(AudioSource *source, cleave_error *error);
    void (*close)(AudioSource *source);
};

/* Most channels that a source may have: more is a damaged header. */
#define SOURCE_MAX_CHANNELS 1024

/* In the error of a decoder that knows the file's format but finds no sound in it. */
#define SOURCE_NO_AUDIO "no audio stream in it"

/* The file decoders take *file over when they succeed (it is then closed with the source), and
 * leave it to the caller when they fail. log may be NULL; it is copied. */
cleave_status source_sndfile_open(AudioSource **source, InputFile *file, const cleave_logger *log,
                                  cleave_error *error);
#ifdef HAVE_FFMPEG
cleave_status source_ffmpeg_open(AudioSource **source, InputFile *file, const cleave_logger *log,
                                 cleave_error *error);
#endif

/* Borrows the planes. */
cleave_status source_memory_open(AudioSource **source, const float *const *planes, int channels,
                                 int64_t frames, int sample_rate, cleave_error *error);

/* The error of a file that ends too early or cannot be decoded further. `position` and `total` in
 * frames; total 0 where it is not known. */
cleave_status source_breaks_off(const AudioSource *source, const char *path, int64_t position,
                                int64_t total, const char *why, cleave_error *error);

#endif
