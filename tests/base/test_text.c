/* test_text.c: sizes as people read them, the ends of texts, half-precision numbers and hashes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "base/hash.h"
#include "base/text.h"

static void sizes_have_three_digits_or_so(void **state) {
    (void)state;
    assert_string_equal(size_text(0).text, "0 B");
    assert_string_equal(size_text(1023).text, "1023 B");
    assert_string_equal(size_text(1024).text, "1.0 KiB");
    assert_string_equal(size_text(1536).text, "1.5 KiB");
    assert_string_equal(size_text(100 * 1024).text, "100 KiB");
    assert_string_equal(size_text(INT64_C(8160437862)).text, "7.6 GiB");
    assert_string_equal(size_text(INT64_MAX).text, "8.0 EiB");
}

static void texts_begin_and_end(void **state) {
    (void)state;
    assert_true(text_begins_with("model.ckpt", "model"));
    assert_true(text_begins_with("model", ""));
    assert_false(text_begins_with("mod", "model"));
    assert_true(text_ends_with("model.ckpt", ".ckpt"));
    assert_true(text_ends_with("model.ckpt", ""));
    assert_false(text_ends_with("ckpt", ".ckpt"));
    assert_false(text_ends_with("model.ckpt2", ".ckpt"));
}

/* Every half there is: it becomes a float and comes back, both ways of rounding alike. */
static void halves_are_floats_and_back(void **state) {
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++) {
        float value = half_to_float((uint16_t)half);
        if (isnan(value)) {
            assert_true((half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0);
            assert_true(isnan(half_to_float(half_from_float_plain(value))));
            continue;
        }
        assert_int_equal(half_from_float_plain(value), half);
        assert_int_equal(half_from_float(value), half);
    }
    assert_true(half_to_float(0x3c00) == 1.0f && half_to_float(0x0001) == 0x1p-24f);
    assert_true(half_to_float(0xfc00) == -INFINITY);
}

static void bf16_is_rounded_to_even(void **state) {
    (void)state;
    assert_int_equal(bf16_from_float(1.0f), 0x3f80);
    assert_int_equal(bf16_from_float(1.0f + 0x1p-8f), 0x3f80);
    assert_int_equal(bf16_from_float(1.0f + 0x1.8p-7f), 0x3f82);
    assert_int_equal(bf16_from_float(-3.4e38f), 0xff80);
    assert_true(isnan(bf16_to_float(bf16_from_float(NAN))));
    assert_true(bf16_to_float(0xc020) == -2.5f);
}

/* The test vectors that the authors give. */
static void hashes_are_those_of_fnv(void **state) {
    (void)state;
    assert_int_equal(hash_text(""), 0x811c9dc5u);
    assert_int_equal(hash_text("foobar"), 0xbf9cf968u);
    assert_true(hash_add(HASH_START, "foobar", 6) == 0x85944171f73967e8u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_three_digits_or_so), cmocka_unit_test(texts_begin_and_end),
        cmocka_unit_test(halves_are_floats_and_back),    cmocka_unit_test(bf16_is_rounded_to_even),
        cmocka_unit_test(hashes_are_those_of_fnv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
