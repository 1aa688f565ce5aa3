/* source.h: what the reader reads from: one decoder of one file, or audio in memory, at its own
 * rate and with its own channels. A decoder has AudioSource as its first member. */
#ifndef CLEAVE_AUDIO_DECODE_SOURCE_H
#define CLEAVE_AUDIO_DECODE_SOURCE_H

#include "audio/audio.h"
#include "audio/decode/channel_layout.h"
#include "audio/input/file_description.h"

typedef struct AudioSource AudioSource;

struct AudioSource {
    AudioFormat format;
    ChannelLayout layout;
    cleave_logger log; /* receives what there is to say about the file */
    bool keep_going;   /* as in AudioReaderSettings */
    bool judged;       /* its end was reported: once, in however many passes */
    /* Reads up to `frames` interleaved frames. *got may be less than asked for at any time; it is 0
     * at the end only. */
    cleave_status (*read)(AudioSource *source, float *interleaved, int64_t frames, int64_t *got,
                          cleave_error *error);
    cleave_status (*rewind)(AudioSource *source, cleave_error *error);
    void (*close)(AudioSource *source);
};

/* Why a decoder does not open a file. */
typedef enum SourceCause {
    SOURCE_FAILED,         /* anything else; the error says what */
    SOURCE_NO_AUDIO,       /* the decoder knows the file's format, but finds no sound in it */
    SOURCE_NO_SUCH_STREAM, /* fewer audio streams than asked for: `streams` */
    SOURCE_DISGUISED,      /* its samples are not PCM as its header says, but `coding` */
    SOURCE_PROTECTED       /* encrypted by its seller */
} SourceCause;

typedef struct SourceFailure {
    SourceCause cause;
    int streams;        /* how many audio streams there are */
    const char *coding; /* static */
    cleave_error error; /* the status, and a short reason that names the library */
} SourceFailure;

/* Writes a failure with CLEAVE_ERROR_INPUT, and returns that. */
cleave_status source_fail(SourceFailure *failure, SourceCause cause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The failure of a file that has `streams` audio streams, and not as many as asked for. */
cleave_status source_lacks_stream(SourceFailure *failure, int streams);

/* The failure of a file that holds `coding` where its header says PCM. */
cleave_status source_is_disguised(SourceFailure *failure, const char *coding);

/* A decoder of files. It takes *file over if it succeeds (the file is then closed with the source),
 * and leaves it to the caller if it fails. */
typedef cleave_status (*OpenSource)(AudioSource **source, InputFile *file,
                                    const FileDescription *description,
                                    const AudioReaderSettings *settings, SourceFailure *failure);

cleave_status source_sndfile_open(AudioSource **source, InputFile *file,
                                  const FileDescription *description,
                                  const AudioReaderSettings *settings, SourceFailure *failure);

/* Borrows the planes. */
cleave_status source_memory_open(AudioSource **source, const float *const *planes, int channels,
                                 int64_t frames, int sample_rate, cleave_error *error);

/* Copies what a source needs of the settings. */
void source_init(AudioSource *source, const AudioReaderSettings *settings);

/* The error of a file that is missing or another one in the second pass. */
cleave_status source_changed(const char *path, cleave_error *error);

#endif
