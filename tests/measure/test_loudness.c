/* test_loudness.c: cleave_loudness_measure() against the signals of EBU Tech 3341 (integrated
 * loudness, true peak) and EBU Tech 3342 (loudness range) that can be synthesised. */
#include <math.h>
#include <stdlib.h>

#include "cleave/extra.h"
#include "tests/support/audio.h"

#define RATE 48000

/* A stretch of a stereo sine of 1 kHz: its peak level in dBFS, and its length. */
typedef struct Stretch {
    double level;
    double seconds;
} Stretch;

static double amplitude(double decibels) {
    return pow(10.0, decibels / 20.0);
}

static Audio sine_stretches(const Stretch *stretches, int count) {
    double seconds = 0.0;
    for (int s = 0; s < count; s++)
        seconds += stretches[s].seconds;
    Audio audio = audio_new(2, RATE, (int64_t)(seconds * RATE + 0.5));
    int64_t i = 0;
    double end = 0.0;
    for (int s = 0; s < count; s++) {
        end += stretches[s].seconds * RATE;
        for (; i < audio.frames && (double)i < end; i++)
            audio.planes[0][i] = audio.planes[1][i] =
                (float)(amplitude(stretches[s].level) *
                        sin(2.0 * M_PI * 1000.0 * (double)i / RATE));
    }
    return audio;
}

static cleave_loudness measure(const Audio *audio, int sndfile_format) {
    const char *path = in_folder("signal");
    make_file(path, sndfile_format, audio);
    cleave_loudness loudness;
    cleave_error error;
    assert_int_equal(cleave_loudness_measure(path, &loudness, NULL, NULL, &error), CLEAVE_OK);
    assert_int_equal(error.status, CLEAVE_OK);
    assert_int_equal(loudness.samples, audio->frames);
    assert_int_equal(loudness.sample_rate, audio->sample_rate);
    assert_int_equal(loudness.channels, audio->channels);
    return loudness;
}

static cleave_loudness measure_stretches(const Stretch *stretches, int count) {
    Audio audio = sine_stretches(stretches, count);
    cleave_loudness loudness = measure(&audio, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
    audio_free(&audio);
    return loudness;
}

#define MEASURE(...)                                  \
    measure_stretches((const Stretch[]){__VA_ARGS__}, \
                      (int)(sizeof((const Stretch[]){__VA_ARGS__}) / sizeof(Stretch)))

/* Tech 3341, test cases 1 to 5: to 0.1 LU. */
static void integrated_loudness_as_tech_3341_wants(void **state) {
    (void)state;
    assert_true(fabs(MEASURE({-23, 20}).integrated + 23.0) <= 0.1);
    assert_true(fabs(MEASURE({-33, 20}).integrated + 33.0) <= 0.1);
    assert_true(fabs(MEASURE({-36, 10}, {-23, 60}, {-36, 10}).integrated + 23.0) <= 0.1);
    assert_true(fabs(MEASURE({-72, 10}, {-36, 10}, {-23, 60}, {-36, 10}, {-72, 10}).integrated +
                     23.0) <= 0.1);
    assert_true(fabs(MEASURE({-26, 20}, {-20, 20.1}, {-26, 20}).integrated + 23.0) <= 0.1);
}

/* Tech 3342, test cases 1 to 4: to 1 LU. */
static void loudness_range_as_tech_3342_wants(void **state) {
    (void)state;
    assert_true(fabs(MEASURE({-20, 20}, {-30, 20}).range - 10.0) <= 1.0);
    assert_true(fabs(MEASURE({-20, 20}, {-15, 20}).range - 5.0) <= 1.0);
    assert_true(fabs(MEASURE({-40, 20}, {-20, 20}).range - 20.0) <= 1.0);
    assert_true(fabs(MEASURE({-50, 20}, {-35, 20}, {-20, 20}, {-35, 20}, {-50, 20}).range - 15.0) <=
                1.0);
}

/* A quarter of the sampling rate, so that every sample lies between the crests: Tech 3341, test
 * cases 15 (0°) and 16 (45°), want -6.0 dBTP, +0.2 and -0.4 dB. */
static void true_peak_between_the_samples(void **state) {
    (void)state;
    static const double degrees[] = {0.0, 45.0};
    for (int i = 0; i < 2; i++) {
        Audio audio = audio_new(2, RATE, RATE);
        for (int64_t n = 0; n < audio.frames; n++)
            audio.planes[0][n] = audio.planes[1][n] =
                (float)(0.5 * sin(M_PI / 2.0 * (double)n + M_PI / 180.0 * degrees[i]));
        cleave_loudness loudness = measure(&audio, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
        assert_true(loudness.true_peak <= -6.0 + 0.2 && loudness.true_peak >= -6.0 - 0.4);
        assert_true(fabs(loudness.sample_peak - (i == 0 ? -6.02 : -9.03)) < 0.02);
        audio_free(&audio);
    }
}

static void silence_is_minus_infinity(void **state) {
    (void)state;
    static const int64_t lengths[] = {0, 1, 100, 48000, 480000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        Audio audio = audio_new(2, RATE, lengths[i]);
        cleave_loudness loudness = measure(&audio, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
        assert_true(loudness.integrated == -INFINITY);
        assert_true(loudness.true_peak == -INFINITY);
        assert_true(loudness.sample_peak == -INFINITY);
        assert_true(loudness.range == 0.0);
        assert_int_equal(loudness.full_scale_samples, 0);
        audio_free(&audio);
    }
}

/* Too short for one 400 ms block, but not for a peak. */
static void one_sample_has_a_peak(void **state) {
    (void)state;
    Audio audio = audio_new(1, 44100, 1);
    audio.planes[0][0] = -0.5F;
    cleave_loudness loudness = measure(&audio, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
    assert_true(loudness.integrated == -INFINITY);
    assert_true(fabs(loudness.sample_peak + 6.02) < 0.01);
    assert_true(loudness.true_peak >= loudness.sample_peak);
    audio_free(&audio);
}

static void rates_and_channels(void **state) {
    (void)state;
    static const int rates[] = {8000, 44100, 96000, 192000};
    for (size_t r = 0; r < sizeof(rates) / sizeof(*rates); r++) {
        for (int channels = 1; channels <= 2; channels++) {
            Audio audio = audio_new(channels, rates[r], 5 * rates[r]);
            for (int c = 0; c < channels; c++)
                for (int64_t i = 0; i < audio.frames; i++)
                    audio.planes[c][i] =
                        (float)(0.1 * sin(2.0 * M_PI * 1000.0 * (double)i / rates[r]));
            cleave_loudness loudness = measure(&audio, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
            double expected = channels == 2 ? -20.0 : -23.01;
            assert_true(fabs(loudness.integrated - expected) <= 0.15);
            audio_free(&audio);
        }
    }
}

static void samples_at_full_scale_are_counted(void **state) {
    (void)state;
    Audio audio = audio_sines(2, 44100, 1000);
    audio.planes[0][10] = 1.5F;
    audio.planes[0][11] = 1.0F;
    audio.planes[1][500] = -1.0F;
    audio.planes[1][501] = 0.999F;
    assert_int_equal(measure(&audio, SF_FORMAT_WAV | SF_FORMAT_FLOAT).full_scale_samples, 3);
    audio.planes[0][10] = 32767.0F / 32768.0F;
    assert_int_equal(measure(&audio, SF_FORMAT_WAV | SF_FORMAT_PCM_16).full_scale_samples, 3);
    audio_free(&audio);
}

static int refuse(void *user, const cleave_progress *progress) {
    (void)user;
    return progress->samples_done > 0;
}

static void errors_leave_the_result_alone(void **state) {
    (void)state;
    cleave_loudness loudness = {.integrated = 7.0};
    cleave_error error;
    assert_int_equal(cleave_loudness_measure(in_folder("none.wav"), &loudness, NULL, NULL, &error),
                     CLEAVE_ERROR_INPUT);
    assert_text_has(error.text, "none.wav");
    assert_int_equal(cleave_loudness_measure(NULL, &loudness, NULL, NULL, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(cleave_loudness_measure(in_folder("none.wav"), NULL, NULL, NULL, NULL),
                     CLEAVE_ERROR_ARGUMENT);
    Audio audio = audio_sines(1, 44100, 100000);
    make_file(in_folder("a.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &audio);
    audio_free(&audio);
    assert_int_equal(cleave_loudness_measure(in_folder("a.wav"), &loudness, refuse, NULL, &error),
                     CLEAVE_ERROR_CANCELLED);
    assert_true(loudness.integrated == 7.0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(integrated_loudness_as_tech_3341_wants),
        IN_FOLDER(loudness_range_as_tech_3342_wants),
        IN_FOLDER(true_peak_between_the_samples),
        IN_FOLDER(silence_is_minus_infinity),
        IN_FOLDER(one_sample_has_a_peak),
        IN_FOLDER(rates_and_channels),
        IN_FOLDER(samples_at_full_scale_are_counted),
        IN_FOLDER(errors_leave_the_result_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
