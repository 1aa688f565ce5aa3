/* test_spectrogram.c: levels, frequencies and times of the spectrogram's grid, against signals
 * whose spectrum is known. */
#include "base/clock.h"
#include "draw/spectrogram.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/audio.h"

#define ROWS 240

static const SpectrogramRows wide = {ROWS, SPECTROGRAM_LOW, SPECTROGRAM_HIGH};

static void fill_sine(Audio *audio, int channel, double frequency, double amplitude) {
    for (int64_t i = 0; i < audio->frames; i++)
        audio->planes[channel][i] =
            (float)(amplitude * sin(2.0 * M_PI * frequency * (double)i / audio->sample_rate));
}

static Spectrogram measure(const Audio *audio) {
    Spectrogram spectrogram;
    cleave_error error;
    const char *path = in_folder("signal.wav");
    make_file(path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, audio);
    assert_int_equal(spectrogram_measure(&spectrogram, path, wide, NULL, &error), CLEAVE_OK);
    return spectrogram;
}

static int loudest_row(const double *levels) {
    int loudest = 0;
    for (int r = 1; r < ROWS; r++)
        if (levels[r] > levels[loudest])
            loudest = r;
    return loudest;
}

/* The row of a frequency, by the definition in spectrogram.h. */
static int row_of(double frequency) {
    return (int)floor(ROWS * log(frequency / wide.low) / log(wide.high / wide.low));
}

/* A steady sine has this level, and is the loudest, in its row or the next. */
static void assert_peak(const Spectrogram *spectrogram, double from, double to, double frequency,
                        double level) {
    double levels[ROWS];
    spectrogram_levels(spectrogram, from, to, levels);
    int row = loudest_row(levels);
    assert_between(row, row_of(frequency) - 1, row_of(frequency) + 1);
    assert_true(fabs(levels[row] - level) < 0.5);
}

static void full_scale_sines_read_0_dbfs(void **state) {
    (void)state;
    static const int rates[] = {8000, 44100, 48000, 192000};
    static const double frequencies[] = {100.0, 997.0, 1000.0, 1002.3, 3333.0, 9000.0, 15678.9};
    for (size_t r = 0; r < sizeof(rates) / sizeof(*rates); r++) {
        for (size_t f = 0; f < sizeof(frequencies) / sizeof(*frequencies); f++) {
            if (frequencies[f] > 0.45 * rates[r])
                continue;
            Audio audio = audio_new(1, rates[r], rates[r]);
            fill_sine(&audio, 0, frequencies[f], 1.0);
            Spectrogram spectrogram = measure(&audio);
            assert_peak(&spectrogram, 0.3, 0.7, frequencies[f], 0.0);
            assert_peak(&spectrogram, 0.5, 0.5001, frequencies[f], 0.0);
            spectrogram_free(&spectrogram);
            audio_free(&audio);
        }
    }
}

/* The mean power of two channels: both full is 0 dBFS, one of them 3 dB less. */
static void two_channels_count_half_each(void **state) {
    (void)state;
    Audio audio = audio_new(2, 44100, 44100);
    fill_sine(&audio, 0, 1000.0, 1.0);
    Spectrogram one = measure(&audio);
    assert_peak(&one, 0.3, 0.7, 1000.0, -3.01);
    spectrogram_free(&one);
    fill_sine(&audio, 1, 1000.0, 1.0);
    Spectrogram both = measure(&audio);
    assert_peak(&both, 0.3, 0.7, 1000.0, 0.0);
    spectrogram_free(&both);
    audio_free(&audio);
}

/* What a wrong channel mix would cancel. */
static void opposite_channels_do_not_cancel(void **state) {
    (void)state;
    Audio audio = audio_new(2, 44100, 44100);
    fill_sine(&audio, 0, 440.0, 0.5);
    fill_sine(&audio, 1, 440.0, -0.5);
    Spectrogram spectrogram = measure(&audio);
    assert_peak(&spectrogram, 0.3, 0.7, 440.0, -6.02);
    spectrogram_free(&spectrogram);
    audio_free(&audio);
}

static void assert_floor(const Spectrogram *spectrogram, double from, double to) {
    double levels[ROWS];
    spectrogram_levels(spectrogram, from, to, levels);
    for (int r = 0; r < ROWS; r++)
        assert_true(levels[r] == SPECTROGRAM_FLOOR);
}

static void silence_stays_at_the_floor(void **state) {
    (void)state;
    Audio audio = audio_new(2, 44100, 100000);
    Spectrogram spectrogram = measure(&audio);
    assert_floor(&spectrogram, 0.0, 2.0);
    assert_floor(&spectrogram, 1.0, 1.0001);
    assert_floor(&spectrogram, 5.0, 6.0);
    spectrogram_free(&spectrogram);
    audio_free(&audio);
}

/* Rows beyond a file's Nyquist frequency stay empty, whatever is right below it. */
static void rows_beyond_nyquist_are_empty(void **state) {
    (void)state;
    Audio audio = audio_noise(1, 8000, 16000, 1.0F);
    Spectrogram spectrogram = measure(&audio);
    double levels[ROWS];
    spectrogram_levels(&spectrogram, 0.0, 2.0, levels);
    assert_true(levels[row_of(3500.0)] > -60.0);
    for (int r = row_of(4000.0) + 1; r < ROWS; r++)
        assert_true(levels[r] == SPECTROGRAM_FLOOR);
    spectrogram_free(&spectrogram);
    audio_free(&audio);
}

/* From 100 Hz to 10 kHz in 10 s, an equal number of octaves per second. */
static void chirp_rises(void **state) {
    (void)state;
    Audio audio = audio_new(1, 44100, 441000);
    double phase = 0.0;
    for (int64_t i = 0; i < audio.frames; i++) {
        audio.planes[0][i] = (float)(0.9 * sin(phase));
        phase += 2.0 * M_PI * 100.0 * pow(100.0, (double)i / 441000.0) / 44100.0;
    }
    Spectrogram spectrogram = measure(&audio);
    int last = 0;
    for (int tenth = 5; tenth < 95; tenth++) {
        double levels[ROWS];
        spectrogram_levels(&spectrogram, tenth / 10.0, (tenth + 1) / 10.0, levels);
        int row = loudest_row(levels);
        int expected = row_of(100.0 * pow(100.0, (tenth + 0.5) / 100.0));
        assert_true(row >= last);
        assert_between(row, expected - 3, expected + 3);
        last = row;
    }
    assert_true(last > row_of(7500.0));
    spectrogram_free(&spectrogram);
    audio_free(&audio);
}

static void any_length_gives_columns(void **state) {
    (void)state;
    static const int64_t lengths[] = {1,    2,    255,  256,    257,    2048,
                                      4095, 4096, 4097, 614399, 614400, 614401};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        Audio audio = audio_new(1, 44100, lengths[i]);
        audio.planes[0][lengths[i] - 1] = 1.0F;
        Spectrogram spectrogram = measure(&audio);
        assert_between(spectrogram.columns, 1, SPECTROGRAM_COLUMNS);
        assert_true(fabs(spectrogram.seconds - (double)lengths[i] / 44100.0) < 1e-9);
        assert_true(spectrogram.columns * spectrogram.column_seconds >= spectrogram.seconds);
        double levels[ROWS];
        double end = spectrogram.seconds;
        spectrogram_levels(&spectrogram, end - 0.5 / 44100.0, end, levels);
        assert_true(levels[loudest_row(levels)] > -80.0);
        spectrogram_free(&spectrogram);
        audio_free(&audio);
    }
}

/* Ten minutes merge their columns several times: levels stay, and so does the place of a click. */
static void merged_columns_keep_level_and_time(void **state) {
    (void)state;
    Audio audio = audio_new(1, 8000, 600 * 8000);
    fill_sine(&audio, 0, 1000.0, 1.0);
    for (int64_t i = 0; i < 8000; i++)
        audio.planes[0][412 * 8000 + i] = 0.0F;
    Spectrogram spectrogram = measure(&audio);
    assert_between(spectrogram.columns, SPECTROGRAM_COLUMNS / 2, SPECTROGRAM_COLUMNS);
    double step = spectrogram.column_seconds;
    for (int c = 1; c < spectrogram.columns - 2; c++) {
        bool silent = c * step > 412.1 && (c + 1) * step < 412.9;
        bool edge = !silent && (c + 1) * step > 411.9 && c * step < 413.1;
        double levels[ROWS];
        spectrogram_levels(&spectrogram, c * step, (c + 1) * step, levels);
        double level = levels[row_of(1000.0)];
        if (silent)
            assert_true(level < -60.0);
        else if (!edge)
            assert_true(fabs(level) < 0.5);
    }
    spectrogram_free(&spectrogram);
    audio_free(&audio);
}

static void samples_beyond_measure_are_merely_loud(void **state) {
    (void)state;
    Audio audio = audio_noise(2, 44100, 20000, 1.0F);
    for (int64_t i = 0; i < audio.frames; i++)
        audio.planes[0][i] *= 3e38F;
    Spectrogram spectrogram = measure(&audio);
    double levels[ROWS];
    spectrogram_levels(&spectrogram, 0.1, 0.4, levels);
    for (int r = 0; r < ROWS; r++)
        assert_true(isfinite(levels[r]) && levels[r] <= 121.0);
    assert_true(levels[row_of(1000.0)] > 100.0);
    spectrogram_free(&spectrogram);
    audio_free(&audio);
}

static int count_down(void *user, const cleave_progress *progress) {
    int *left = user;
    assert_int_equal(progress->samples_total, 441000);
    return (*left)-- == 0;
}

static void listener_can_cancel(void **state) {
    (void)state;
    Audio audio = audio_noise(1, 44100, 441000, 0.5F);
    const char *path = in_folder("long.wav");
    make_file(path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, &audio);
    int left = 5;
    Listener listener = {count_down, &left, clock_seconds()};
    Spectrogram spectrogram;
    cleave_error error;
    assert_int_equal(spectrogram_measure(&spectrogram, path, wide, &listener, &error),
                     CLEAVE_ERROR_CANCELLED);
    assert_text_has(error.text, "cancelled", "long.wav");
    assert_int_equal(left, -1);
    spectrogram_free(&spectrogram);
    audio_free(&audio);
}

static void missing_file_is_an_error(void **state) {
    (void)state;
    Spectrogram spectrogram;
    cleave_error error;
    assert_int_equal(spectrogram_measure(&spectrogram, in_folder("none.wav"), wide, NULL, &error),
                     CLEAVE_ERROR_INPUT);
    assert_text_has(error.text, "none.wav");
    spectrogram_free(&spectrogram);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(full_scale_sines_read_0_dbfs),
        IN_FOLDER(two_channels_count_half_each),
        IN_FOLDER(opposite_channels_do_not_cancel),
        IN_FOLDER(silence_stays_at_the_floor),
        IN_FOLDER(rows_beyond_nyquist_are_empty),
        IN_FOLDER(chirp_rises),
        IN_FOLDER(any_length_gives_columns),
        IN_FOLDER(merged_columns_keep_level_and_time),
        IN_FOLDER(samples_beyond_measure_are_merely_loud),
        IN_FOLDER(listener_can_cancel),
        IN_FOLDER(missing_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
