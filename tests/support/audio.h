/* fixture.h: what the audio tests share: a folder of their own, signals, files made by libsndfile,
 * whole files read back, and a log that can be looked into. */
#ifndef TESTS_AUDIO_FIXTURE_H
#define TESTS_AUDIO_FIXTURE_H

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sndfile.h>
#include <stdbool.h>

#include "audio/audio.h"
#include "tests/support/between.h"

/* cmocka setup and teardown of one test: an empty folder, removed with all that is in it. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Path of a name in the folder; valid until eight more are asked for. "" is the folder. */
const char *in_folder(const char *name);

/* Path of a file in tests/data/audio. */
const char *in_data(const char *name);

/* Entries in a folder, . and .. not counted; -1 where it is not there. */
int count_entries(const char *folder);

/* A log that keeps its lines. */
typedef struct LogKeeper {
    cleave_logger logger;
    int lines;
    char last[1024];
} LogKeeper;
void log_keeper_init(LogKeeper *keeper);

/* Whole files as bytes. */
unsigned char *read_bytes(const char *path, size_t *size);
void write_bytes(const char *path, const void *bytes, size_t size);

/* Writes the first `size` bytes of one file to another. */
void cut_file(const char *from, const char *to, size_t size);

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

/* The text is one line and holds each of the words. */
#define assert_text_has(text, ...) assert_words(text, (const char *const[]){__VA_ARGS__, NULL})
void assert_words(const char *text, const char *const *words);

bool built_with_ffmpeg(void);
bool reads_extension(const char *extension);

/* Whether this build writes a format. */
bool writes_format(cleave_format format);
bool built_with_mp3(void);

#endif
