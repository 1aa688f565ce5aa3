/* test_output.c: a file appears whole or not at all, whatever fails and at whichever stage. */
#include "tests/support/audio.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_file.h"

typedef struct Case {
    cleave_format format;
    cleave_bits bits;
    int64_t expected_frames;
} Case;

static const Case cases[] = {
    {CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT, 9000}, {CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, 9000},
    {CLEAVE_FORMAT_FLAC, CLEAVE_BITS_24, 9000},   {CLEAVE_FORMAT_AIFF, CLEAVE_BITS_FLOAT, 9000},
    {CLEAVE_FORMAT_OGG, CLEAVE_BITS_AUTO, 9000},  {CLEAVE_FORMAT_MP3, CLEAVE_BITS_AUTO, 9000},
    {CLEAVE_FORMAT_WAV, CLEAVE_BITS_FLOAT, 0},    {CLEAVE_FORMAT_WAV, CLEAVE_BITS_24, 0},
    {CLEAVE_FORMAT_OPUS, CLEAVE_BITS_AUTO, 0},    {CLEAVE_FORMAT_M4A, CLEAVE_BITS_AUTO, 0},
    {CLEAVE_FORMAT_ALAC, CLEAVE_BITS_16, 0},
};

static bool is_possible(const Case *which) {
    return writes_format(which->format);
}

static cleave_status open_stereo(AudioWriter **writer, const char *path, const Case *which,
                                 cleave_error *error) {
    AudioWriterSettings settings = {2, audio_format_rate(which->format, 44100), which->format,
                                    which->bits, which->expected_frames};
    return audio_writer_open(writer, path, &settings, error);
}

static void assert_content(const char *path, const char *content) {
    size_t size;
    unsigned char *bytes = read_bytes(path, &size);
    assert_int_equal(size, strlen(content));
    assert_memory_equal(bytes, content, size);
    free(bytes);
}

/* Whether an open file has no name here: Linux's way, where the file system takes part. */
static bool is_nameless_here(void) {
    OutputFile file;
    cleave_error error;
    assert_int_equal(output_file_open(&file, in_folder("probe"), &error), CLEAVE_OK);
    bool nameless = !file.named;
    assert_int_equal(count_entries(in_folder("")), nameless ? 0 : 1);
    output_file_close(&file);
    return nameless;
}

/* ---- Atomicity ---- */

static void the_target_is_untouched_before_the_commit(void **state) {
    (void)state;
    const char *path = in_folder("x.wav");
    int unfinished = is_nameless_here() ? 0 : 1;
    write_bytes(path, "old", 3);
    Audio made = audio_sines(2, 44100, 9000);
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(open_stereo(&writer, path, &cases[0], &error), CLEAVE_OK);
    assert_content(path, "old");
    assert_int_equal(audio_writer_write(writer, (const float *const *)made.planes, 9000, &error),
                     CLEAVE_OK);
    assert_content(path, "old");
    assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
    assert_content(path, "old");
    assert_int_equal(count_entries(in_folder("")), 1 + unfinished);
    assert_int_equal(audio_writer_prepare(writer, &error), CLEAVE_OK);
    assert_content(path, "old");
    assert_int_equal(count_entries(in_folder("")), 2);
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_OK);
    assert_int_equal(count_entries(in_folder("")), 1);
    audio_writer_close(writer);
    Audio read = read_audio(path, NULL, 0, 0, 1000);
    assert_same_audio(&made, &read);
    audio_free(&read);
    audio_free(&made);
}

static void a_target_that_is_new_does_not_exist_before_the_commit(void **state) {
    (void)state;
    const char *path = in_folder("x.wav");
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(open_stereo(&writer, path, &cases[0], &error), CLEAVE_OK);
    assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_OK);
    assert_int_equal(access(path, F_OK), 0);
    audio_writer_close(writer);
    assert_int_equal(access(path, F_OK), 0);
}

/* Closes a writer after 1 … 4 of open, write, finish, prepare. */
static void closing_at_any_stage_leaves_nothing(void **state) {
    (void)state;
    int unfinished = is_nameless_here() ? 0 : 1;
    Audio made = audio_sines(2, 44100, 9000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int stage = 0; stage < 4 && is_possible(&cases[i]); stage++) {
            AudioWriter *writer;
            cleave_error error;
            assert_int_equal(open_stereo(&writer, in_folder("a/b/c/x"), &cases[i], &error), 0);
            assert_int_equal(count_entries(in_folder("a/b/c")), unfinished);
            if (stage >= 1)
                assert_int_equal(
                    audio_writer_write(writer, (const float *const *)made.planes, 9000, &error),
                    CLEAVE_OK);
            if (stage >= 2)
                assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
            if (stage >= 3)
                assert_int_equal(audio_writer_prepare(writer, &error), CLEAVE_OK);
            audio_writer_close(writer);
            assert_int_equal(count_entries(in_folder("")), 0);
        }
    audio_free(&made);
    audio_writer_close(NULL);
}

static void a_commit_before_the_end_is_refused(void **state) {
    (void)state;
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(open_stereo(&writer, in_folder("x.wav"), &cases[0], &error), CLEAVE_OK);
    assert_int_equal(audio_writer_prepare(writer, &error), CLEAVE_ERROR_INTERNAL);
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_ERROR_INTERNAL);
    audio_writer_close(writer);
    assert_int_equal(count_entries(in_folder("")), 0);
}

/* ---- With and without a name ---- */

typedef cleave_status (*OpenFile)(OutputFile *file, const char *path, cleave_error *error);

static void both_ways_give_the_same_file(void **state) {
    (void)state;
    const OpenFile ways[] = {output_file_open, output_file_open_named};
    for (int way = 0; way < 2; way++) {
        mode_t before = umask(027);
        OutputFile file;
        cleave_error error;
        assert_int_equal(ways[way](&file, in_folder("a/x"), &error), CLEAVE_OK);
        assert_int_equal(output_file_write(&file, "ab-d", 4), 4);
        assert_int_equal(output_file_seek(&file, 2, SEEK_SET), 2);
        assert_int_equal(output_file_write(&file, "c", 1), 1);
        assert_int_equal(output_file_finish(&file, &error), CLEAVE_OK);
        assert_int_equal(output_file_commit(&file, &error), CLEAVE_OK);
        output_file_close(&file);
        umask(before);
        struct stat status;
        assert_int_equal(stat(in_folder("a/x"), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0640);
        assert_int_equal(status.st_nlink, 1);
        assert_content(in_folder("a/x"), "abcd");
        assert_int_equal(count_entries(in_folder("a")), 1);
        assert_int_equal(remove(in_folder("a/x")), 0);
        assert_int_equal(remove(in_folder("a")), 0);
    }
}

/* What a process leaves that dies at any point before the file is prepared. */
static void a_file_without_a_name_needs_no_tidying(void **state) {
    (void)state;
    if (!is_nameless_here())
        skip();
    OutputFile file;
    cleave_error error;
    assert_int_equal(output_file_open(&file, in_folder("x"), &error), CLEAVE_OK);
    assert_int_equal(output_file_write(&file, "abc", 3), 3);
    assert_int_equal(output_file_finish(&file, &error), CLEAVE_OK);
    assert_int_equal(count_entries(in_folder("")), 0);
    output_file_close(&file);
}

static void a_named_file_is_removed_at_any_stage(void **state) {
    (void)state;
    for (int stage = 0; stage < 3; stage++) {
        OutputFile file;
        cleave_error error;
        assert_int_equal(output_file_open_named(&file, in_folder("a/x"), &error), CLEAVE_OK);
        assert_int_equal(count_entries(in_folder("a")), 1);
        if (stage >= 1)
            assert_int_equal(output_file_finish(&file, &error), CLEAVE_OK);
        if (stage >= 2)
            assert_int_equal(output_file_prepare(&file, &error), CLEAVE_OK);
        assert_int_equal(count_entries(in_folder("a")), 1);
        output_file_close(&file);
        assert_int_equal(count_entries(in_folder("")), 0);
    }
}

static void a_path_without_a_folder_is_in_the_current_one(void **state) {
    (void)state;
    int before = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(before >= 0);
    assert_int_equal(chdir(in_folder("")), 0);
    Audio made = audio_sines(1, 44100, 10);
    write_audio("x.wav", CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, &made);
    assert_int_equal(fchdir(before), 0);
    close(before);
    assert_int_equal(count_entries(in_folder("")), 1);
    assert_int_equal(access(in_folder("x.wav"), F_OK), 0);
    audio_free(&made);
}

/* ---- Folders ---- */

static void folders_are_made_and_stay_after_the_commit(void **state) {
    (void)state;
    Audio made = audio_sines(1, 44100, 10);
    write_audio(in_folder("a//b/./c/x.wav"), CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, &made);
    assert_int_equal(count_entries(in_folder("a/b/c")), 1);
    audio_free(&made);
}

static void only_folders_of_ones_own_are_removed(void **state) {
    (void)state;
    assert_int_equal(mkdir(in_folder("a"), 0777), 0);
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(open_stereo(&writer, in_folder("a/b/c/x.wav"), &cases[0], &error), CLEAVE_OK);
    audio_writer_close(writer);
    assert_int_equal(count_entries(in_folder("a")), 0);
    assert_int_equal(count_entries(in_folder("")), 1);
}

static void a_folder_in_which_something_else_appeared_stays(void **state) {
    (void)state;
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(open_stereo(&writer, in_folder("a/b/x.wav"), &cases[0], &error), CLEAVE_OK);
    write_bytes(in_folder("a/notes.txt"), "x", 1);
    audio_writer_close(writer);
    assert_int_equal(count_entries(in_folder("a/b")), -1);
    assert_int_equal(count_entries(in_folder("a")), 1);
}

static void writers_closed_in_reverse_order_leave_nothing(void **state) {
    (void)state;
    AudioWriter *writers[4];
    cleave_error error;
    char name[32];
    int unfinished = is_nameless_here() ? 0 : 4;
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "out/track/stem%d.wav", i);
        assert_int_equal(open_stereo(&writers[i], in_folder(name), &cases[0], &error), CLEAVE_OK);
    }
    assert_int_equal(count_entries(in_folder("out/track")), unfinished);
    for (int i = 3; i >= 0; i--)
        audio_writer_close(writers[i]);
    assert_int_equal(count_entries(in_folder("")), 0);
}

/* ---- Targets that cannot be ---- */

static void expect_open_error(const char *path, const char *word) {
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(open_stereo(&writer, path, &cases[0], &error), CLEAVE_ERROR_OUTPUT);
    assert_int_equal(error.status, CLEAVE_ERROR_OUTPUT);
    assert_null(writer);
    assert_text_has(error.text, word, "; ", NULL);
}

static void a_path_below_a_file_is_refused(void **state) {
    (void)state;
    write_bytes(in_folder("file"), "x", 1);
    expect_open_error(in_folder("file/x.wav"), "Not a directory");
    expect_open_error(in_folder("file/a/b/x.wav"), "Not a directory");
    assert_content(in_folder("file"), "x");
    assert_int_equal(count_entries(in_folder("")), 1);
}

static void a_folder_or_a_device_in_the_way_is_refused(void **state) {
    (void)state;
    assert_int_equal(mkdir(in_folder("x.wav"), 0777), 0);
    expect_open_error(in_folder("x.wav"), "a folder of that name");
    assert_int_equal(mkfifo(in_folder("pipe"), 0666), 0);
    expect_open_error(in_folder("pipe"), "device or pipe");
    expect_open_error("/dev/null", "device or pipe");
    assert_int_equal(count_entries(in_folder("")), 2);
}

static void a_path_without_a_name_is_refused(void **state) {
    (void)state;
    expect_open_error("", "not the name of a file");
    expect_open_error(in_folder("a/"), "not the name of a file");
    assert_int_equal(count_entries(in_folder("")), 0);
}

static void a_name_that_is_too_long_is_refused(void **state) {
    (void)state;
    char name[301];
    memset(name, 'x', 300);
    name[300] = '\0';
    expect_open_error(in_folder(name), "name too long");
    name[4] = '/';
    expect_open_error(in_folder(name), "name too long");
    assert_int_equal(count_entries(in_folder("")), 0);
}

static void the_longest_name_that_the_system_takes_works(void **state) {
    (void)state;
    char name[256];
    for (int i = 0; i < 250; i += 2) {
        name[i] = '\xc3';
        name[i + 1] = '\xa4';
    }
    snprintf(name + 250, 6, "x.wav");
    Audio made = audio_sines(1, 44100, 10);
    write_audio(in_folder(name), CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, &made);
    assert_int_equal(access(in_folder(name), F_OK), 0);
    audio_free(&made);
}

static void a_folder_without_permission_is_refused(void **state) {
    (void)state;
    if (geteuid() == 0)
        skip();
    assert_int_equal(mkdir(in_folder("locked"), 0555), 0);
    expect_open_error(in_folder("locked/x.wav"), "Permission denied");
    expect_open_error(in_folder("locked/a/x.wav"), "Permission denied");
}

static void the_umask_decides_who_may_read(void **state) {
    (void)state;
    Audio made = audio_sines(1, 44100, 10);
    mode_t before = umask(027);
    write_audio(in_folder("x.wav"), CLEAVE_FORMAT_WAV, CLEAVE_BITS_16, &made);
    umask(before);
    struct stat status;
    assert_int_equal(stat(in_folder("x.wav"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    audio_free(&made);
}

static void a_target_that_became_a_folder_shows_before_the_rename(void **state) {
    (void)state;
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(open_stereo(&writer, in_folder("x.wav"), &cases[0], &error), CLEAVE_OK);
    assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
    assert_int_equal(mkdir(in_folder("x.wav"), 0777), 0);
    assert_int_equal(audio_writer_prepare(writer, &error), CLEAVE_ERROR_OUTPUT);
    assert_text_has(error.text, "x.wav", "a folder of that name");
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_ERROR_OUTPUT);
    audio_writer_close(writer);
    assert_int_equal(count_entries(in_folder("")), 1);
}

static void a_rename_that_fails_leaves_nothing_of_its_file_and_all_of_others(void **state) {
    (void)state;
    AudioWriter *writers[2];
    cleave_error error;
    const char *const names[] = {"a.wav", "b.wav"};
    write_bytes(in_folder("a.wav"), "old", 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(open_stereo(&writers[i], in_folder(names[i]), &cases[0], &error), 0);
        assert_int_equal(audio_writer_finish(writers[i], &error), CLEAVE_OK);
        assert_int_equal(audio_writer_prepare(writers[i], &error), CLEAVE_OK);
    }
    assert_int_equal(mkdir(in_folder("b.wav"), 0777), 0);
    assert_int_equal(audio_writer_commit(writers[0], &error), CLEAVE_OK);
    assert_int_equal(audio_writer_commit(writers[1], &error), CLEAVE_ERROR_OUTPUT);
    assert_text_has(error.text, "b.wav", "rename");
    for (int i = 1; i >= 0; i--)
        audio_writer_close(writers[i]);
    assert_int_equal(count_entries(in_folder("")), 2);
    Audio read = read_audio(in_folder("a.wav"), NULL, 0, 0, 100);
    assert_int_equal(read.channels, 2);
    audio_free(&read);
}

static void a_folder_that_went_away_is_made_again(void **state) {
    (void)state;
    if (!is_nameless_here())
        skip();
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(mkdir(in_folder("a"), 0777), 0);
    assert_int_equal(open_stereo(&writer, in_folder("a/x.wav"), &cases[0], &error), CLEAVE_OK);
    assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_OK);
    assert_int_equal(rmdir(in_folder("a")), 0);
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_OK);
    audio_writer_close(writer);
    Audio read = read_audio(in_folder("a/x.wav"), NULL, 0, 0, 100);
    assert_int_equal(read.channels, 2);
    audio_free(&read);
    assert_int_equal(count_entries(in_folder("a")), 1);
}

/* ---- No room ---- */

static void a_full_disk_is_called_so(void **state) {
    (void)state;
    int full = open("/dev/full", O_RDWR);
    if (full < 0)
        skip();
    OutputFile file;
    cleave_error error;
    assert_int_equal(output_file_open(&file, in_folder("a/x"), &error), CLEAVE_OK);
    assert_true(dup2(full, file.fd) >= 0);
    close(full);
    assert_int_equal(output_file_write(&file, "abc", 3), 0);
    assert_int_equal(file.error, ENOSPC);
    assert_int_equal(output_file_write(&file, "abc", 3), 0);
    assert_int_equal(output_file_finish(&file, &error), CLEAVE_ERROR_OUTPUT);
    assert_text_has(error.text, in_folder("a/x"), "disk full", "free some space");
    assert_int_equal(output_file_commit(&file, &error), CLEAVE_ERROR_OUTPUT);
    output_file_close(&file);
    assert_int_equal(count_entries(in_folder("")), 0);
}

/* One whole run with files limited to `limit` bytes; returns how it went. */
static cleave_status run_limited(const Case *which, const Audio *made, rlim_t limit,
                                 cleave_error *error) {
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {limit, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    AudioWriter *writer;
    cleave_status status = open_stereo(&writer, in_folder("a/x"), which, error);
    if (status == CLEAVE_OK)
        status =
            audio_writer_write(writer, (const float *const *)made->planes, made->frames, error);
    if (status == CLEAVE_OK)
        status = audio_writer_finish(writer, error);
    if (status == CLEAVE_OK)
        status = audio_writer_commit(writer, error);
    audio_writer_close(writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    return status;
}

static void running_out_of_room_at_any_byte_leaves_nothing(void **state) {
    (void)state;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    Audio made = audio_noise(2, 44100, 9000, 0.9f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!is_possible(&cases[i]))
            continue;
        cleave_error error;
        int failures = 0;
        for (rlim_t limit = 0;; limit += limit < 200 ? 20 : 1777, failures++) {
            cleave_status status = run_limited(&cases[i], &made, limit, &error);
            if (status == CLEAVE_OK)
                break;
            assert_int_equal(status, CLEAVE_ERROR_OUTPUT);
            assert_text_has(error.text, in_folder("a/x"), "File too large", "; ", NULL);
            assert_int_equal(count_entries(in_folder("")), 0);
        }
        assert_true(failures > 10);
        assert_int_equal(remove(in_folder("a/x")), 0);
        assert_int_equal(remove(in_folder("a")), 0);
    }
    audio_free(&made);
    signal(SIGXFSZ, before);
}

static void after_a_failed_write_nothing_can_be_finished(void **state) {
    (void)state;
    float bad[2][1] = {{0.0f}, {0.0f}};
    bad[1][0] = 1.0f / bad[0][0];
    const float *planes[] = {bad[0], bad[1]};
    AudioWriter *writer;
    cleave_error error;
    assert_int_equal(open_stereo(&writer, in_folder("x.wav"), &cases[0], &error), CLEAVE_OK);
    assert_int_equal(audio_writer_write(writer, planes, 1, &error), CLEAVE_ERROR_OUTPUT);
    assert_int_equal(audio_writer_finish(writer, &error), CLEAVE_ERROR_INTERNAL);
    assert_int_equal(audio_writer_commit(writer, &error), CLEAVE_ERROR_INTERNAL);
    audio_writer_close(writer);
    assert_int_equal(count_entries(in_folder("")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_target_is_untouched_before_the_commit),
        TEST(a_target_that_is_new_does_not_exist_before_the_commit),
        TEST(closing_at_any_stage_leaves_nothing),
        TEST(a_commit_before_the_end_is_refused),
        TEST(both_ways_give_the_same_file),
        TEST(a_file_without_a_name_needs_no_tidying),
        TEST(a_named_file_is_removed_at_any_stage),
        TEST(a_path_without_a_folder_is_in_the_current_one),
        TEST(folders_are_made_and_stay_after_the_commit),
        TEST(only_folders_of_ones_own_are_removed),
        TEST(a_folder_in_which_something_else_appeared_stays),
        TEST(writers_closed_in_reverse_order_leave_nothing),
        TEST(a_path_below_a_file_is_refused),
        TEST(a_folder_or_a_device_in_the_way_is_refused),
        TEST(a_path_without_a_name_is_refused),
        TEST(a_name_that_is_too_long_is_refused),
        TEST(the_longest_name_that_the_system_takes_works),
        TEST(a_folder_without_permission_is_refused),
        TEST(the_umask_decides_who_may_read),
        TEST(a_target_that_became_a_folder_shows_before_the_rename),
        TEST(a_rename_that_fails_leaves_nothing_of_its_file_and_all_of_others),
        TEST(a_folder_that_went_away_is_made_again),
        TEST(a_full_disk_is_called_so),
        TEST(running_out_of_room_at_any_byte_leaves_nothing),
        TEST(after_a_failed_write_nothing_can_be_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
