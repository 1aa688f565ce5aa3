/* test_platform.c: what the system says of itself and of this process, as far as any system must.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/platform.h"

static void names_are_told(void **state) {
    (void)state;
    char name[128] = "";
    platform_system_name(name, sizeof(name));
    assert_true(strlen(name) > 0);
    name[0] = '\0';
    platform_libc_name(name, sizeof(name));
    assert_true(strlen(name) > 0);
    assert_string_not_equal(platform_cache_folder, "");
    assert_string_not_equal(platform_object_extension, "");
}

static void names_are_cut_where_they_do_not_fit(void **state) {
    (void)state;
    char name[8] = {1, 1, 1, 1, 'x', 'x', 'x', 'x'};
    platform_system_name(name, 4);
    assert_true(memchr(name, '\0', 4) != NULL);
    platform_libc_name(name, 4);
    assert_true(memchr(name, '\0', 4) != NULL);
    assert_memory_equal(name + 4, "xxxx", 4);
}

static void the_program_is_found(void **state) {
    (void)state;
    char path[4096];
    assert_true(platform_program_path(path, sizeof(path)));
    assert_int_equal(path[0], '/');
    assert_int_equal(access(path, X_OK), 0);
    assert_non_null(strstr(path, "test_platform"));
}

/* In bytes on every system: a process takes more than 64 KiB, and 64 MiB that were written show. */
static void peaks_are_in_bytes(void **state) {
    (void)state;
    const size_t size = (size_t)64 << 20;
    int64_t before = platform_peak_resident();
    assert_true(before > 65536);
    assert_true(before < (int64_t)1 << 40);
    platform_reset_recent_peak();
    char *memory = malloc(size);
    assert_non_null(memory);
    memset(memory, 1, size);
    assert_int_equal(((volatile char *)memory)[size / 2], 1);
    assert_true(platform_peak_resident() >= (int64_t)size);
    assert_true(platform_recent_peak() >= (int64_t)size);
    free(memory);
    platform_reset_recent_peak();
    assert_true(platform_peak_resident() >= (int64_t)size); /* of the whole life */
    assert_true(platform_recent_peak() <= platform_peak_resident());
}

static void a_file_without_a_name_gets_one(void **state) {
    (void)state;
    char folder[] = "/tmp/cleave-platform-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/named", folder);
    int fd = platform_open_nameless(folder, 0600);
    if (fd >= 0 && platform_can_name(fd)) {
        assert_int_equal(write(fd, "text", 4), 4);
        assert_true(platform_give_name(fd, path));
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, 4);
        assert_false(platform_give_name(fd, path));
        assert_int_equal(errno, EEXIST);
        unlink(path);
    }
    if (fd >= 0)
        close(fd);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
}

static void a_file_without_a_folder_is_an_error(void **state) {
    (void)state;
    errno = 0;
    assert_int_equal(platform_open_nameless("/nowhere/at/all", 0600), -1);
    assert_int_not_equal(errno, 0);
}

static void modification_has_nanoseconds(void **state) {
    (void)state;
    char path[] = "/tmp/cleave-platform-XXXXXX";
    int fd = mkstemp(path);
    const struct timespec times[2] = {{1, 0}, {1234567890, 500000000}};
    struct stat status;
    assert_true(fd >= 0);
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(platform_modified(&status).tv_sec, 1234567890);
    assert_int_equal(platform_modified(&status).tv_nsec, 500000000);
    close(fd);
    unlink(path);
}

static void paths_are_compared(void **state) {
    (void)state;
    assert_int_equal(platform_compare_paths("/a/Song.wav", "/a/Song.wav"), 0);
    assert_true(platform_compare_paths("/a/b", "/a/c") < 0);
    assert_true(platform_compare_paths("/a/c", "/a/b") > 0);
}

/* What is cut short, tests/cli/test_devices.py loads. */
static void a_whole_object_is_whole(void **state) {
    (void)state;
    char path[4096];
    struct stat status;
    assert_true(platform_program_path(path, sizeof(path)));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &status), 0);
    assert_true(platform_holds_segments(file, (int64_t)status.st_size));
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_told),
        cmocka_unit_test(names_are_cut_where_they_do_not_fit),
        cmocka_unit_test(the_program_is_found),
        cmocka_unit_test(peaks_are_in_bytes),
        cmocka_unit_test(a_file_without_a_name_gets_one),
        cmocka_unit_test(a_file_without_a_folder_is_an_error),
        cmocka_unit_test(modification_has_nanoseconds),
        cmocka_unit_test(paths_are_compared),
        cmocka_unit_test(a_whole_object_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
