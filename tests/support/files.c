/* files.c: paths, folders and whole files of tests. */
#include "tests/support/files.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

TestPath test_data(const char *relative) {
    TestPath path;
    const char *data = getenv("CLEAVE_TEST_DATA");
    snprintf(path.text, sizeof(path.text), "%s/%s", data ? data : "tests/data", relative);
    return path;
}

int fixture_setup(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/cleave-test-XXXXXX", base ? base : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

bool remove_tree(const char *path) {
    return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0;
}

int fixture_teardown(void **state) {
    (void)state;
    return remove_tree(folder) ? 0 : -1;
}

TestPath test_temporary(const char *name) {
    TestPath path;
    snprintf(path.text, sizeof(path.text), "%s%s%s", folder, *name ? "/" : "", name);
    return path;
}

const char *in_folder(const char *name) {
    static TestPath paths[8];
    static int next;
    TestPath *path = &paths[next++ % 8];
    *path = test_temporary(name);
    return path->text;
}

int count_entries(const char *path) {
    DIR *directory = opendir(path);
    if (!directory)
        return -1;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

unsigned char *read_bytes(const char *path, size_t *size) {
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &info) != 0) {
        fail_msg("cannot read %s", path);
        return NULL;
    }
    *size = (size_t)info.st_size;
    unsigned char *bytes = malloc(*size ? *size : 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

void write_bytes(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void put_file(const char *name, const char *text) {
    TestPath path = test_temporary("");
    char *start = path.text + strlen(path.text);
    snprintf(start, sizeof(path.text) - strlen(path.text), "%s", name);
    for (char *slash = strchr(start + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path.text, 0700);
        *slash = '/';
    }
    write_bytes(path.text, text, strlen(text));
}

void cut_file(const char *from, const char *to, size_t size) {
    size_t whole = 0;
    unsigned char *bytes = read_bytes(from, &whole);
    assert_true(size <= whole);
    write_bytes(to, bytes, size);
    free(bytes);
}

void *copy_bytes(const void *data, size_t size) {
    void *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    return copy;
}
