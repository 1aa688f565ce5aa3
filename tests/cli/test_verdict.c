/* test_verdict.c: what figures mean to a listener, and the audio that the program makes up. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleave/extra.h"
#include "cli/trials/generated_audio.h"
#include "cli/trials/verdict.h"

static void t2_verdicts_have_their_thresholds(void **state) {
    (void)state;
    assert_int_equal(verdict_of(INFINITY), VERDICT_TRANSPARENT);
    assert_int_equal(verdict_of(60), VERDICT_TRANSPARENT);
    assert_int_equal(verdict_of(59.99), VERDICT_AUDIBLE);
    assert_int_equal(verdict_of(20), VERDICT_AUDIBLE);
    assert_int_equal(verdict_of(19.99), VERDICT_BROKEN);
    assert_int_equal(verdict_of(-INFINITY), VERDICT_BROKEN);
    assert_string_equal(verdict_name(VERDICT_TRANSPARENT), "transparent");
    assert_string_equal(verdict_name(VERDICT_AUDIBLE), "audible");
    assert_string_equal(verdict_name(VERDICT_BROKEN), "broken");
}

/* The level decides where the SNR is undefined or means nothing. */
static void t2_a_silent_stem_is_judged_by_the_level_of_its_error(void **state) {
    (void)state;
    cleave_comparison silent = {.snr = NAN, .level = -INFINITY, .error_level = -INFINITY};
    assert_true(verdict_is_silent(&silent));
    assert_int_equal(verdict_of(verdict_snr(&silent)), VERDICT_TRANSPARENT);
    silent.error_level = -100;
    assert_int_equal(verdict_of(verdict_snr(&silent)), VERDICT_TRANSPARENT);
    silent.error_level = -99;
    assert_int_equal(verdict_of(verdict_snr(&silent)), VERDICT_AUDIBLE);
    silent.error_level = -59;
    assert_int_equal(verdict_of(verdict_snr(&silent)), VERDICT_BROKEN);
    cleave_comparison near_silent = {.snr = 10, .level = -110, .error_level = -120};
    assert_int_equal(verdict_of(verdict_snr(&near_silent)), VERDICT_TRANSPARENT);
    cleave_comparison quiet = {.snr = 10, .level = -99, .error_level = -109};
    assert_false(verdict_is_silent(&quiet));
    assert_int_equal(verdict_of(verdict_snr(&quiet)), VERDICT_BROKEN);
}

static void t2_what_is_no_number_is_broken(void **state) {
    (void)state;
    cleave_comparison none = {.snr = -INFINITY, .level = -20, .not_numbers = 1};
    assert_int_equal(verdict_of(verdict_snr(&none)), VERDICT_BROKEN);
    none.level = -INFINITY;
    none.error_level = INFINITY;
    assert_int_equal(verdict_of(verdict_snr(&none)), VERDICT_BROKEN);
}

enum { RATE = 44100, TENTH = RATE / 10, SECONDS = 9, SAMPLES = SECONDS * RATE };
static float left[SAMPLES], right[SAMPLES], again[SAMPLES];

static void t2_generated_audio_is_never_silent_nor_too_loud(void **state) {
    (void)state;
    float *planes[] = {left, right};
    generated_audio_fill(planes, 2, RATE, 0, SAMPLES);
    for (int from = 0; from < SAMPLES; from += TENTH) {
        double power = 0;
        for (int i = from; i < from + TENTH; i++) {
            power += (double)left[i] * (double)left[i];
            assert_true(fabsf(left[i]) <= 1 && fabsf(right[i]) <= 1);
        }
        assert_true(10 * log10(power / (double)TENTH) > -30);
    }
    assert_memory_not_equal(left, right, sizeof left);
}

/* A part by itself, and a third channel, which is the first again. */
static void t2_generated_audio_is_the_same_at_every_call(void **state) {
    (void)state;
    float *planes[] = {left, right};
    float *part[] = {again, again + SAMPLES / 3, again + 2 * (SAMPLES / 3)};
    generated_audio_fill(planes, 2, RATE, 0, SAMPLES);
    generated_audio_fill(part, 3, RATE, 100001, 1000);
    assert_memory_equal(part[0], left + 100001, 1000 * sizeof(float));
    assert_memory_equal(part[1], right + 100001, 1000 * sizeof(float));
    assert_memory_equal(part[2], part[0], 1000 * sizeof(float));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t2_verdicts_have_their_thresholds),
        cmocka_unit_test(t2_a_silent_stem_is_judged_by_the_level_of_its_error),
        cmocka_unit_test(t2_what_is_no_number_is_broken),
        cmocka_unit_test(t2_generated_audio_is_never_silent_nor_too_loud),
        cmocka_unit_test(t2_generated_audio_is_the_same_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
