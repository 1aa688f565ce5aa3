/* test_processors.c: processor time that made-up containers allow, each a tree of files in a
 * temporary folder. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/processors.h"
#include "tests/support/files.h"

#define V2_MOUNT "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"

static void put_v2(const char *text) {
    put_file("/proc/self/cgroup", "0::/box\n");
    put_file("/proc/self/mountinfo", V2_MOUNT);
    put_file("/sys/fs/cgroup/box/cpu.max", text);
}

static void r10_a_machine_without_groups_does_not_limit(void **state) {
    (void)state;
    assert_int_equal(processors_quota(in_folder("")), INT_MAX);
}

static void r10_a_quota_counts_in_whole_processors(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int processors;
    } rows[] = {{"max 100000\n", INT_MAX},
                {"100000 100000\n", 1},
                {"200000 100000\n", 2},
                {"250000 100000\n", 3},
                {"50000 100000\n", 1},
                {"1000 100000\n", 1},
                {"150000 50000\n", 3},
                {"400000\n", 4},
                {"", INT_MAX},
                {"nonsense\n", INT_MAX},
                {"100000 0\n", INT_MAX},
                {"-1 100000\n", INT_MAX},
                {"9223372036854775807 1\n", INT_MAX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put_v2(rows[i].text);
        assert_int_equal(processors_quota(in_folder("")), rows[i].processors);
    }
}

static void r10_a_quota_above_the_own_group_counts(void **state) {
    (void)state;
    put_file("/proc/self/cgroup", "0::/a/b\n");
    put_file("/proc/self/mountinfo", V2_MOUNT);
    put_file("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    put_file("/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n");
    assert_int_equal(processors_quota(in_folder("")), 2);
}

static void r10_version_1_has_a_quota_as_well(void **state) {
    (void)state;
    put_file("/proc/self/cgroup", "5:memory:/box\n4:cpu,cpuacct:/box\n3:cpuset:/\n");
    put_file("/proc/self/mountinfo",
             "35 31 0:32 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
             "36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
    put_file("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "300000\n");
    put_file("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
    assert_int_equal(processors_quota(in_folder("")), 3);
    put_file("/sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(processors_quota(in_folder("")), INT_MAX);
}

static void r10_there_is_a_processor_at_least(void **state) {
    (void)state;
    assert_true(thread_available_processors() >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(r10_a_machine_without_groups_does_not_limit),
        TEST(r10_a_quota_counts_in_whole_processors),
        TEST(r10_a_quota_above_the_own_group_counts),
        TEST(r10_version_1_has_a_quota_as_well),
        TEST(r10_there_is_a_processor_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
