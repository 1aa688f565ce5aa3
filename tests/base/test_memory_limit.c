/* test_memory_limit.c: limits of made-up machines, each a tree of files in a temporary folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory_limit.h"
#include "tests/support/files.h"

#define MIB ((int64_t)1 << 20)

static void expect(MemoryLimit limit, int64_t bytes, const char *source) {
    assert_int_equal(limit.bytes, bytes);
    assert_string_equal(limit.source, source);
}

/* A machine with 8000 MiB free, 500 MiB of it swap, and no limits. */
static void put_machine(void) {
    put_file("/proc/meminfo", "MemTotal:       16384000 kB\nMemFree:          102400 kB\n"
                              "MemAvailable:    7680000 kB\nSwapTotal:       1024000 kB\n"
                              "SwapFree:         512000 kB\n");
    put_file("/proc/self/limits",
             "Limit                     Soft Limit           Hard Limit           Units     \n"
             "Max data size             unlimited            unlimited            bytes     \n"
             "Max address space         unlimited            unlimited            bytes     \n");
    put_file("/proc/self/status", "Name:\tcleave\nVmSize:\t  102400 kB\nVmData:\t   51200 kB\n");
}

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static void nothing_known_is_no_limit(void **state) {
    (void)state;
    expect(memory_limit(in_folder(""), 0), INT64_MAX, "");
    assert_int_equal(memory_container_size(in_folder("")), INT64_MAX);
}

static void the_machine_gives_what_is_free_and_swap(void **state) {
    (void)state;
    put_machine();
    expect(memory_limit(in_folder(""), 0), 8000 * MIB, "the machine's free memory");
    expect(memory_limit_machine(in_folder("")), 7500 * MIB, "the machine's free memory");
}

static void a_container_gives_its_limit_less_what_it_uses(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup", "0::/box\n");
    put_file("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" V2_MOUNT);
    put_file("/sys/fs/cgroup/box/memory.max", "1048576000\n");
    put_file("/sys/fs/cgroup/box/memory.high", "max\n");
    put_file("/sys/fs/cgroup/box/memory.current", "314572800\n");
    put_file("/sys/fs/cgroup/box/memory.stat", "anon 104857600\nfile 209715200\n"
                                               "inactive_anon 1\ninactive_file 104857600\n"
                                               "active_file 52428800\nslab_reclaimable 10485760\n");
    expect(memory_limit(in_folder(""), 0), (1000 - 300 + 160) * MIB,
           "the container's limit, cgroup /box");
    assert_int_equal(memory_container_size(in_folder("")), 1000 * MIB);
    expect(memory_limit_machine(in_folder("")), 7500 * MIB, "the machine's free memory");
}

static void a_limit_above_the_own_group_counts(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup", "0::/a/b/c\n");
    put_file("/proc/self/mountinfo", V2_MOUNT);
    put_file("/sys/fs/cgroup/a/memory.max", "629145600\n");
    put_file("/sys/fs/cgroup/a/memory.current", "104857600\n");
    put_file("/sys/fs/cgroup/a/b/memory.max", "max\n");
    put_file("/sys/fs/cgroup/a/b/memory.current", "104857600\n");
    put_file("/sys/fs/cgroup/a/b/c/memory.max", "734003200\n");
    put_file("/sys/fs/cgroup/a/b/c/memory.current", "0\n");
    expect(memory_limit(in_folder(""), 0), 500 * MIB, "the container's limit, cgroup /a");
    assert_int_equal(memory_container_size(in_folder("")), 600 * MIB);
}

static void a_soft_limit_counts_and_is_named(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup", "0::/slice\n");
    put_file("/proc/self/mountinfo", V2_MOUNT);
    put_file("/sys/fs/cgroup/slice/memory.max", "max\n");
    put_file("/sys/fs/cgroup/slice/memory.high", "209715200\n");
    put_file("/sys/fs/cgroup/slice/memory.current", "104857600\n");
    expect(memory_limit(in_folder(""), 0), 100 * MIB, "the container's soft limit, cgroup /slice");
    assert_int_equal(memory_container_size(in_folder("")), INT64_MAX);
}

static void a_full_container_leaves_nothing(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup", "0::/\n");
    put_file("/proc/self/mountinfo", V2_MOUNT);
    put_file("/sys/fs/cgroup/memory.max", "104857600\n");
    put_file("/sys/fs/cgroup/memory.current", "104861696\n");
    expect(memory_limit(in_folder(""), 0), 0, "the container's limit, cgroup /");
}

/* Docker with a cgroup namespace of its own shows "/", and the container's files at the mount. */
static void a_namespaced_container_is_found(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup", "0::/\n");
    put_file("/proc/self/mountinfo",
             "610 600 0:26 /../../docker/4f /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    put_file("/sys/fs/cgroup/memory.max", "209715200\n");
    put_file("/sys/fs/cgroup/memory.current", "0\n");
    expect(memory_limit(in_folder(""), 0), 200 * MIB, "the container's limit, cgroup /");
}

/* cgroup v1: the container's part alone is mounted, under its name of outside. */
static void a_v1_container_is_found(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup",
             "12:cpu,cpuacct:/docker/4f\n5:memory:/docker/4f\n1:name=systemd:/\n");
    put_file("/proc/self/mountinfo",
             "35 31 0:32 /docker/4f /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
             "36 31 0:33 /docker/4f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
    put_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "524288000\n");
    put_file("/sys/fs/cgroup/memory/memory.usage_in_bytes", "209715200\n");
    put_file("/sys/fs/cgroup/memory/memory.stat",
             "inactive_file 1048576\ntotal_inactive_file 52428800\ntotal_active_file 0\n");
    expect(memory_limit(in_folder(""), 0), (500 - 200 + 50) * MIB,
           "the container's limit, cgroup /");
    assert_int_equal(memory_container_size(in_folder("")), 500 * MIB);
}

/* Both versions at once, as on machines in between; v1 says "none" with a huge number. */
static void both_versions_count(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup", "4:memory:/jobs/one\n0::/\n");
    put_file("/proc/self/mountinfo",
             "38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
             "35 31 0:32 / /sys/fs/cgroup/my\\040memory rw - cgroup cgroup rw,memory\n");
    put_file("/sys/fs/cgroup/my memory/memory.limit_in_bytes", "9223372036854771712\n");
    put_file("/sys/fs/cgroup/my memory/memory.usage_in_bytes", "1000\n");
    put_file("/sys/fs/cgroup/my memory/jobs/memory.limit_in_bytes", "314572800\n");
    put_file("/sys/fs/cgroup/my memory/jobs/memory.usage_in_bytes", "0\n");
    put_file("/sys/fs/cgroup/my memory/jobs/one/memory.limit_in_bytes", "9223372036854771712\n");
    expect(memory_limit(in_folder(""), 0), 300 * MIB, "the container's limit, cgroup /jobs");
}

static void a_group_out_of_sight_falls_back_to_the_mount(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup", "0::/../other\n");
    put_file("/proc/self/mountinfo", V2_MOUNT);
    put_file("/sys/fs/cgroup/memory.max", "104857600\n");
    put_file("/sys/fs/cgroup/memory.current", "0\n");
    expect(memory_limit(in_folder(""), 0), 100 * MIB, "the container's limit, cgroup /");
}

static void without_mountinfo_the_usual_folder_is_tried(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/cgroup", "0::/box\n");
    put_file("/sys/fs/cgroup/box/memory.max", "104857600\n");
    put_file("/sys/fs/cgroup/box/memory.current", "0\n");
    expect(memory_limit(in_folder(""), 0), 100 * MIB, "the container's limit, cgroup /box");
}

static void ulimit_counts_less_what_is_mapped_and_stacks(void **state) {
    (void)state;
    put_machine();
    put_file("/proc/self/limits",
             "Max data size             unlimited            unlimited            bytes     \n"
             "Max address space         524288000            unlimited            bytes     \n");
    expect(memory_limit(in_folder(""), 0), 400 * MIB, "ulimit -v");
    expect(memory_limit(in_folder(""), 16 * MIB), 384 * MIB, "ulimit -v");
    put_file("/proc/self/limits",
             "Max data size             419430400            unlimited            bytes     \n"
             "Max address space         524288000            unlimited            bytes     \n");
    expect(memory_limit(in_folder(""), 16 * MIB), (350 - 16) * MIB, "ulimit -d");
}

static void damaged_files_are_no_limit(void **state) {
    (void)state;
    put_file("/proc/meminfo", "MemAvailable:\nSwapFree: -3 kB\n");
    put_file("/proc/self/cgroup", "\n::\nnonsense\n0::\n");
    put_file("/proc/self/mountinfo", "1 2 - cgroup2\n - cgroup2 cgroup2 rw\n");
    put_file("/proc/self/limits", "Max address space");
    put_file("/sys/fs/cgroup/memory.max", "");
    expect(memory_limit(in_folder(""), 0), INT64_MAX, "");
}

/* The machine that runs the test. */
static void this_machine_has_a_limit(void **state) {
    (void)state;
    MemoryLimit limit = memory_limit("", 0);
    assert_true(limit.bytes > 0);
    assert_true(limit.bytes < INT64_MAX);
    assert_true(strlen(limit.source) > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(nothing_known_is_no_limit),
        CASE(the_machine_gives_what_is_free_and_swap),
        CASE(a_container_gives_its_limit_less_what_it_uses),
        CASE(a_limit_above_the_own_group_counts),
        CASE(a_soft_limit_counts_and_is_named),
        CASE(a_full_container_leaves_nothing),
        CASE(a_namespaced_container_is_found),
        CASE(a_v1_container_is_found),
        CASE(both_versions_count),
        CASE(a_group_out_of_sight_falls_back_to_the_mount),
        CASE(without_mountinfo_the_usual_folder_is_tried),
        CASE(ulimit_counts_less_what_is_mapped_and_stacks),
        CASE(damaged_files_are_no_limit),
        CASE(this_machine_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
