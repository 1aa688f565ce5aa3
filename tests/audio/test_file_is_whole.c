/* test_file_is_whole.c: whether what a writer wrote is still all there. */
#include "tests/support/audio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Case {
    const char *name;
    cleave_format format;
    cleave_bits bits;
} Case;

static const Case cases[] = {
    {"f.wav", CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT},
    {"16.wav", CLEAVE_FORMAT_WAV, CLEAVE_BITS_16},
    {"f.aiff", CLEAVE_FORMAT_AIFF, CLEAVE_BITS_FLOAT},
    {"24.aiff", CLEAVE_FORMAT_AIFF, CLEAVE_BITS_24},
    {"16.flac", CLEAVE_FORMAT_FLAC, CLEAVE_BITS_16},
    {"24.flac", CLEAVE_FORMAT_FLAC, CLEAVE_BITS_24},
    {"x.ogg", CLEAVE_FORMAT_OGG, CLEAVE_BITS_AUTO},
    {"x.mp3", CLEAVE_FORMAT_MP3, CLEAVE_BITS_AUTO},
    {"x.opus", CLEAVE_FORMAT_OPUS, CLEAVE_BITS_AUTO},
    {"x.m4a", CLEAVE_FORMAT_M4A, CLEAVE_BITS_AUTO},
    {"24.m4a", CLEAVE_FORMAT_ALAC, CLEAVE_BITS_24},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static bool is_possible(const Case *which) {
    return writes_format(which->format);
}

static int rate_of(const Case *which) {
    return audio_format_rate(which->format, 44100);
}

static bool is_whole(const char *path, int64_t *frames) {
    cleave_error error;
    bool whole = true;
    assert_int_equal(audio_file_is_whole(path, &whole, frames, &error), CLEAVE_OK);
    assert_int_equal(error.status, CLEAVE_OK);
    assert_string_equal(error.text, "");
    return whole;
}

static void expect_not_whole(const char *path) {
    int64_t frames = -1;
    if (is_whole(path, &frames))
        fail_msg("%s passes for whole", path);
    assert_int_equal(frames, 0);
}

static void what_a_writer_wrote_is_whole(void **state) {
    (void)state;
    static const int64_t lengths[] = {1, 1587, 44100, 200003};
    for (size_t i = 0; i < CASES; i++)
        for (size_t k = 0; k < 4 && is_possible(&cases[i]); k++) {
            Audio made = audio_noise(1 + (int)k % 2, rate_of(&cases[i]), lengths[k], 0.7f);
            const char *path = in_folder(cases[i].name);
            write_audio(path, cases[i].format, cases[i].bits, &made);
            int64_t frames = 0;
            if (!is_whole(path, &frames))
                fail_msg("%s of %d frames does not pass for whole", path, (int)lengths[k]);
            assert_between(frames, lengths[k], lengths[k] + 2 * 1152);
            audio_free(&made);
        }
}

/* Every one of the last bytes, and cuts all over the file. */
static void check_cuts(const char *path) {
    size_t size;
    free(read_bytes(path, &size));
    const char *cut = in_folder("cut");
    for (size_t less = 1; less <= 24; less++) {
        cut_file(path, cut, size - less);
        expect_not_whole(cut);
    }
    for (size_t part = 0; part < 53; part++) {
        cut_file(path, cut, size * part / 53);
        expect_not_whole(cut);
    }
}

static void what_was_cut_is_not(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        if (!is_possible(&cases[i]))
            continue;
        Audio made = audio_sines(2, rate_of(&cases[i]), 60001);
        write_audio(in_folder(cases[i].name), cases[i].format, cases[i].bits, &made);
        check_cuts(in_folder(cases[i].name));
        audio_free(&made);
    }
}

/* Of a silent track the last frames are tiny: a cut must not hide behind that. */
static void cut_silence_is_not(void **state) {
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        if (!is_possible(&cases[i]))
            continue;
        Audio silence = audio_new(2, rate_of(&cases[i]), 60001);
        write_audio(in_folder(cases[i].name), cases[i].format, cases[i].bits, &silence);
        check_cuts(in_folder(cases[i].name));
        audio_free(&silence);
    }
}

/* As a writer leaves it that was killed before it came back to the header. */
static void an_unfinished_header_is_not_whole(void **state) {
    (void)state;
    Audio made = audio_noise(2, 44100, 5000, 0.7f);
    write_audio(in_folder("x.wav"), CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, &made);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("x.wav"), &size);
    memset(bytes + 4, 0, 4);
    memset(bytes + 40, 0, 4);
    assert_memory_equal(bytes + 36, "data", 4);
    write_bytes(in_folder("x.wav"), bytes, size);
    expect_not_whole(in_folder("x.wav"));
    free(bytes);
    audio_free(&made);
}

static void what_is_no_output_is_not_whole(void **state) {
    (void)state;
    Audio made = audio_noise(2, 44100, 5000, 0.7f);
    make_file(in_folder("x.caf"), SF_FORMAT_CAF | SF_FORMAT_PCM_24, &made);
    write_bytes(in_folder("text.wav"), "Dear diary", 10);
    write_bytes(in_folder("empty.wav"), "", 0);
    assert_int_equal(mkfifo(in_folder("pipe.wav"), 0600), 0);
    assert_int_equal(mkdir(in_folder("folder.wav"), 0700), 0);
    assert_int_equal(symlink("nowhere", in_folder("link.wav")), 0);
    const char *const names[] = {"x.caf",      "text.wav", "empty.wav",  "pipe.wav",
                                 "folder.wav", "link.wav", "missing.wav"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_not_whole(in_folder(names[i]));
    audio_free(&made);
}

static void a_file_without_a_frame_is_not_whole(void **state) {
    (void)state;
    Audio nothing = audio_new(2, 44100, 0);
    make_file(in_folder("x.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, &nothing);
    expect_not_whole(in_folder("x.wav"));
    audio_free(&nothing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_a_writer_wrote_is_whole),
        TEST(what_was_cut_is_not),
        TEST(cut_silence_is_not),
        TEST(an_unfinished_header_is_not_whole),
        TEST(what_is_no_output_is_not_whole),
        TEST(a_file_without_a_frame_is_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
