/* support.c: see support.h. */
#include "tests/support/files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestPath test_data(const char *relative) {
    TestPath path;
    const char *folder = getenv("CLEAVE_TEST_DATA");
    snprintf(path.text, sizeof(path.text), "%s/%s", folder ? folder : "tests/data", relative);
    return path;
}

static TestPath temporary_folder(void) {
    TestPath folder;
    const char *root = getenv("TMPDIR");
    snprintf(folder.text, sizeof(folder.text), "%s/cleave-test-model-%ld", root ? root : "/tmp",
             (long)getpid());
    return folder;
}

TestPath test_temporary(const char *name) {
    TestPath folder = temporary_folder();
    TestPath path;
    mkdir(folder.text, 0700);
    snprintf(path.text, sizeof(path.text), "%.800s/%.200s", folder.text, name);
    return path;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place) {
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

int test_remove_temporary(void **state) {
    (void)state;
    nftw(temporary_folder().text, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

unsigned char *test_read_file(const char *path, size_t *size) {
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &info) != 0) {
        fail_msg("cannot read %s", path);
        return NULL;
    }
    *size = (size_t)info.st_size;
    unsigned char *data = malloc(*size ? *size : 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

void *test_copy(const void *data, size_t size) {
    void *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    return copy;
}

void test_write_file(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void test_assert_error(const cleave_error *error, cleave_status status, const char *fragment) {
    if (error->status != status || !strstr(error->text, fragment))
        fail_msg("expected '%s' with '%s', got '%s': %s", cleave_status_name(status), fragment,
                 cleave_status_name(error->status), error->text);
    assert_null(strchr(error->text, '\n'));
    assert_true(strlen(error->text) > 10);
}
