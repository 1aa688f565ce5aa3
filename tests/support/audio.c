/* audio.c: audio in memory and in files, for tests. */
#include "tests/support/audio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "cleave/extra.h"

const char *in_data(const char *name) {
    static TestPath paths[8];
    static int next;
    TestPath *path = &paths[next++ % 8];
    TestPath folder = test_data("audio");
    snprintf(path->text, sizeof(path->text), "%.800s/%.200s", folder.text, name);
    return path->text;
}

Audio audio_new(int channels, int sample_rate, int64_t frames) {
    Audio audio = {channels, sample_rate, frames, {NULL}};
    assert_true(channels <= 16);
    for (int c = 0; c < channels; c++) {
        audio.planes[c] = calloc((size_t)frames + 1, sizeof(float));
        assert_non_null(audio.planes[c]);
    }
    return audio;
}

Audio audio_sines(int channels, int sample_rate, int64_t frames) {
    Audio audio = audio_new(channels, sample_rate, frames);
    for (int c = 0; c < channels; c++)
        for (int64_t i = 0; i < frames; i++)
            audio.planes[c][i] = (float)(0.5 / (c + 1) *
                                         sin(2 * 3.14159265358979323846 * (440.0 + 220.0 * c) *
                                             (double)i / sample_rate));
    return audio;
}

Audio audio_noise(int channels, int sample_rate, int64_t frames, float amplitude) {
    Audio audio = audio_new(channels, sample_rate, frames);
    uint64_t seed = 1;
    for (int c = 0; c < channels; c++)
        for (int64_t i = 0; i < frames; i++)
            audio.planes[c][i] = amplitude * ((float)(random_next(&seed) >> 40) * 0x1p-23f - 1.0f);
    return audio;
}

Audio audio_integer_noise(int channels, int sample_rate, int64_t frames, int bits) {
    Audio audio = audio_new(channels, sample_rate, frames);
    uint64_t seed = 2;
    for (int c = 0; c < channels; c++)
        for (int64_t i = 0; i < frames; i++)
            audio.planes[c][i] = (float)((int32_t)(uint32_t)random_next(&seed) >> (32 - bits)) /
                                 (float)(1 << (bits - 1));
    return audio;
}

void audio_free(Audio *audio) {
    for (int c = 0; c < audio->channels; c++)
        free(audio->planes[c]);
    memset(audio, 0, sizeof(*audio));
}

static bool has_integers(int format) {
    int subtype = format & SF_FORMAT_SUBMASK;
    return subtype == SF_FORMAT_PCM_16 || subtype == SF_FORMAT_PCM_24 ||
           subtype == SF_FORMAT_ALAC_16;
}

#define BLOCK 1024 /* frames */

/* Frames [first, first + count). libsndfile multiplies floats by full scale less one; integers it
 * takes as they are. */
static void write_block(SNDFILE *file, const SF_INFO *info, const Audio *audio, int64_t first,
                        int64_t count) {
    static float floats[BLOCK * 16];
    static int integers[BLOCK * 16];
    for (int64_t i = 0; i < count * audio->channels; i++) {
        floats[i] = audio->planes[i % audio->channels][first + i / audio->channels];
        if (has_integers(info->format))
            integers[i] = (int)fmin(rint((double)floats[i] * 2147483648.0), 2147483647.0);
    }
    sf_count_t written = has_integers(info->format) ? sf_writef_int(file, integers, count)
                                                    : sf_writef_float(file, floats, count);
    assert_int_equal(written, count);
}

void make_file(const char *path, int sndfile_format, const Audio *audio) {
    SF_INFO info = {0};
    info.channels = audio->channels;
    info.samplerate = audio->sample_rate;
    info.format = sndfile_format;
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    for (int64_t i = 0; i < audio->frames; i += BLOCK)
        write_block(file, &info, audio, i, audio->frames - i < BLOCK ? audio->frames - i : BLOCK);
    assert_int_equal(sf_close(file), 0);
}

static void audio_append(Audio *audio, float *const *planes, int64_t frames) {
    for (int c = 0; c < audio->channels; c++) {
        float *grown =
            realloc(audio->planes[c], (size_t)(audio->frames + frames + 1) * sizeof(float));
        assert_non_null(grown);
        memcpy(grown + audio->frames, planes[c], (size_t)frames * sizeof(float));
        audio->planes[c] = grown;
    }
    audio->frames += frames;
}

Audio read_audio(const char *path, const cleave_logger *log, int channels, int sample_rate,
                 int64_t step) {
    AudioReader *reader;
    cleave_error error;
    if (audio_reader_open(&reader, path, log, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    const AudioFormat *format = audio_reader_format(reader);
    if (channels || sample_rate)
        assert_int_equal(audio_reader_convert(reader, channels ? channels : format->channels,
                                              sample_rate ? sample_rate : format->sample_rate,
                                              &error),
                         CLEAVE_OK);
    Audio audio = audio_new(channels ? channels : format->channels,
                            sample_rate ? sample_rate : format->sample_rate, 0);
    Audio block = audio_new(audio.channels, audio.sample_rate, step);
    int64_t got = step;
    while (got == step) {
        if (audio_reader_read(reader, block.planes, step, &got, &error) != CLEAVE_OK)
            fail_msg("%s", error.text);
        audio_append(&audio, block.planes, got);
    }
    assert_int_equal(audio_reader_read(reader, block.planes, step, &got, &error), CLEAVE_OK);
    assert_int_equal(got, 0);
    audio_free(&block);
    audio_reader_close(reader);
    return audio;
}

static Audio read_with_warnings(const char *path, LogKeeper *log, int warnings) {
    log_keeper_init(log);
    Audio audio = read_audio(path, &log->logger, 0, 0, 1000);
    if (log->lines != warnings)
        fail_msg("%s: %d warnings in place of %d, the last: %s", path, log->lines, warnings,
                 log->last);
    return audio;
}

Audio read_audio_with_warning(const char *path, const char *const *words) {
    LogKeeper log;
    Audio audio = read_with_warnings(path, &log, 1);
    assert_words(log.last, words);
    return audio;
}

Audio read_audio_quietly(const char *path) {
    LogKeeper log;
    return read_with_warnings(path, &log, 0);
}

void expect_read_error(const char *path, cleave_error *error) {
    AudioReader *reader;
    cleave_status status = audio_reader_open(&reader, path, NULL, error);
    if (status == CLEAVE_OK) {
        Audio block = audio_new(audio_reader_format(reader)->channels, 1, 1000);
        int64_t got = 1000;
        while (status == CLEAVE_OK && got > 0)
            status = audio_reader_read(reader, block.planes, 1000, &got, error);
        audio_free(&block);
        audio_reader_close(reader);
    } else {
        assert_null(reader);
    }
    assert_int_equal(status, CLEAVE_ERROR_INPUT);
    assert_int_equal(error->status, status);
}

void write_audio(const char *path, cleave_format format, cleave_bits bits, const Audio *audio) {
    write_audio_expecting(path, format, bits, audio, audio->frames);
}

void write_audio_expecting(const char *path, cleave_format format, cleave_bits bits,
                           const Audio *audio, int64_t expected_frames) {
    AudioWriterSettings settings = {audio->channels, audio->sample_rate, format, bits,
                                    expected_frames};
    AudioWriter *writer;
    cleave_error error;
    if (audio_writer_open(&writer, path, &settings, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    if (audio_writer_write(writer, (const float *const *)audio->planes, audio->frames, &error))
        fail_msg("%s", error.text);
    if (audio_writer_finish(writer, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    if (audio_writer_commit(writer, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    audio_writer_close(writer);
}

void assert_same_audio(const Audio *a, const Audio *b) {
    assert_int_equal(a->channels, b->channels);
    assert_int_equal(a->sample_rate, b->sample_rate);
    assert_int_equal(a->frames, b->frames);
    for (int c = 0; c < a->channels; c++)
        assert_memory_equal(a->planes[c], b->planes[c], (size_t)a->frames * sizeof(float));
}

double snr_db(const Audio *signal, const Audio *other, int64_t from, int64_t to) {
    double power = 0;
    double noise = 0;
    for (int c = 0; c < signal->channels; c++)
        for (int64_t i = from; i < to; i++) {
            double s = (double)signal->planes[c][i];
            double d = s - (double)other->planes[c][i];
            power += s * s;
            noise += d * d;
        }
    return 10 * log10(power / noise);
}

bool reads_extension(const char *extension) {
    for (const char *const *e = cleave_input_extensions(); *e; e++)
        if (strcmp(*e, extension) == 0)
            return true;
    return false;
}

bool writes_format(cleave_format format) {
    return audio_format_check(format, NULL) == CLEAVE_OK;
}

bool built_with_ffmpeg(void) {
    return reads_extension("m4a");
}

bool built_with_mp3(void) {
    SF_INFO info = {0};
    info.channels = 2;
    info.samplerate = 44100;
    info.format = 0x230000 | 0x0082; /* MPEG, layer III: libsndfile 1.1 and newer */
    return sf_format_check(&info) != 0;
}
