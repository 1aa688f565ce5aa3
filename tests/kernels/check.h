/* check.h: what the tests of all kernels share: random data, and the failures of the test that
 * runs. */
#ifndef CLEAVE_TESTS_KERNELS_CHECK_H
#define CLEAVE_TESTS_KERNELS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNIT_ROUNDOFF 5.9604644775390625e-08 /* 2^-24 */

/* What outputs are filled with where no kernel may write. */
#define CANARY 12345.678f

/* Notes a failure; only the first one is described. */
void check_fail(const char *what, size_t at, double got, double expected);

/* Fails unless element `at`, which a kernel may not write, still holds `expected`. */
void check_untouched(const char *what, size_t at, float got, float expected);

/* Fails where the bits differ. Any NaN equals any other: no sign or payload is promised. */
void check_same_bits(const char *what, const float *got, const float *expected, size_t count);

/* Begins a test, which draws the same numbers whatever ran before it. */
void check_begin(void);

/* Prints how the test ended. */
void check_conclude(const char *kernels, const char *test);

/* Tests that were concluded without and with failures. */
int check_passed(void);
int check_failed(void);

/* Where each test begins to draw. */
void random_seed(uint64_t seed);
size_t random_below(size_t limit);
float random_float(float low, float high);

/* Aligned, to be freed with memory_free_aligned(). */
float *random_floats(size_t count, float low, float high);
float *equal_floats(size_t count, float value);

#endif
