/* check.c: counts what fails, and draws numbers from one repeatable sequence. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static int passed;
static int failed;

/* Of the test that runs. */
static int failures;
static char first_failure[256];

static uint64_t random_start = 1;
static uint64_t random_state;

void check_fail(const char *what, size_t at, double got, double expected) {
    if (failures++ == 0)
        snprintf(first_failure, sizeof(first_failure), "%s: element %zu is %.9g, expected %.9g",
                 what, at, got, expected);
}

void check_untouched(const char *what, size_t at, float got, float expected) {
    if (got != expected)
        check_fail(what, at, (double)got, (double)expected);
}

void check_same_bits(const char *what, const float *got, const float *expected, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t got_bits;
        uint32_t expected_bits;
        memcpy(&got_bits, &got[i], sizeof(got_bits));
        memcpy(&expected_bits, &expected[i], sizeof(expected_bits));
        if (got_bits != expected_bits && !(isnan(got[i]) && isnan(expected[i])))
            check_fail(what, i, (double)got[i], (double)expected[i]);
    }
}

void check_begin(void) {
    failures = 0;
    random_state = random_start;
}

void check_conclude(const char *kernels, const char *test) {
    printf("%-10s %-12s %s%s\n", kernels, test, failures ? "FAILED: " : "ok",
           failures ? first_failure : "");
    if (failures)
        failed++;
    else
        passed++;
}

int check_passed(void) {
    return passed;
}

int check_failed(void) {
    return failed;
}

void random_seed(uint64_t seed) {
    random_start = seed;
}

size_t random_below(size_t limit) {
    return (size_t)(random_next(&random_state) % limit);
}

float random_float(float low, float high) {
    return low +
           (high - low) * (float)((double)(random_next(&random_state) >> 40) / (double)(1 << 24));
}

static float *allocate_floats(size_t count) {
    float *values = memory_allocate_aligned(count * sizeof(float));
    if (!values) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return values;
}

float *random_floats(size_t count, float low, float high) {
    float *values = allocate_floats(count);
    for (size_t i = 0; i < count; i++)
        values[i] = random_float(low, high);
    return values;
}

float *equal_floats(size_t count, float value) {
    float *values = allocate_floats(count);
    for (size_t i = 0; i < count; i++)
        values[i] = value;
    return values;
}
