/* test_compare.c: cleave_audio_compare() against values worked out by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "tests/support/audio.h"

#define RATE 44100

static cleave_comparison compare(const Audio *reference, const Audio *estimate) {
    cleave_comparison comparison;
    cleave_error error;
    if (cleave_audio_compare((const float *const *)reference->planes,
                             (const float *const *)estimate->planes, reference->channels,
                             reference->frames, &comparison, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return comparison;
}

static void assert_near(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("got %.9g, expected %.9g", got, expected);
}

static Audio scaled(const Audio *audio, float factor) {
    Audio copy = audio_new(audio->channels, audio->sample_rate, audio->frames);
    for (int c = 0; c < audio->channels; c++)
        for (int64_t i = 0; i < audio->frames; i++)
            copy.planes[c][i] = factor * audio->planes[c][i];
    return copy;
}

static Audio sine(double frequency, double phase, float amplitude, int64_t frames) {
    Audio audio = audio_new(1, RATE, frames);
    for (int64_t i = 0; i < frames; i++)
        audio.planes[0][i] =
            amplitude * (float)sin(2 * M_PI * frequency * (double)i / RATE + phase);
    return audio;
}

/* s = (1, 2 | 2, 0), e = (1, 1.5 | 2, 0.5): Σ s² = 9, Σ (s - e)² = 0.5. */
static void t2_small_numbers_give_what_paper_gives(void **state) {
    (void)state;
    Audio s = audio_new(2, RATE, 2);
    Audio e = audio_new(2, RATE, 2);
    memcpy(s.planes[0], (const float[]){1, 2}, 8);
    memcpy(s.planes[1], (const float[]){2, 0}, 8);
    memcpy(e.planes[0], (const float[]){1, 1.5f}, 8);
    memcpy(e.planes[1], (const float[]){2, 0.5f}, 8);
    cleave_comparison c = compare(&s, &e);
    assert_near(c.snr, 10 * log10(18.0), 1e-9);
    assert_near(c.level, 10 * log10(9.0 / 4), 1e-9);
    assert_near(c.error_level, 10 * log10(0.5 / 4), 1e-9);
    assert_near(c.max_difference, 0.5, 0);
    assert_int_equal(c.not_numbers, 0);
    audio_free(&s);
    audio_free(&e);
}

static void t2_equal_signals_have_no_difference(void **state) {
    (void)state;
    Audio s = audio_noise(2, RATE, 30000, 0.7f);
    cleave_comparison c = compare(&s, &s);
    assert_true(isinf(c.snr) && c.snr > 0);
    assert_true(isinf(c.error_level) && c.error_level < 0);
    assert_true(c.max_difference == 0 && c.spectral_difference == 0);
    audio_free(&s);
}

/* Noise of -6 dB RMS or so is above the floor in every bin: half of it is 6.02 dB less there. */
static void t2_half_the_level_is_6_db_of_spectrum(void **state) {
    (void)state;
    Audio s = audio_noise(2, RATE, 50000, 0.5f);
    Audio e = scaled(&s, 0.5f);
    cleave_comparison c = compare(&s, &e);
    assert_near(c.snr, 20 * log10(2), 1e-6);
    assert_near(c.spectral_difference, 20 * log10(2), 1e-3);
    audio_free(&s);
    audio_free(&e);
}

/* Turned by half a wave the waveforms could not be further apart; the spectra are the same. */
static void t2_spectra_are_blind_to_phase(void **state) {
    (void)state;
    Audio s = audio_noise(1, RATE, 40000, 0.4f);
    Audio e = scaled(&s, -1.0f);
    cleave_comparison c = compare(&s, &e);
    assert_near(c.snr, -20 * log10(2), 1e-6);
    assert_near(c.spectral_difference, 0, 1e-9);
    audio_free(&s);
    audio_free(&e);
}

/* A full-scale sine in the middle of a bin is at 0 dBFS in its bin; against silence the frame's
 * distance is the RMS over the sine's three bins of Hann's window, 0 and -6.02 dBFS, less the
 * floor: the bins beside them are below it. The two frames at the ends see half a window, and are
 * off by 60 at most, of 4001. */
static void t2_levels_are_of_a_full_scale_sine_down_to_the_floor(void **state) {
    (void)state;
    int64_t frames = 1024 * 4000;
    Audio s = sine(RATE / 2048.0 * 100, 0, 1.0f, frames);
    Audio e = audio_new(1, RATE, frames);
    double side = 90 - 20 * log10(2);
    cleave_comparison c = compare(&s, &e);
    assert_near(c.spectral_difference, sqrt((90 * 90 + 2 * side * side) / 3), 0.03);
    assert_near(c.snr, 0, 1e-9);
    audio_free(&s);
    audio_free(&e);
}

static void t2_what_is_below_the_floor_has_no_spectrum(void **state) {
    (void)state;
    Audio s = audio_noise(1, RATE, 10000, 1e-6f);
    Audio e = scaled(&s, 0.1f);
    assert_true(compare(&s, &e).spectral_difference == 0);
    audio_free(&s);
    audio_free(&e);
}

/* 60 dB is the error at a thousandth; what the spectra lose is next to nothing. */
static void t2_noise_of_a_thousandth_is_60_db(void **state) {
    (void)state;
    Audio s = audio_noise(1, RATE, 50000, 0.5f);
    Audio e = audio_new(1, RATE, 50000);
    for (int64_t i = 0; i < s.frames; i++)
        e.planes[0][i] = s.planes[0][i] + 0.001f * s.planes[0][(i * 7 + 3) % s.frames];
    cleave_comparison c = compare(&s, &e);
    assert_near(c.snr, 60, 0.2);
    assert_near(c.max_difference, 0.0005, 1e-6);
    assert_true(c.spectral_difference > 0 && c.spectral_difference < 0.05);
    audio_free(&s);
    audio_free(&e);
}

static void t2_silence_has_levels_but_no_snr(void **state) {
    (void)state;
    Audio s = audio_new(1, RATE, 3000);
    Audio e = audio_new(1, RATE, 3000);
    e.planes[0][1000] = 0.25f;
    cleave_comparison c = compare(&s, &e);
    assert_true(isnan(c.snr));
    assert_true(isinf(c.level) && c.level < 0);
    assert_near(c.error_level, 10 * log10(0.0625 / 3000), 1e-9);
    assert_near(c.max_difference, 0.25, 0);
    c = compare(&s, &s);
    assert_true(isnan(c.snr) && isinf(c.error_level) && c.error_level < 0);
    assert_true(c.spectral_difference == 0);
    audio_free(&s);
    audio_free(&e);
}

static void t2_what_is_no_number_is_counted(void **state) {
    (void)state;
    Audio s = audio_noise(2, RATE, 5000, 0.5f);
    Audio e = scaled(&s, 1.0f);
    e.planes[0][10] = NAN;
    e.planes[1][4999] = INFINITY;
    e.planes[1][0] = -INFINITY;
    cleave_comparison c = compare(&s, &e);
    assert_int_equal(c.not_numbers, 3);
    assert_true(isinf(c.snr) && c.snr < 0);
    assert_true(isinf(c.error_level) && c.error_level > 0);
    assert_true(isinf(c.max_difference) && isinf(c.spectral_difference));
    assert_true(isfinite(c.level));
    audio_free(&s);
    audio_free(&e);
}

/* Squares beyond f32's range, and sums of transforms too. */
static void t2_huge_samples_give_numbers(void **state) {
    (void)state;
    Audio s = audio_noise(1, RATE, 5000, 3e38f);
    Audio e = scaled(&s, -1.0f);
    cleave_comparison c = compare(&s, &e);
    assert_near(c.snr, -20 * log10(2), 1e-6);
    assert_true(isfinite(c.spectral_difference) && isfinite(c.max_difference));
    audio_free(&s);
    audio_free(&e);
}

static void t2_one_sample_is_enough(void **state) {
    (void)state;
    Audio s = audio_new(1, RATE, 1);
    Audio e = audio_new(1, RATE, 1);
    s.planes[0][0] = 1.0f;
    e.planes[0][0] = 0.9f;
    cleave_comparison c = compare(&s, &e);
    assert_near(c.snr, 20, 1e-5);
    assert_true(isfinite(c.spectral_difference));
    audio_free(&s);
    audio_free(&e);
}

static void expect_argument_error(const float *const *s, const float *const *e, int channels,
                                  int64_t samples) {
    cleave_comparison comparison = {.snr = 17};
    cleave_error error;
    assert_int_equal(cleave_audio_compare(s, e, channels, samples, &comparison, &error),
                     CLEAVE_ERROR_ARGUMENT);
    assert_true(comparison.snr == 17);
    assert_non_null(strstr(error.text, "cannot compare"));
}

static void t2_bad_arguments_are_errors(void **state) {
    (void)state;
    float good[2] = {0.5f, 0.25f};
    float bad[2] = {0.5f, NAN};
    const float *planes[1] = {good};
    const float *broken[1] = {bad};
    const float *none[1] = {NULL};
    expect_argument_error(NULL, planes, 1, 2);
    expect_argument_error(planes, NULL, 1, 2);
    expect_argument_error(planes, none, 1, 2);
    expect_argument_error(planes, planes, 0, 2);
    expect_argument_error(planes, planes, 1, 0);
    expect_argument_error(broken, planes, 1, 2);
    assert_int_equal(cleave_audio_compare(planes, planes, 1, 2, NULL, NULL), CLEAVE_ERROR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t2_small_numbers_give_what_paper_gives),
        cmocka_unit_test(t2_equal_signals_have_no_difference),
        cmocka_unit_test(t2_half_the_level_is_6_db_of_spectrum),
        cmocka_unit_test(t2_spectra_are_blind_to_phase),
        cmocka_unit_test(t2_levels_are_of_a_full_scale_sine_down_to_the_floor),
        cmocka_unit_test(t2_what_is_below_the_floor_has_no_spectrum),
        cmocka_unit_test(t2_noise_of_a_thousandth_is_60_db),
        cmocka_unit_test(t2_silence_has_levels_but_no_snr),
        cmocka_unit_test(t2_what_is_no_number_is_counted),
        cmocka_unit_test(t2_huge_samples_give_numbers),
        cmocka_unit_test(t2_one_sample_is_enough),
        cmocka_unit_test(t2_bad_arguments_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
