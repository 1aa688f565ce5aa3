/* test_affinity.c: the affinity of this process limits how many processors it uses. Linux's alone,
 * and built there alone. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/processors.h"

static void r10_the_affinity_mask_counts(void **state) {
    (void)state;
    cpu_set_t all;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(thread_available_processors(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    assert_true(thread_available_processors() <= CPU_COUNT(&all));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(r10_the_affinity_mask_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
