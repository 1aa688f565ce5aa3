/* test_loudest_part.c: cleave_audio_read(): the loudest part of a file, or all of it. */
#include "cleave/extra.h"
#include "tests/support/audio.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE  44100
#define BLOCK 4096

static cleave_audio read_part(const char *path, int channels, int rate, double seconds) {
    cleave_audio audio;
    cleave_error error;
    if (cleave_audio_read(path, channels, rate, seconds, &audio, NULL, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return audio;
}

/* Noise at a tenth of the level but for [from, from + length). */
static Audio with_loud_part(int64_t frames, int64_t from, int64_t length) {
    Audio audio = audio_noise(2, RATE, frames, 0.5f);
    for (int c = 0; c < 2; c++)
        for (int64_t i = 0; i < frames; i++)
            if (i < from || i >= from + length)
                audio.planes[c][i] *= 0.1f;
    return audio;
}

static void assert_part_of(const cleave_audio *part, const Audio *whole) {
    for (int c = 0; c < part->channels; c++)
        assert_memory_equal(part->planes[c], whole->planes[c] + part->start,
                            (size_t)part->samples * sizeof(float));
}

static void t2_the_loudest_part_is_found(void **state) {
    (void)state;
    int64_t starts[] = {0, 10 * BLOCK, 37 * BLOCK + 1000};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        Audio whole = with_loud_part(50 * BLOCK, starts[i], 5 * BLOCK);
        make_file(in_folder("a.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &whole);
        cleave_audio part = read_part(in_folder("a.wav"), 0, 0, 5.0 * BLOCK / RATE);
        assert_int_equal(part.samples, 5 * BLOCK);
        assert_int_equal(part.channels, 2);
        assert_int_equal(part.sample_rate, RATE);
        assert_true(llabs(part.start - starts[i]) < BLOCK);
        assert_part_of(&part, &whole);
        cleave_audio_free(&part);
        audio_free(&whole);
    }
}

static void t2_a_loud_end_is_reached(void **state) {
    (void)state;
    Audio whole = with_loud_part(20 * BLOCK + 77, 17 * BLOCK, 3 * BLOCK + 77);
    make_file(in_folder("a.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &whole);
    cleave_audio part = read_part(in_folder("a.wav"), 0, 0, 3.0 * BLOCK / RATE);
    assert_int_equal(part.start, 17 * BLOCK);
    assert_part_of(&part, &whole);
    cleave_audio_free(&part);
    audio_free(&whole);
}

static void t2_the_first_of_equals_is_taken(void **state) {
    (void)state;
    Audio whole = audio_new(1, RATE, 10 * BLOCK);
    for (int64_t i = 0; i < whole.frames; i++)
        whole.planes[0][i] = i % 2 ? 0.5f : -0.5f;
    make_file(in_folder("a.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &whole);
    cleave_audio part = read_part(in_folder("a.wav"), 0, 0, 0.1);
    assert_int_equal(part.start, 0);
    assert_int_equal(part.samples, 4410);
    cleave_audio_free(&part);
    audio_free(&whole);
}

static void t2_all_of_it_where_there_is_no_more(void **state) {
    (void)state;
    const double seconds[] = {0, 1000, 10000.0 / RATE};
    Audio whole = audio_noise(2, RATE, 10000, 0.5f);
    make_file(in_folder("a.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &whole);
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        cleave_audio part = read_part(in_folder("a.wav"), 0, 0, seconds[i]);
        assert_int_equal(part.start, 0);
        assert_int_equal(part.samples, 10000);
        assert_part_of(&part, &whole);
        cleave_audio_free(&part);
    }
    audio_free(&whole);
}

static void t2_rate_and_channels_are_converted(void **state) {
    (void)state;
    Audio whole = audio_sines(1, 22050, 22050);
    make_file(in_folder("a.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &whole);
    cleave_audio part = read_part(in_folder("a.wav"), 2, RATE, 0.5);
    assert_int_equal(part.channels, 2);
    assert_int_equal(part.sample_rate, RATE);
    assert_int_equal(part.samples, RATE / 2);
    assert_memory_equal(part.planes[0], part.planes[1], (size_t)part.samples * sizeof(float));
    cleave_audio_free(&part);
    audio_free(&whole);
}

static void expect_error(const char *path, cleave_status status, const char *word) {
    cleave_audio audio;
    cleave_error error;
    memset(&audio, 1, sizeof audio);
    assert_int_equal(cleave_audio_read(path, 0, 0, 1, &audio, NULL, NULL, &error), status);
    assert_text_has(error.text, word);
    assert_null(audio.planes);
    assert_int_equal(audio.samples, 0);
    cleave_audio_free(&audio);
}

static void t2_what_cannot_be_read_is_an_error(void **state) {
    (void)state;
    Audio empty = audio_new(1, RATE, 0);
    make_file(in_folder("empty.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &empty);
    expect_error(in_folder("empty.wav"), CLEAVE_ERROR_INPUT, "empty.wav");
    expect_error(in_folder("none.wav"), CLEAVE_ERROR_INPUT, "none.wav");
    expect_error(NULL, CLEAVE_ERROR_ARGUMENT, "NULL");
    assert_int_equal(cleave_audio_read(in_folder("empty.wav"), 0, 0, 1, NULL, NULL, NULL, NULL),
                     CLEAVE_ERROR_ARGUMENT);
    cleave_audio_free(NULL);
    audio_free(&empty);
}

typedef struct Watcher {
    int calls;
    int stop_at;
    double last;
} Watcher;

static int watch(void *user, const cleave_progress *state) {
    Watcher *watcher = user;
    double fraction = (double)state->samples_done / (double)state->samples_total;
    assert_true(fraction >= watcher->last && fraction <= 1);
    watcher->last = fraction;
    return ++watcher->calls == watcher->stop_at;
}

static void t2_reading_tells_how_far_it_is_and_stops(void **state) {
    (void)state;
    Audio whole = audio_noise(1, RATE, 20 * BLOCK, 0.5f);
    make_file(in_folder("a.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &whole);
    Watcher watcher = {0};
    cleave_audio audio;
    cleave_error error;
    assert_int_equal(
        cleave_audio_read(in_folder("a.wav"), 0, 0, 0, &audio, watch, &watcher, &error), CLEAVE_OK);
    assert_true(watcher.last == 1);
    cleave_audio_free(&audio);
    for (int stop = 1; stop <= watcher.calls; stop += 7) {
        Watcher stopper = {.stop_at = stop};
        assert_int_equal(
            cleave_audio_read(in_folder("a.wav"), 0, 0, 0, &audio, watch, &stopper, &error),
            CLEAVE_ERROR_CANCELLED);
        assert_int_equal(stopper.calls, stop);
        assert_null(audio.planes);
    }
    audio_free(&whole);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(t2_the_loudest_part_is_found),
        TEST(t2_a_loud_end_is_reached),
        TEST(t2_the_first_of_equals_is_taken),
        TEST(t2_all_of_it_where_there_is_no_more),
        TEST(t2_rate_and_channels_are_converted),
        TEST(t2_what_cannot_be_read_is_an_error),
        TEST(t2_reading_tells_how_far_it_is_and_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
