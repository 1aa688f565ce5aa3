/* check.h: assertions for the simulator's tests. */
#ifndef APPLESIM_CHECK_H
#define APPLESIM_CHECK_H

#include <stddef.h>

/* Ends the process with status 1, naming the place, unless it holds. */
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)
void check(int holds, const char *condition, const char *file, int line);

/* All values equal within a bound. */
#define CHECK_CLOSE(values, expected, count, bound) \
    check_close((values), (expected), (count), (bound), __FILE__, __LINE__)
void check_close(const float *values, const float *expected, size_t count, double bound,
                 const char *file, int line);

/* Fails unless the body, run in a process of its own, aborts with `text` in its last words. */
void check_aborts(void (*body)(void), const char *text);

/* Numbers in [-1, 1), always the same. */
void fill_random(float *values, size_t count, unsigned seed);

#endif
