/* files.h: files of tests: the data that the tests bring along, a folder for what a test makes, and
 * whole files in memory. */
#ifndef CLEAVE_TESTS_SUPPORT_FILES_H
#define CLEAVE_TESTS_SUPPORT_FILES_H

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct TestPath {
    char text[1024];
} TestPath;

/* A path below tests/data. */
TestPath test_data(const char *relative);

/* cmocka's setup and teardown: an empty folder, removed with all that is in it. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Path of a name in that folder. "" is the folder. */
TestPath test_temporary(const char *name);

/* The same as text, which is valid until eight more are asked for. */
const char *in_folder(const char *name);

/* Removes a folder with all that is in it, or a file; whether it could. */
bool remove_tree(const char *path);

/* Entries in a folder, . and .. not counted; -1 if the folder is missing. */
int count_entries(const char *folder);

/* A whole file in memory of exactly its size, so that a sanitizer sees every step beyond it. */
unsigned char *read_bytes(const char *path, size_t *size);

void write_bytes(const char *path, const void *bytes, size_t size);

/* Writes a text below the folder of the test, and the folders on the way. `name` begins with a
 * slash. */
void put_file(const char *name, const char *text);

/* Writes the first `size` bytes of one file to another. */
void cut_file(const char *from, const char *to, size_t size);

/* A copy in memory of exactly its size, to be freed. */
void *copy_bytes(const void *data, size_t size);

#endif
