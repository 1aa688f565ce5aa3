/* audio.h: audio files as streams of planar float: a reader that decodes and resamples, a writer
 * that encodes. Nothing here knows of networks or stems, and nothing holds a whole file. */
#ifndef CLEAVE_AUDIO_AUDIO_H
#define CLEAVE_AUDIO_AUDIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

/* ---- Reading ---- */

typedef struct AudioReader AudioReader;

/* What a file is, before any resampling. */
typedef struct AudioFormat {
    int channels;
    int sample_rate;
    int64_t frames; /* as the header says; 0: it does not say. Never trusted, only shown. */
} AudioFormat;

/* Opens a file for decoding. libsndfile is tried first for plain samples, and FFmpeg, if it was
 * found at build time, for everything else; then the other one is tried. */
cleave_status audio_reader_open(AudioReader **reader, const char *path, const cleave_logger *log,
                                cleave_error *error);

/* How a file is going to be read. */
typedef struct AudioReaderSettings {
    const cleave_logger *log; /* NULL: none */
    const atomic_bool
        *cancel;     /* true ends the waiting for a pipe: what is waiting returns
                        CLEAVE_ERROR_CANCELLED within a fraction of a second. NULL: never */
    bool once;       /* audio_reader_rewind() will not be called, so a stream need not be stored */
    int stream;      /* which audio stream of a file with several: 1 is the first; 0 the best */
    bool front;      /* of more than two channels take only left and right, and mix nothing */
    bool keep_going; /* if a file breaks off, that is a warning and not an error */
} AudioReaderSettings;

/* The same with settings (audio_reader_open() knows only a log). "-" is standard input; a pipe or a
 * character device is read as a stream. What cannot be decoded front to back, or is to be read
 * twice, is first copied whole into a temporary file without a name (TMPDIR, else /tmp). */
cleave_status audio_reader_open_with(AudioReader **reader, const char *path,
                                     const AudioReaderSettings *settings, cleave_error *error);

/* Opens planar audio in memory through the same interface. The caller keeps `channels` arrays of
 * `frames` floats alive until the reader is closed. */
cleave_status audio_reader_open_memory(AudioReader **reader, const float *const *planes,
                                       int channels, int64_t frames, int sample_rate,
                                       cleave_error *error);

/* Asks for output at another rate and channel count; before the first read. Resampling is soxr's
 * very high quality. Mono is copied to every channel. More than two channels become two by the
 * downmix of decode/channel_layout.h if the file says which loudspeakers they are for; else the
 * first two are taken (see audio_reader_downmix()). One channel is the mean of those two. */
cleave_status audio_reader_convert(AudioReader *reader, int channels, int sample_rate,
                                   cleave_error *error);

const AudioFormat *audio_reader_format(const AudioReader *reader);

/* What becomes of the source's channels. */
typedef enum AudioDownmix {
    AUDIO_AS_IT_IS, /* mono, stereo, or all channels */
    AUDIO_MIXED,    /* all of more than two, by their loudspeakers */
    AUDIO_FRONT,    /* left and right, as was asked */
    AUDIO_FIRST_TWO /* the first two, since the file does not say which channel is which */
} AudioDownmix;

/* By the conversion that was asked for last. */
AudioDownmix audio_reader_downmix(const AudioReader *reader);

/* How messages name what is read: its path, "standard input", "audio in memory". */
const char *audio_reader_name(const AudioReader *reader);

/* Expected number of frames at the converted rate; 0: unknown. */
int64_t audio_reader_expected_frames(const AudioReader *reader);

/* Frames decoded so far, at the file's own rate. */
int64_t audio_reader_position(const AudioReader *reader);

/* Reads up to `frames` frames into planes[channel]; *got < frames only at the end of the file, and
 * 0 from then on. Damage is passed over, with silence in its place; a file that is shorter than its
 * header says gives what it has: both end in one warning. A file that breaks off within a frame is
 * an error that says at what second, after all that decodes was read. */
cleave_status audio_reader_read(AudioReader *reader, float *const *planes, int64_t frames,
                                int64_t *got, cleave_error *error);

/* Starts over from the first frame, with the same conversion. */
cleave_status audio_reader_rewind(AudioReader *reader, cleave_error *error);

void audio_reader_close(AudioReader *reader);

/* Whether a file is audio in a format that an AudioWriter writes and holds all that its header
 * promises; then *frames is its length, else 0. Looks at the headers and the end of the file, so
 * that long files take no longer; damage in between is not seen. A file that is missing or cannot
 * be read is not whole; the only possible error is a lack of memory. */
cleave_status audio_file_is_whole(const char *path, bool *whole, int64_t *frames,
                                  cleave_error *error);

/* ---- Writing ---- */

typedef struct AudioWriter AudioWriter;

typedef struct AudioWriterSettings {
    int channels;
    int sample_rate;
    cleave_format format;
    cleave_bits bits;
    int64_t expected_frames; /* 0: unknown. Decides the container of large WAV files only. */
} AudioWriterSettings;

/* Checks that this build writes a format: CLEAVE_OK, or CLEAVE_ERROR_ARGUMENT with what to do. */
cleave_status audio_format_check(cleave_format format, cleave_error *error);

/* Checks that a format and a bit depth go together ("flac float" does not) and returns the depth
 * that CLEAVE_BITS_AUTO stands for (0 for lossy formats, which have none). */
cleave_status audio_writer_bits(cleave_format format, cleave_bits bits, cleave_bits *chosen,
                                cleave_error *error);

/* "wav", "flac", …: as people ask for it, and as its files end. */
const char *audio_format_name(cleave_format format);
const char *audio_format_extension(cleave_format format);

/* The sample rate that a format has in place of this one: the same, but with Opus. */
int audio_format_rate(cleave_format format, int rate);

/* Opens a temporary file in the folder of `path`, which is made if it is missing. `path` itself is
 * neither touched nor created before audio_writer_commit(). If the system has files without names
 * (Linux's O_TMPFILE), the temporary file has no name before audio_writer_prepare(), and a process
 * that is killed leaves nothing behind. */
cleave_status audio_writer_open(AudioWriter **writer, const char *path,
                                const AudioWriterSettings *settings, cleave_error *error);

/* Whether a format can be written front to back, without going back to its header: CLEAVE_OK, or
 * CLEAVE_ERROR_ARGUMENT. */
cleave_status audio_writer_can_stream(cleave_format format, cleave_error *error);

/* Writes into a descriptor, which is borrowed, as blocks of audio become ready: WAV with lengths of
 * 0xFFFFFFFF ("until the end"), or raw samples. There is no temporary file: prepare and
 * commit do nothing, and after a failure what was sent stays sent. *cancel (NULL: never) ends the
 * waiting for a reader that takes nothing, with CLEAVE_ERROR_CANCELLED. If SIGPIPE is ignored, a
 * pipe's reader that goes away is an error. */
cleave_status audio_writer_open_stream(AudioWriter **writer, int fd, const atomic_bool *cancel,
                                       const AudioWriterSettings *settings, cleave_error *error);

/* Says that what is written comes at another rate than the file's; once, before the first write.
 * Resampling is soxr's very high quality, without delay. */
cleave_status audio_writer_convert(AudioWriter *writer, int from_rate, cleave_error *error);

/* Sets how many frames the file will have, before it is finished; otherwise the file is as long as
 * its input. Only for a writer that converts: the length of its input was rounded before. */
void audio_writer_end_at(AudioWriter *writer, int64_t frames);

/* Frames of the file so far. */
int64_t audio_writer_frames(const AudioWriter *writer);

/* Writes `frames` frames from planes[channel]. Integer formats clip at full scale; float and
 * lossy ones take samples as they are, but players of lossy ones clip them. Samples beyond ±1 are
 * counted in all formats but float. A sample that is not a number is an error. The file does not
 * depend on how the calls divide the signal. After an error the writer can only be closed. */
cleave_status audio_writer_write(AudioWriter *writer, const float *const *planes, int64_t frames,
                                 cleave_error *error);

/* Completes the temporary file: header, flush, fsync, close. It has no final name yet. */
cleave_status audio_writer_finish(AudioWriter *writer, cleave_error *error);

/* Gives a finished file its temporary name, if it has none yet, and checks that a file of the final
 * name can be replaced. Prepare all files before the first is committed: then only a rename within
 * a folder can still fail. */
cleave_status audio_writer_prepare(AudioWriter *writer, cleave_error *error);

/* Renames a finished file to its final name, replacing the file that has it; prepares it first if
 * that was not done. From then on the file stays, even if others fail. */
cleave_status audio_writer_commit(AudioWriter *writer, cleave_error *error);

double audio_writer_peak(const AudioWriter *writer);     /* largest |sample| so far */
int64_t audio_writer_clipped(const AudioWriter *writer); /* samples beyond ±1; 0 with float */

/* Frees a writer. A file that was not committed is removed, with the folders that this writer made
 * if they are empty. The first of several writers makes a new folder, so close them in reverse
 * order. NULL is allowed. */
void audio_writer_close(AudioWriter *writer);

#endif
