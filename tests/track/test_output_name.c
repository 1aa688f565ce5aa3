/* test_output_name.c: names from files and from outside become harmless parts of an output's path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "track/output_name.h"

static void check_path(const char *template, const char *track, const char *stem,
                       const char *wanted) {
    cleave_file_settings settings;
    cleave_file_settings_default(&settings);
    settings.directory = "out";
    settings.name_template = template;
    char *path = output_path(&settings, track, stem, "model");
    assert_non_null(path);
    assert_string_equal(path, wanted);
    free(path);
}

static void check_stem(const char *stem, const char *wanted) {
    check_path("{stem}", "track", stem, wanted);
}

static void test_a_name_is_one_part_of_a_path(void **state) {
    (void)state;
    check_stem("../../etc/x", "out/.._.._etc_x.wav");
    check_stem("a\\b", "out/a_b.wav");
    check_stem(".", "out/_.wav");
    check_stem("..", "out/__.wav");
    check_stem("", "out/_.wav");
    check_stem("...", "out/....wav");
}

/* Characters that steer a terminal, or turn the direction of the text behind them. */
static void test_harmful_characters_stay_out(void **state) {
    (void)state;
    check_stem("a\nb\x1b[31m\x7f", "out/a_b_[31m_.wav");
    check_stem("kick\xc2\x9b"
               "31m",
               "out/kick_31m.wav");      /* U+009B, C1's CSI */
    check_stem("\xc2\x85", "out/_.wav"); /* U+0085 */
    check_stem("kick\xe2\x80\xae"
               "vaw.exe",
               "out/kick_vaw.exe.wav");                             /* U+202E */
    check_stem("\xe2\x81\xa6snare\xe2\x81\xa9", "out/_snare_.wav"); /* U+2066, U+2069 */
    check_stem("a\xe2\x80\xa8"
               "b",
               "out/a_b.wav"); /* U+2028 */
    check_path("{track}",
               "a\xe2\x80\xae"
               "b",
               "x", "out/a_b.wav");
}

/* Also bytes that are no UTF-8, by which a file's outputs are found again. */
static void test_all_others_stay(void **state) {
    (void)state;
    check_stem("gro\xc3\x9f \xe5\xa4\xaa\xe9\xbc\x93 \xf0\x9f\xa5\x81",
               "out/gro\xc3\x9f \xe5\xa4\xaa\xe9\xbc\x93 \xf0\x9f\xa5\x81.wav");
    check_stem("caf\xe9", "out/caf\xe9.wav");
    check_stem("cut\xe2\x80", "out/cut\xe2\x80.wav");
}

static void test_folders_are_made_harmless_one_by_one(void **state) {
    (void)state;
    cleave_file_settings settings;
    cleave_file_settings_default(&settings);
    settings.directory = "out";
    settings.name_template = "{folder}/{stem}";
    settings.folder = "a\xe2\x80\xae/../b";
    char *path = output_path(&settings, "track", "kick", "model");
    assert_non_null(path);
    assert_string_equal(path, "out/a_/__/b/kick.wav");
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_is_one_part_of_a_path),
        cmocka_unit_test(test_harmful_characters_stay_out),
        cmocka_unit_test(test_all_others_stay),
        cmocka_unit_test(test_folders_are_made_harmless_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
