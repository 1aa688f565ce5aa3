/* test_splits.c: how far steps cut their work for many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/cpu/splits.h"

static void work_is_split_only_where_threads_would_be_idle(void **state) {
    (void)state;
    static const struct {
        size_t groups;
        int parts;
        double repeated;
        int threads;
        int splits;
    } cases[] = {
        {16, 12, 1, 1, 1},   {16, 12, 1, 16, 1}, {16, 12, 1, 32, 2},  {1, 12, 1, 32, 12},
        {256, 12, 1, 32, 1}, {24, 2, 0.5, 8, 1}, {24, 2, 0.5, 16, 2}, {24, 2, 0.5, 32, 1},
        {5, 1, 1, 32, 1},    {3, 4, 0, 4, 4},    {64, 4, 2, 48, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            splits_choose(cases[i].groups, cases[i].parts, cases[i].repeated, cases[i].threads),
            cases[i].splits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_split_only_where_threads_would_be_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
