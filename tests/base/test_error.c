/* test_error.c: the texts of errors, and where their parts begin: whatever is written, the offsets
 * stay inside the text and in order, and no character is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/path_format.h"

#define EURO "\xE2\x82\xAC" /* a character of three bytes */

/* A text of `size` bytes and a NUL. */
typedef struct LongText {
    char text[4 * CLEAVE_ERROR_TEXT_SIZE];
} LongText;

static LongText repeated(const char *character, size_t size) {
    LongText result = {""};
    size_t length = strlen(character);
    for (size_t used = 0; used + length <= size; used += length)
        memcpy(result.text + used, character, length);
    return result;
}

static void assert_is_whole_utf8(const char *text) {
    while (*text) {
        uint32_t code;
        size_t size = utf8_decode(text, &code);
        assert_true(code != UTF8_REPLACEMENT);
        text += size;
    }
}

static void assert_is_sound(const cleave_error *error) {
    int length = (int)strlen(error->text);
    assert_true(length < CLEAVE_ERROR_TEXT_SIZE);
    assert_true(0 <= error->reason && error->reason <= error->reason_end);
    assert_true(error->reason_end <= error->advice && error->advice <= length);
    assert_is_whole_utf8(error->text);
}

/* The parts of an error: its reason and its advice. */
static void assert_parts(const cleave_error *error, const char *text, const char *reason,
                         const char *advice) {
    assert_is_sound(error);
    assert_string_equal(error->text, text);
    size_t size = (size_t)(error->reason_end - error->reason);
    assert_int_equal(size, strlen(reason));
    assert_memory_equal(error->text + error->reason, reason, size);
    assert_string_equal(error->text + error->advice, advice);
}

/* ---- Each function that writes one ---- */

static void a_plain_error_is_its_reason(void **state) {
    (void)state;
    cleave_error error;
    memset(&error, 0x55, sizeof(error));
    assert_int_equal(error_set(&error, CLEAVE_ERROR_MODEL, "%d weights are missing", 3),
                     CLEAVE_ERROR_MODEL);
    assert_int_equal(error.status, CLEAVE_ERROR_MODEL);
    assert_parts(&error, "3 weights are missing", "3 weights are missing", "");
}

static void an_error_of_a_file_begins_with_task_and_path(void **state) {
    (void)state;
    cleave_error error;
    assert_int_equal(error_set_file(&error, CLEAVE_ERROR_INPUT, "cannot read audio", "a: b; c.wav",
                                    "%s at %d", "broken", 7),
                     CLEAVE_ERROR_INPUT);
    assert_int_equal(error.status, CLEAVE_ERROR_INPUT);
    assert_parts(&error, "cannot read audio: a: b; c.wav: broken at 7", "broken at 7", "");
}

static void advice_follows_the_reason(void **state) {
    (void)state;
    cleave_error error;
    assert_int_equal(error_advise(&error,
                                  error_set_file(&error, CLEAVE_ERROR_OUTPUT, "cannot write",
                                                 "x.wav", "disk full"),
                                  "free %d GB", 2),
                     CLEAVE_ERROR_OUTPUT);
    assert_int_equal(error.status, CLEAVE_ERROR_OUTPUT);
    assert_parts(&error, "cannot write: x.wav: disk full; free 2 GB", "disk full", "free 2 GB");
}

static void new_advice_takes_the_place_of_old(void **state) {
    (void)state;
    cleave_error error;
    error_set(&error, CLEAVE_ERROR_ARGUMENT, "too long");
    error_advise(&error, CLEAVE_ERROR_ARGUMENT, "try something that is much shorter");
    error_advise(&error, CLEAVE_ERROR_ARGUMENT, "try less");
    assert_parts(&error, "too long; try less", "too long", "try less");
    error_advise(&error, CLEAVE_ERROR_ARGUMENT, "try something else altogether");
    assert_parts(&error, "too long; try something else altogether", "too long",
                 "try something else altogether");
}

static void details_follow_the_reason_and_are_no_part_of_it(void **state) {
    cleave_error error;
    (void)state;
    error_set_file(&error, CLEAVE_ERROR_INPUT, "cannot read audio", "a.wav", "it is damaged");
    assert_int_equal(error_detail(&error, CLEAVE_ERROR_INPUT, "%s", "chunk 3"), CLEAVE_ERROR_INPUT);
    assert_parts(&error, "cannot read audio: a.wav: it is damaged (chunk 3)", "it is damaged", "");
    for (int i = 0; i < 2; i++) { /* new advice takes the place of the old one */
        error_advise(&error, CLEAVE_ERROR_INPUT, "try another");
        assert_parts(&error, "cannot read audio: a.wav: it is damaged (chunk 3); try another",
                     "it is damaged", "try another");
    }
    error_prefix(&error, "track 1");
    assert_string_equal(error.text + error.advice, "try another");
    assert_int_equal(error_detail(NULL, CLEAVE_ERROR_INPUT, "x"), CLEAVE_ERROR_INPUT);
}

static void a_lack_of_memory_says_how_much_and_for_what(void **state) {
    (void)state;
    cleave_error error;
    assert_int_equal(error_memory(&error, "a block", 4096), CLEAVE_ERROR_MEMORY);
    assert_int_equal(error.status, CLEAVE_ERROR_MEMORY);
    assert_parts(&error,
                 "out of memory: 4096 bytes for a block; try a smaller batch or close other "
                 "programs",
                 "4096 bytes for a block", "try a smaller batch or close other programs");
}

static void a_prefix_moves_all_parts(void **state) {
    (void)state;
    cleave_error error;
    error_set(&error, CLEAVE_ERROR_DEVICE, "no answer");
    error_advise(&error, CLEAVE_ERROR_DEVICE, "try again");
    error_prefix(&error, "device %s", "gpu:7");
    assert_int_equal(error.status, CLEAVE_ERROR_DEVICE);
    assert_parts(&error, "device gpu:7: no answer; try again", "no answer", "try again");
    error_prefix(&error, "song.wav");
    assert_parts(&error, "song.wav: device gpu:7: no answer; try again", "no answer", "try again");
    error_advise(&error, CLEAVE_ERROR_DEVICE, "try the CPU");
    assert_parts(&error, "song.wav: device gpu:7: no answer; try the CPU", "no answer",
                 "try the CPU");
}

static void a_cleared_error_is_empty(void **state) {
    (void)state;
    cleave_error error;
    error_memory(&error, "a block", 1);
    error_clear(&error);
    assert_int_equal(error.status, CLEAVE_OK);
    assert_parts(&error, "", "", "");
}

/* ---- What goes in ---- */

static void an_error_may_be_null(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, CLEAVE_ERROR_MODEL, "x"), CLEAVE_ERROR_MODEL);
    assert_int_equal(error_set_file(NULL, CLEAVE_ERROR_INPUT, "a", "b", "c"), CLEAVE_ERROR_INPUT);
    assert_int_equal(error_advise(NULL, CLEAVE_ERROR_INPUT, "x"), CLEAVE_ERROR_INPUT);
    assert_int_equal(error_memory(NULL, "x", 1), CLEAVE_ERROR_MEMORY);
    error_prefix(NULL, "x");
    error_clear(NULL);
}

static void an_error_may_be_made_of_its_own_text(void **state) {
    (void)state;
    cleave_error error;
    error_set(&error, CLEAVE_ERROR_MODEL, "no weights");
    error_set(&error, CLEAVE_ERROR_DEVICE, "%s (%s)", error.text, error.text);
    assert_parts(&error, "no weights (no weights)", "no weights (no weights)", "");
    error_set_file(&error, CLEAVE_ERROR_INPUT, "cannot read", error.text, "%s", error.text);
    assert_parts(&error, "cannot read: no weights (no weights): no weights (no weights)",
                 "no weights (no weights)", "");
    error_prefix(&error, "%.11s", error.text);
    assert_parts(&error,
                 "cannot read: cannot read: no weights (no weights): no weights (no weights)",
                 "no weights (no weights)", "");
}

static void names_become_harmless(void **state) {
    (void)state;
    cleave_error error;
    error_set_file(&error, CLEAVE_ERROR_INPUT, "cannot read", "a\x1b[2Jb\nc\xff.wav", "it is \t%s",
                   "\x07");
    assert_null(strpbrk(error.text, "\x1b\n\t\x07"));
    assert_non_null(strstr(error.text, "a?[2Jb?c" UTF8_REPLACEMENT_TEXT ".wav: it is ??"));
}

/* ---- Texts that do not fit ---- */

static void a_long_reason_is_cut_behind_a_whole_character(void **state) {
    (void)state;
    for (size_t size = CLEAVE_ERROR_TEXT_SIZE - 6; size < CLEAVE_ERROR_TEXT_SIZE + 6; size++) {
        cleave_error error;
        error_set(&error, CLEAVE_ERROR_MODEL, "%s", repeated(EURO, size).text);
        assert_is_sound(&error);
        assert_true(strlen(error.text) + 6 > CLEAVE_ERROR_TEXT_SIZE - 6);
        error_set(&error, CLEAVE_ERROR_MODEL, "%s", repeated("x", size).text);
        assert_is_sound(&error);
        assert_int_equal(error.reason_end, strlen(error.text));
    }
}

static void a_long_path_leaves_room_for_reason_and_advice(void **state) {
    (void)state;
    for (size_t size = 620; size < 700; size++) {
        cleave_error error;
        error_set_file(&error, CLEAVE_ERROR_INPUT, "cannot read", repeated(EURO, size).text, "why");
        error_advise(&error, CLEAVE_ERROR_INPUT, "what to try");
        assert_is_sound(&error);
        assert_memory_equal(error.text + error.reason, "why; ", 5);
        assert_string_equal(error.text + error.advice, "what to try");
    }
    cleave_error error;
    error_set_file(&error, CLEAVE_ERROR_INPUT, "cannot read", repeated("x", 4000).text, "why");
    assert_is_sound(&error);
    assert_string_equal(error.text + error.reason, "why");
}

static void advice_takes_what_room_is_left(void **state) {
    (void)state;
    for (size_t size = CLEAVE_ERROR_TEXT_SIZE - 40; size < CLEAVE_ERROR_TEXT_SIZE + 4; size++) {
        cleave_error error;
        error_set(&error, CLEAVE_ERROR_MODEL, "%s", repeated("x", size).text);
        int end = error.reason_end;
        assert_int_equal(error_advise(&error, CLEAVE_ERROR_MODEL, "%s", repeated(EURO, 30).text),
                         CLEAVE_ERROR_MODEL);
        assert_is_sound(&error);
        assert_int_equal(error.reason_end, end);
        if (error.advice > end)
            assert_memory_equal(error.text + end, "; ", 2);
        else
            assert_int_equal(strlen(error.text), end);
    }
}

static void prefixes_push_the_end_out(void **state) {
    (void)state;
    cleave_error error;
    error_set(&error, CLEAVE_ERROR_MODEL, "%s", repeated(EURO, 300).text);
    error_advise(&error, CLEAVE_ERROR_MODEL, "%s", repeated(EURO, 300).text);
    for (int i = 0; i < 40; i++) {
        error_prefix(&error, "%s", repeated(EURO, 31).text);
        assert_is_sound(&error);
    }
    assert_int_equal(error.reason, strlen(error.text));
    error_prefix(&error, "%s", repeated(EURO, 4000).text);
    assert_is_sound(&error);
    assert_non_null(strstr(error.text, EURO ": " EURO));
    error_advise(&error, CLEAVE_ERROR_MODEL, "anything");
    assert_is_sound(&error);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_error_is_its_reason),
        cmocka_unit_test(an_error_of_a_file_begins_with_task_and_path),
        cmocka_unit_test(advice_follows_the_reason),
        cmocka_unit_test(new_advice_takes_the_place_of_old),
        cmocka_unit_test(details_follow_the_reason_and_are_no_part_of_it),
        cmocka_unit_test(a_lack_of_memory_says_how_much_and_for_what),
        cmocka_unit_test(a_prefix_moves_all_parts),
        cmocka_unit_test(a_cleared_error_is_empty),
        cmocka_unit_test(an_error_may_be_null),
        cmocka_unit_test(an_error_may_be_made_of_its_own_text),
        cmocka_unit_test(names_become_harmless),
        cmocka_unit_test(a_long_reason_is_cut_behind_a_whole_character),
        cmocka_unit_test(a_long_path_leaves_room_for_reason_and_advice),
        cmocka_unit_test(advice_takes_what_room_is_left),
        cmocka_unit_test(prefixes_push_the_end_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
