/* test_profile_table.c: the table of a profile with figures that no short run has: hours, millions
 * of calls, a trace that is full, a peak that is unknown. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleave/extra.h"
#include "cli/show/profile_table.h"

static cleave_profile_op conv(int height, int64_t calls, double seconds, double peak_share) {
    return (cleave_profile_op){.name = "layer",
                               .op = "conv",
                               .kernel = {3, 3},
                               .input = {64, 2048, height},
                               .output = {64, 2048, height},
                               .algorithm = "winograd",
                               .calls = calls,
                               .seconds = seconds,
                               .thread_seconds = 2 * seconds,
                               .share = seconds / 100000,
                               .flops = 1e14 * seconds,
                               .bytes = 3e12 * seconds,
                               .peak_share = peak_share};
}

static cleave_profile_op host(const char *op, int64_t calls, double seconds) {
    return (cleave_profile_op){.op = op,
                               .host = 1,
                               .algorithm = "",
                               .calls = calls,
                               .seconds = seconds,
                               .share = seconds / 100000,
                               .peak_share = (double)NAN};
}

static char *print(const cleave_profile *profile) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    profile_print(profile, stream);
    fclose(stream);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 80);
    return text;
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("no \"%s\" in\n%s", part, text ? text : "nothing");
}

/* The widest figures keep within 80 columns, and ops of a class are one line. */
static void b2_the_table_keeps_80_columns(void **state) {
    (void)state;
    cleave_profile_op ops[] = {host("decode", 9999999, 99999), conv(16384, 4000000, 30000.0, 0.5),
                               conv(16384, 5999999, 10000.0, 0.9), conv(128, 1, 0.0004, 1.0),
                               conv(64, 0, 0, (double)NAN)};
    cleave_profile_op *list[] = {&ops[0], &ops[1], &ops[2], &ops[3], &ops[4]};
    cleave_profile profile = {.ops = list,
                              .count = 5,
                              .seconds = 100000,
                              .network_seconds = 40000.0004,
                              .peak_flops = 2e14,
                              .events = CLEAVE_PROFILE_EVENTS_MAX,
                              .events_left_out = 123456789};
    char *text = print(&profile);
    has(text, "conv 3x3 winograd  2048x16384  9999999  40000.0   40.0 %   100000  3000.0   60 %\n");
    has(text, "conv 3x3 winograd  2048x128          1    0.000    0.0 %   100000  3000.0  100 %\n");
    has(text, "network                          10.0M  40000.0   40.0 %   100000  3000.0   60 %\n");
    has(text, "decode                         9999999  99999.0  100.0 %\n");
    assert_null(strstr(text, "2048x64")); /* it has not run */
    has(text, "200000 events, and 123456789 came too late");
    has(text, "200000 GFLOP/s");
    free(text);
}

static void b2_an_unknown_peak_is_left_out(void **state) {
    (void)state;
    cleave_profile_op layer = conv(128, 3, 1, (double)NAN);
    cleave_profile profile = {.ops = &(cleave_profile_op *){&layer}, .count = 1, .seconds = 2};
    char *text = print(&profile);
    has(text, "3000.0\n");
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "peak:"));
    assert_null(strstr(text, "The trace is cut"));
    free(text);
    json_t *object = profile_json(&profile);
    assert_true(json_is_null(json_object_get(object, "peak_flops_per_second")));
    const json_t *op = json_array_get(json_object_get(object, "ops"), 0);
    assert_true(json_is_null(json_object_get(op, "peak_share")));
    assert_int_equal(json_integer_value(json_object_get(op, "calls")), 3);
    json_decref(object);
}

static void b2_an_empty_profile_is_a_table_too(void **state) {
    (void)state;
    cleave_profile profile = {0};
    char *text = print(&profile);
    has(text, "network");
    assert_null(strstr(text, "nan"));
    free(text);
    json_t *object = profile_json(&profile);
    assert_int_equal(json_array_size(json_object_get(object, "ops")), 0);
    json_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b2_the_table_keeps_80_columns),
        cmocka_unit_test(b2_an_unknown_peak_is_left_out),
        cmocka_unit_test(b2_an_empty_profile_is_a_table_too),
    };
    return cmocka_run_group_tests_name("profile table", tests, NULL, NULL);
}
