/* support.h: what the tests of model/ share: paths of fixtures, whole files in memory, a random
 * number generator, and texts of errors. */
#ifndef CLEAVE_TESTS_MODEL_SUPPORT_H
#define CLEAVE_TESTS_MODEL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleave.h"

typedef struct TestPath {
    char text[1024];
} TestPath;

/* A path below the folder of test data. */
TestPath test_data(const char *relative);

/* A path in a folder that belongs to this process; the folder exists. test_remove_temporary() is
 * due at the end. */
TestPath test_temporary(const char *name);

/* Removes that folder; a group teardown. */
int test_remove_temporary(void **state);

/* A whole file in memory of exactly its size, so that a sanitizer sees every step beyond it. */
unsigned char *test_read_file(const char *path, size_t *size);

/* A copy in memory of exactly its size, to be freed. */
void *test_copy(const void *data, size_t size);

void test_write_file(const char *path, const void *data, size_t size);

/* Fails unless the error has this status and one line with `fragment` in it. */
void test_assert_error(const cleave_error *error, cleave_status status, const char *fragment);

#endif
