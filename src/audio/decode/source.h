/* source.h: what the reader reads from: one decoder of one file (or audio in memory) at its own
 * rate and channel count. A decoder embeds AudioSource as its first member. */
#ifndef CLEAVE_AUDIO_DECODE_SOURCE_H
#define CLEAVE_AUDIO_DECODE_SOURCE_H

#include "audio/audio.h"
#include "audio/decode/channel_layout.h"
#include "audio/input/input_file.h"

typedef struct AudioSource AudioSource;

struct AudioSource {
    AudioFormat format;
    ChannelLayout layout;
    cleave_logger log; /* what is said of a file goes here */
    bool keep_going;   /* as in AudioReaderSettings */
    bool judged;       /* what its end shows has been said: once, in however many passes */
    /* Reads up to `frames` interleaved frames. *got may be less than asked for at any time; it is 0
     * at the end only. */
    cleave_status (*read)(AudioSource *source, float *interleaved, int64_t frames, int64_t *got,
                          cleave_error *error);
    cleave_status (*rewind)(AudioSource *source, cleave_error *error);
    void (*close)(AudioSource *source);
};

/* In the error of a decoder that knows the file's format but finds no sound in it. */
#define SOURCE_NO_AUDIO "no audio stream in it"

/* In the error of one that finds fewer audio streams than asked for; their number follows. */
#define SOURCE_NO_SUCH_STREAM "audio streams in it: "

/* In the error of one that finds sound that would be noise if it were played; its coding follows.
 */
#define SOURCE_DISGUISED "in PCM's place it holds "

/* In the error of one that finds sound that may not be read. */
#define SOURCE_PROTECTED "encrypted by its seller (DRM)"

/* The file decoders take *file over when they succeed (it is then closed with the source), and
 * leave it to the caller when they fail. */
cleave_status source_sndfile_open(AudioSource **source, InputFile *file,
                                  const AudioReaderSettings *settings, cleave_error *error);
#ifdef HAVE_FFMPEG
cleave_status source_ffmpeg_open(AudioSource **source, InputFile *file,
                                 const AudioReaderSettings *settings, cleave_error *error);
#endif

/* Borrows the planes. */
cleave_status source_memory_open(AudioSource **source, const float *const *planes, int channels,
                                 int64_t frames, int sample_rate, cleave_error *error);

/* Takes over what a source needs of the settings. */
void source_init(AudioSource *source, const AudioReaderSettings *settings);

/* The error of a file that was there in the first pass and is another, or none, in the second. */
cleave_status source_changed(const char *path, cleave_error *error);

#endif
