/* audio.h: what the tests of audio files share: signals, files made by libsndfile, and whole files
 * read back. */
#ifndef CLEAVE_TESTS_SUPPORT_AUDIO_H
#define CLEAVE_TESTS_SUPPORT_AUDIO_H

#include <sndfile.h>
#include <stdbool.h>

#include "tests/support/files.h"

#include "audio/audio.h"
#include "tests/support/between.h"
#include "tests/support/texts.h"

/* Path of a file in tests/data/audio; valid until eight more are asked for. */
const char *in_data(const char *name);

/* Planar audio. */
typedef struct Audio {
    int channels;
    int sample_rate;
    int64_t frames;
    float *planes[16];
} Audio;

Audio audio_new(int channels, int sample_rate, int64_t frames);

/* Different sines of amplitude 0.5 / (channel + 1) in each channel. */
Audio audio_sines(int channels, int sample_rate, int64_t frames);

/* Noise that does not repeat, within ±amplitude. */
Audio audio_noise(int channels, int sample_rate, int64_t frames, float amplitude);

/* Noise of multiples of 2^(1-bits), which that integer depth holds exactly. */
Audio audio_integer_noise(int channels, int sample_rate, int64_t frames, int bits);

void audio_free(Audio *audio);

/* Encodes with libsndfile itself, not with the code under test. */
void make_file(const char *path, int sndfile_format, const Audio *audio);

/* Reads a file to its end through an AudioReader, `step` frames at a time, converted (0: not). */
Audio read_audio(const char *path, const cleave_logger *log, int channels, int sample_rate,
                 int64_t step);

/* Reads a file as it is. read_audio_warned(PATH, WORD, …) expects exactly one warning, and these
 * words in it; read_audio_quietly() expects none. */
#define read_audio_warned(path, ...) \
    read_audio_with_warning(path, (const char *const[]){__VA_ARGS__, NULL})
Audio read_audio_with_warning(const char *path, const char *const *words);
Audio read_audio_quietly(const char *path);

/* Reads until the error that must come, wherever it comes. */
void expect_read_error(const char *path, cleave_error *error);

/* Writes with an AudioWriter: open, write, finish, commit, close; all must succeed. */
void write_audio(const char *path, cleave_format format, cleave_bits bits, const Audio *audio);

/* The same, with an expected length that need not be the true one. */
void write_audio_expecting(const char *path, cleave_format format, cleave_bits bits,
                           const Audio *audio, int64_t expected_frames);

/* Bit for bit. */
void assert_same_audio(const Audio *a, const Audio *b);

/* Signal to noise in dB over all channels and the frames [from, to). */
double snr_db(const Audio *signal, const Audio *other, int64_t from, int64_t to);

bool built_with_ffmpeg(void);
bool reads_extension(const char *extension);

/* Whether this build writes a format. */
bool writes_format(cleave_format format);
bool built_with_mp3(void);

#endif
