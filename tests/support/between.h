/* between.h: assert_between() for tests of cmocka, which they include first. cmocka 2 deprecates
 * its own assert_in_range() for names that cmocka 1 does not have. */
#ifndef CLEAVE_TESTS_SUPPORT_BETWEEN_H
#define CLEAVE_TESTS_SUPPORT_BETWEEN_H

#include <cmocka.h>
#include <inttypes.h>

/* Both ends belong to the range. */
#define assert_between(value, least, most)                                                      \
    assert_between_at((intmax_t)(value), (intmax_t)(least), (intmax_t)(most), #value, __FILE__, \
                      __LINE__)

static inline void assert_between_at(intmax_t value, intmax_t least, intmax_t most,
                                     const char *what, const char *file, int line) {
    if (value >= least && value <= most)
        return;
    print_error("%s is %jd, which is not within %jd and %jd\n", what, value, least, most);
    _fail(file, line);
}

#endif
