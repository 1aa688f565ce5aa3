/* test_utf8.c: whatever bytes a name has, what is shown of it is one line of valid, harmless UTF-8:
 * in errors and in log lines, cut or whole. Jansson judges what is valid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/error.h"
#include "base/log.h"
#include "base/path_format.h"
#include "base/random.h"
#include "base/utf8.h"

static void expect_harmless(const char *text) {
    json_t *value = json_string(text);
    assert_non_null(value); /* jansson takes valid UTF-8 only */
    json_decref(value);
    while (*text) {
        uint32_t code;
        text += utf8_decode(text, &code);
        assert_true(utf8_is_harmless(code));
    }
}

static void show(const char *text, const char *expected) {
    char out[256];
    char again[256];
    utf8_show(out, sizeof(out), text);
    assert_string_equal(out, expected);
    expect_harmless(out);
    utf8_show(again, sizeof(again), out);
    assert_string_equal(again, expected);
}

static void text_stays_as_it_is(void **state) {
    (void)state;
    show("", "");
    show("song.wav", "song.wav");
    show("\xC3\xA4\xE2\x82\xAC\xF0\x9F\xA5\x81", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\xA5\x81");
    show("\xEF\xBF\xBD", "\xEF\xBF\xBD");
    show("\xC2\xA0\xF4\x8F\xBF\xBF", "\xC2\xA0\xF4\x8F\xBF\xBF");
    show("\xD9\x84\xE2\x80\x8F", "\xD9\x84\xE2\x80\x8F"); /* Arabic, and its mark */
}

#define BAD "\xEF\xBF\xBD"

static void bytes_that_are_no_character_are_replaced(void **state) {
    (void)state;
    show("caf\xE9.wav", "caf" BAD ".wav");
    show("\x80\x9B\x9F", BAD BAD BAD);
    show("a\xE2\x82", "a" BAD BAD);
    show("\xC0\xAF", BAD BAD);                 /* longer than it need be */
    show("\xED\xA0\x80", BAD BAD BAD);         /* half of a surrogate pair */
    show("\xF4\x90\x80\x80", BAD BAD BAD BAD); /* beyond the last character */
    show("\xFF\xFE", BAD BAD);
}

static void what_steers_or_turns_is_replaced(void **state) {
    (void)state;
    show("a\nb\r\tc\x1B[31m\x7F", "a?b??c?[31m?");
    show("\xC2\x9B"
         "31m\xC2\x80\xC2\x9F",
         "?31m??");
    show("a\xE2\x80\xA8"
         "b\xE2\x80\xA9"
         "c",
         "a?b?c");
    show("\xE2\x80\xAA\xE2\x80\xAE\xE2\x81\xA6\xE2\x81\xA9", "????");
}

static void cuts_are_between_characters(void **state) {
    (void)state;
    char out[8] = "xxxxxxx";
    utf8_show(out, 3, "\xC3\xA4\xC3\xA4");
    assert_string_equal(out, "\xC3\xA4");
    utf8_show(out, 4, "a\xE2\x82\xAC");
    assert_string_equal(out, "a");
    utf8_show(out, 3, "\xFF");
    assert_string_equal(out, "?");
    utf8_show(out, 1, "abc");
    assert_string_equal(out, "");
    out[0] = 'x';
    utf8_show(out, 0, "abc");
    assert_int_equal(out[0], 'x');
}

static void a_part_at_the_end_is_taken_off(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"abc", "abc"},
        {"a\xC3", "a"},
        {"a\xC3\xA4", "a\xC3\xA4"},
        {"a\xE2\x82", "a"},
        {"\xE2\x82\xAC", "\xE2\x82\xAC"},
        {"\xF0\x9F\xA5", ""},
        {"\x80", "\x80"}, /* no part of anything: left to utf8_show() */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[8];
        snprintf(text, sizeof(text), "%s", cases[i][0]);
        utf8_trim(text);
        assert_string_equal(text, cases[i][1]);
    }
}

/* ---- Where the library makes texts ---- */

/* As long as an error may be and longer, with a character across every place of a cut. */
static void errors_are_cut_between_characters(void **state) {
    (void)state;
    for (size_t length = 1000; length < 1040; length++) {
        char path[1100] = "";
        memset(path, 'a', length);
        snprintf(path + length, sizeof(path) - length, "\xF0\x9F\xA5\x81\xE2\x82\xAC");
        cleave_error error;
        assert_int_equal(error_set(&error, CLEAVE_ERROR_INPUT, "%s", path), CLEAVE_ERROR_INPUT);
        expect_harmless(error.text);
        assert_null(strstr(error.text, BAD));
        error_prefix(&error, "%s", path + length - 300);
        expect_harmless(error.text);
        assert_null(strstr(error.text, BAD));
        assert_true(strlen(error.text) + 5 > CLEAVE_ERROR_TEXT_SIZE);
    }
}

/* A path of bytes that belong to no character must not grow until nothing else is seen. */
static void bytes_leave_room_for_the_reason(void **state) {
    (void)state;
    char path[700];
    cleave_error error;
    memset(path, '\xE9', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    error_set(&error, CLEAVE_ERROR_INPUT, PATH_FORMAT ": not there; check the path", path);
    assert_non_null(strstr(error.text, "?????: not there; check the path"));
    char out[8];
    utf8_show(out, sizeof(out), "\xE9\xE9");
    assert_string_equal(out, BAD BAD);
    utf8_show(out, sizeof(out),
              "\xE9\xE9"
              "ab");
    assert_string_equal(out, "??ab");
}

/* Paths of every length around the cut, with characters of two, three and four bytes across it. */
static void paths_are_cut_between_characters(void **state) {
    (void)state;
    static const char *const characters[] = {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\xA5\x81"};
    for (size_t c = 0; c < 3; c++)
        for (size_t length = 630; length < 645; length++) {
            char path[700];
            cleave_error error;
            memset(path, 'a', length);
            snprintf(path + length, sizeof(path) - length, "%s%s", characters[c], characters[c]);
            error_set(&error, CLEAVE_ERROR_INPUT, PATH_FORMAT ": %d and " PATH_FORMAT, path, 7,
                      "b");
            expect_harmless(error.text);
            assert_null(strstr(error.text, BAD));
            assert_non_null(strstr(error.text, ": 7 and b"));
            size_t kept = (size_t)(strstr(error.text, ": 7") - error.text);
            size_t whole = length + 2 * strlen(characters[c]);
            assert_true(kept == whole ? whole <= 640 : kept <= 640 && kept + 4 > 640);
            assert_memory_equal(error.text, path, kept);
        }
}

/* What ends in the middle of a character by itself was not cut. */
static void short_paths_keep_their_last_byte(void **state) {
    (void)state;
    cleave_error error;
    error_set(&error, CLEAVE_ERROR_INPUT, PATH_FORMAT ": not there", "caf\xE9");
    assert_string_equal(error.text, "caf" BAD ": not there");
    error_set(&error, CLEAVE_ERROR_INPUT, PATH_FORMAT ": not there", "\x01\x02\x03\x04\x05");
    assert_string_equal(error.text, "?????: not there");
    error_set(&error, CLEAVE_ERROR_INPUT, "'" UTF8_CUT(2) "' and '" UTF8_CUT(2) "'", "\xE2\x82\xAC",
              "a\xC3\xA4");
    assert_string_equal(error.text, "'' and 'a'");
}

static void a_prefix_stands_before_the_text(void **state) {
    (void)state;
    cleave_error error;
    error_set(&error, CLEAVE_ERROR_MODEL, "no\nway");
    error_prefix(&error, "caf\xE9 %d", 7);
    assert_int_equal(error.status, CLEAVE_ERROR_MODEL);
    assert_string_equal(error.text, "caf" BAD " 7: no?way");
}

static void check_line(void *user, cleave_log_level level, const char *line) {
    (void)level;
    expect_harmless(line);
    ++*(int *)user;
}

/* Bytes of all kinds, most of which belong to no character. */
static void fill(char *bytes, size_t length, uint64_t *random) {
    static const unsigned char likely[] = {0xC2, 0x9B, 0xE2, 0x80, 0xA8, 0xAE, 0xF0, 0x9F,
                                           0x02, 0x03, 0x04, 0x05, 0x7F, 0xED, 0x1B, '1'};
    for (size_t i = 0; i < length; i++) {
        uint64_t word = random_next(random);
        unsigned char byte = word & 256 ? likely[word >> 16 & 15] : (unsigned char)word;
        bytes[i] = (char)(byte ? byte : 1);
    }
    bytes[length] = '\0';
}

static void random_bytes_become_harmless_everywhere(void **state) {
    (void)state;
    uint64_t random = 20240229;
    int lines = 0;
    const cleave_logger logger = {check_line, &lines, CLEAVE_LOG_DEBUG};
    for (int round = 0; round < 20000; round++) {
        char bytes[2048];
        char out[2048];
        cleave_error error;
        size_t length = random_next(&random) % (round % 8 ? 40 : sizeof(bytes));
        fill(bytes, length, &random);
        utf8_show(out, 1 + random_next(&random) % sizeof(out), bytes);
        expect_harmless(out);
        error_set(&error, CLEAVE_ERROR_INPUT, PATH_FORMAT ": " UTF8_CUT(100) "; try another", bytes,
                  bytes);
        expect_harmless(error.text);
        error_prefix(&error, "%.40s", bytes);
        expect_harmless(error.text);
        log_write(&logger, CLEAVE_LOG_WARNING, "%s", bytes);
    }
    assert_int_equal(lines, 20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays_as_it_is),
        cmocka_unit_test(bytes_that_are_no_character_are_replaced),
        cmocka_unit_test(what_steers_or_turns_is_replaced),
        cmocka_unit_test(cuts_are_between_characters),
        cmocka_unit_test(a_part_at_the_end_is_taken_off),
        cmocka_unit_test(errors_are_cut_between_characters),
        cmocka_unit_test(bytes_leave_room_for_the_reason),
        cmocka_unit_test(paths_are_cut_between_characters),
        cmocka_unit_test(short_paths_keep_their_last_byte),
        cmocka_unit_test(a_prefix_stands_before_the_text),
        cmocka_unit_test(random_bytes_become_harmless_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
