/* test_release.c: the driver's release as its kernel module says it, and that of a version of CUDA.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cuda/release.h"

static void expect_release(const char *module, const char *expected) {
    char release[16] = "";
    assert_int_equal(release_of_module(module, release, sizeof(release)), expected[0] != '\0');
    assert_string_equal(release, expected);
}

static void the_module_says_its_release(void **state) {
    (void)state;
    expect_release("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 "
                   "UTC 2024\n",
                   "550.54.14");
    expect_release("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release "
                   "Build  (dvs-builder@U16-I3-B03-4-3)  Fri Aug 16 21:42:42 UTC 2024\n",
                   "560.35.03");
    expect_release("NVRM version: NVIDIA UNIX aarch64 Kernel Module  535.129\n", "535.129");
}

static void what_is_no_release_is_not_taken_for_one(void **state) {
    (void)state;
    expect_release("", "");
    expect_release("\n", "");
    expect_release("NVRM version: none 550 . .. 5. .5 5..5 5.x x5.4 v5.4-1", "");
    expect_release("550.54.14.1234567890", ""); /* too long for what takes it */
    expect_release(" 1.2", "1.2");
    expect_release("1.2", "1.2");
}

static void the_release_with_a_version_of_cuda(void **state) {
    (void)state;
    assert_int_equal(release_with(11000), 525);
    assert_int_equal(release_with(12000), 525);
    assert_int_equal(release_with(12010), 530);
    assert_int_equal(release_with(12085), 575);
    assert_int_equal(release_with(13000), 580);
    assert_int_equal(release_with(13010), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_module_says_its_release),
        cmocka_unit_test(what_is_no_release_is_not_taken_for_one),
        cmocka_unit_test(the_release_with_a_version_of_cuda),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
