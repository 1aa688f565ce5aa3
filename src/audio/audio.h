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
    int64_t frames; /* as the header says; 0 where it does not. Never trusted, only shown. */
} AudioFormat;

/* Opens a file for decoding. libsndfile reads plain samples; everything else is FFmpeg's, where it
 * was found at build time, and whatever one of them refuses is the other's. */
cleave_status audio_reader_open(AudioReader **reader, const char *path, const cleave_logger *log,
                                cleave_error *error);

/* How a file is going to be read. */
typedef struct AudioReaderSettings {
    const cleave_logger *log;  /* NULL: none */
    const atomic_bool *cancel; /* NULL, or what ends the waiting for a pipe: whatever is waiting
                                  returns CLEAVE_ERROR_CANCELLED within a fraction of a second */
    bool once;  /* audio_reader_rewind() will not be called: a stream need not be spooled for it */
    int stream; /* which audio stream of a file with several: 1 is the first; 0 the best */
    bool front; /* of more than two channels take left and right alone, and mix nothing */
    bool keep_going; /* a file that breaks off ends there with a warning, and not with an error */
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
 * downmix of channels.h where the file says which loudspeakers they are for, else the first two are
 * taken (audio_reader_downmix() tells); one channel is the mean of those two. */
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

/* Expected number of frames at the converted rate; 0 where unknown. */
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
 * promises; then *frames is its length, else 0. Looks at headers and at the file's end, so that it
 * takes no longer for a longer file: damage in between goes unseen. A file that is missing or
 * cannot be read is not whole; the only error is one of memory. */
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

/* Opens a temporary file in the folder of `path` (made, with its parents, where missing). The file
 * of that name is neither touched nor created before audio_writer_commit(). Where the system has
 * files without names (Linux's O_TMPFILE), the temporary file has none before
 * audio_writer_prepare(), and a process that is killed leaves nothing of it. */
cleave_status audio_writer_open(AudioWriter **writer, const char *path,
                                const AudioWriterSettings *settings, cleave_error *error);

/* Whether a format can be written front to back, with no word in its header about what follows:
 * CLEAVE_OK, or CLEAVE_ERROR_ARGUMENT. */
cleave_status audio_writer_can_stream(cleave_format format, cleave_error *error);

/* Writes into a descriptor, which is borrowed, as blocks of audio become ready: WAV with lengths of
 * 0xFFFFFFFF ("until the end"), or raw samples. Nothing is temporary: prepare and commit have
 * nothing left to do, and after a failure what was sent stays sent. *cancel (NULL: none) ends the
 * waiting for a reader that takes nothing, with CLEAVE_ERROR_CANCELLED. A pipe's reader that goes
 * away is an error where SIGPIPE is ignored. */
cleave_status audio_writer_open_stream(AudioWriter **writer, int fd, const atomic_bool *cancel,
                                       const AudioWriterSettings *settings, cleave_error *error);

/* Says that what is written comes at another rate than the file's; once, before the first write.
 * Resampling is soxr's very high quality, without delay. */
cleave_status audio_writer_convert(AudioWriter *writer, int from_rate, cleave_error *error);

/* Says how many frames the file is to have, before it is finished; where it is not told, those that
 * were written have their duration. For a writer that converts only: its input has lost what was
 * rounded off of the length. */
void audio_writer_end_at(AudioWriter *writer, int64_t frames);

/* Frames of the file so far. */
int64_t audio_writer_frames(const AudioWriter *writer);

/* Writes `frames` frames from planes[channel]. Integer formats clip at full scale; float and
 * lossy ones take samples as they are, but players of lossy ones clip them. Samples beyond ±1 are
 * counted in all formats but float. A sample that is no number is an error. The file does not
 * depend on how the calls cut the signal up. After an error the writer can only be closed. */
cleave_status audio_writer_write(AudioWriter *writer, const float *const *planes, int64_t frames,
                                 cleave_error *error);

/* Completes the temporary file: header, flush, fsync, close. Nothing has its final name yet. */
cleave_status audio_writer_finish(AudioWriter *writer, cleave_error *error);

/* Gives a finished file its temporary name, if it has none yet, and checks that what has the final
 * name, if anything, can be replaced. Of several files, prepare all before the first is committed:
 * what is left to fail then is a rename within a folder. */
cleave_status audio_writer_prepare(AudioWriter *writer, cleave_error *error);

/* Renames a finished file to its final name, replacing the file that has it; prepares it before,
 * where that was not done. From then on the file stays, whatever becomes of others. */
cleave_status audio_writer_commit(AudioWriter *writer, cleave_error *error);

double audio_writer_peak(const AudioWriter *writer);     /* largest |sample| so far */
int64_t audio_writer_clipped(const AudioWriter *writer); /* samples beyond ±1; 0 with float */

/* Frees a writer; a file that was not committed is removed, and so are the folders that this
 * writer made, where they are empty. Of several writers into one new folder the first made it, so
 * close them in the reverse of the order in which they were opened. NULL is allowed. */
void audio_writer_close(AudioWriter *writer);

#endif
