/* test_score.c: SDR and SI-SDR against values worked out by hand. */
#include "cleave/extra.h"
#include "tests/support/audio.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cleave_score score_of(const Audio *reference, const Audio *estimate) {
    make_file(in_folder("s.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, reference);
    make_file(in_folder("e.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, estimate);
    cleave_score score;
    cleave_error error;
    if (cleave_score_files(in_folder("s.wav"), in_folder("e.wav"), &score, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return score;
}

static Audio audio_of(const float *left, const float *right, int64_t frames) {
    Audio audio = audio_new(2, 44100, frames);
    memcpy(audio.planes[0], left, (size_t)frames * sizeof(float));
    memcpy(audio.planes[1], right, (size_t)frames * sizeof(float));
    return audio;
}

/* s = (1, 2, 2, 0 | 0, 0, 0, 0), e = (1, 1, 2, 1 | 0, 0, 1, 0).
 * Σ s² = 9, Σ (s - e)² = 1 + 1 + 1 = 3: SDR = 10 log10 3.
 * Σ s e = 1 + 2 + 4 = 7, a = 7/9, Σ (a s)² = 49/9, Σ e² = 1 + 1 + 4 + 1 + 1 = 8,
 * Σ (a s - e)² = 8 - 49/9 = 23/9: SI-SDR = 10 log10 (49/23). */
static void small_numbers_give_what_paper_gives(void **state) {
    (void)state;
    const float zeros[4] = {0};
    Audio s = audio_of((const float[]){1, 2, 2, 0}, zeros, 4);
    Audio e = audio_of((const float[]){1, 1, 2, 1}, (const float[]){0, 0, 1, 0}, 4);
    cleave_score score = score_of(&s, &e);
    assert_true(fabs(score.sdr - 10 * log10(3.0)) < 1e-12);
    assert_true(fabs(score.si_sdr - 10 * log10(49.0 / 23.0)) < 1e-12);
    assert_int_equal(score.samples, 4);
    assert_int_equal(score.length_difference, 0);
    audio_free(&s);
    audio_free(&e);
}

static void a_perfect_estimate_is_infinitely_good(void **state) {
    (void)state;
    Audio s = audio_noise(2, 44100, 20000, 0.7f);
    cleave_score score = score_of(&s, &s);
    assert_true(isinf(score.sdr) && score.sdr > 0);
    assert_true(isinf(score.si_sdr) && score.si_sdr > 0);
    audio_free(&s);
}

/* e = s / 2: the error is s / 2, so 10 log10 4; up to scale it is perfect. */
static void half_the_level_is_6_db_but_perfect_up_to_scale(void **state) {
    (void)state;
    Audio s = audio_noise(1, 44100, 20000, 0.5f);
    Audio e = audio_noise(1, 44100, 20000, 0.25f);
    cleave_score score = score_of(&s, &e);
    assert_true(fabs(score.sdr - 10 * log10(4.0)) < 1e-9);
    assert_true(isinf(score.si_sdr) && score.si_sdr > 0);
    audio_free(&s);
    audio_free(&e);
}

static void a_tiny_error_is_not_lost_in_large_sums(void **state) {
    (void)state;
    Audio s = audio_noise(1, 44100, 100000, 0.5f);
    Audio e = audio_noise(1, 44100, 100000, 0.5f);
    double power = (double)s.planes[0][0] * (double)s.planes[0][0];
    for (int64_t i = 1; i < s.frames; i++)
        power += (double)s.planes[0][i] * (double)s.planes[0][i];
    e.planes[0][50000] = 0.25f;
    s.planes[0][50000] = 0.25f + 0x1p-20f;
    cleave_score score = score_of(&s, &e);
    double want = 10 * log10(power / 0x1p-40);
    assert_true(want > 120);
    assert_true(fabs(score.sdr - want) < 0.01);
    assert_true(fabs(score.si_sdr - want) < 0.01);
    audio_free(&s);
    audio_free(&e);
}

static void a_silent_reference_has_no_score(void **state) {
    (void)state;
    Audio s = audio_new(2, 44100, 5000);
    Audio e = audio_noise(2, 44100, 5000, 0.5f);
    cleave_score score = score_of(&s, &e);
    assert_true(isnan(score.sdr));
    assert_true(isnan(score.si_sdr));
    score = score_of(&s, &s);
    assert_true(isnan(score.sdr));
    assert_int_equal(score.samples, 5000);
    audio_free(&s);
    audio_free(&e);
}

static void a_silent_estimate_has_0_db_and_nothing_of_the_reference(void **state) {
    (void)state;
    Audio s = audio_noise(2, 44100, 5000, 0.5f);
    Audio e = audio_new(2, 44100, 5000);
    cleave_score score = score_of(&s, &e);
    assert_true(fabs(score.sdr) < 1e-12);
    assert_true(isinf(score.si_sdr) && score.si_sdr < 0);
    audio_free(&s);
    audio_free(&e);
}

static void of_unequal_lengths_the_shorter_counts(void **state) {
    (void)state;
    Audio s = audio_noise(1, 44100, 10000, 0.5f);
    Audio e = audio_noise(1, 44100, 30000, 0.5f);
    cleave_score score = score_of(&s, &e);
    assert_int_equal(score.samples, 10000);
    assert_int_equal(score.length_difference, 20000);
    assert_true(isinf(score.sdr) && score.sdr > 0);
    score = score_of(&e, &s);
    assert_int_equal(score.samples, 10000);
    assert_int_equal(score.length_difference, -20000);
    assert_true(isinf(score.sdr) && score.sdr > 0);
    audio_free(&s);
    audio_free(&e);
}

static void an_empty_file_has_no_score(void **state) {
    (void)state;
    Audio s = audio_new(1, 44100, 0);
    Audio e = audio_noise(1, 44100, 10, 0.5f);
    cleave_score score = score_of(&s, &e);
    assert_true(isnan(score.sdr));
    assert_int_equal(score.samples, 0);
    assert_int_equal(score.length_difference, 10);
    audio_free(&s);
    audio_free(&e);
}

static void expect_score_error(const char *reference, const char *estimate, cleave_status status,
                               const char *word) {
    cleave_score score = {1, 2, 3, 4};
    cleave_error error;
    assert_int_equal(cleave_score_files(reference, estimate, &score, &error), status);
    assert_int_equal(error.status, status);
    assert_text_has(error.text, word);
    assert_true(score.sdr == 1 && score.samples == 3);
}

static void files_that_differ_in_kind_or_are_missing_are_errors(void **state) {
    (void)state;
    Audio a = audio_noise(1, 44100, 10, 0.5f);
    Audio b = audio_noise(2, 44100, 10, 0.5f);
    Audio c = audio_noise(1, 48000, 10, 0.5f);
    make_file(in_folder("a.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &a);
    make_file(in_folder("b.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &b);
    make_file(in_folder("c.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &c);
    expect_score_error(in_folder("a.wav"), in_folder("b.wav"), CLEAVE_ERROR_INPUT, "b.wav");
    expect_score_error(in_folder("a.wav"), in_folder("c.wav"), CLEAVE_ERROR_INPUT, "48000");
    expect_score_error(in_folder("a.wav"), in_folder("none"), CLEAVE_ERROR_INPUT, "none");
    expect_score_error(in_folder("none"), in_folder("a.wav"), CLEAVE_ERROR_INPUT, "none");
    expect_score_error(NULL, in_folder("a.wav"), CLEAVE_ERROR_ARGUMENT, "NULL");
    audio_free(&a);
    audio_free(&b);
    audio_free(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(small_numbers_give_what_paper_gives),
        TEST(a_perfect_estimate_is_infinitely_good),
        TEST(half_the_level_is_6_db_but_perfect_up_to_scale),
        TEST(a_tiny_error_is_not_lost_in_large_sums),
        TEST(a_silent_reference_has_no_score),
        TEST(a_silent_estimate_has_0_db_and_nothing_of_the_reference),
        TEST(of_unequal_lengths_the_shorter_counts),
        TEST(an_empty_file_has_no_score),
        TEST(files_that_differ_in_kind_or_are_missing_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
