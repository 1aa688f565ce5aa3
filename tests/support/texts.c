/* texts.c: checks of errors and logs. */
#include "tests/support/texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void assert_words(const char *text, const char *const *words) {
    assert_null(strchr(text, '\n'));
    for (; *words; words++)
        if (!strstr(text, *words))
            fail_msg("\"%s\" is not in \"%s\"", *words, text);
}

void test_assert_error(const cleave_error *error, cleave_status status, const char *fragment) {
    if (error->status != status || !strstr(error->text, fragment))
        fail_msg("expected '%s' with '%s', got '%s': %s", cleave_status_name(status), fragment,
                 cleave_status_name(error->status), error->text);
    assert_null(strchr(error->text, '\n'));
    assert_true(strlen(error->text) > 10);
}

static void keep_line(void *user, cleave_log_level level, const char *line) {
    LogKeeper *keeper = user;
    assert_int_equal(level, CLEAVE_LOG_WARNING);
    keeper->lines++;
    snprintf(keeper->last, sizeof(keeper->last), "%s", line);
}

void log_keeper_init(LogKeeper *keeper) {
    memset(keeper, 0, sizeof(*keeper));
    keeper->logger = (cleave_logger){keep_line, keeper, CLEAVE_LOG_DEBUG};
}
