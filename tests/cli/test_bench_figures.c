/* test_bench_figures.c: which configurations `cleave bench` lists, and what times come to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/trials/bench.h"

static float *no_planes[2];

/* Ten seconds of audio. */
static Bench bench_of(const BenchOptions *options) {
    return (Bench){.options = options,
                   .trial.audio = {.planes = no_planes, .sample_rate = 100, .samples = 1000}};
}

static void t1_matrix_is_modes_by_overlaps_by_batches(void **state) {
    (void)state;
    char cpu[] = "cpu";
    char *devices[] = {cpu, cpu, NULL};
    BenchOptions options = {.trial.devices = devices,
                            .trial.precisions =
                                1U << CLEAVE_PRECISION_F32 | 1U << CLEAVE_PRECISION_BF16,
                            .trial.compile_modes = 1U << 1,
                            .overlaps = {.values = {1, 4, 8}, .count = 3},
                            .batches = {.values = {0, 2}, .count = 2}};
    Bench bench = bench_of(&options);
    bench_list(&bench);
    assert_int_equal(bench.count, 2 * 3 * 2);
    assert_string_equal(bench.results[0].mode.name, "cpu f32 compiled");
    assert_int_equal(bench.results[0].overlap, 1);
    assert_int_equal(bench.results[0].batch, 0);
    assert_int_equal(bench.results[1].batch, 2);
    assert_int_equal(bench.results[5].overlap, 8);
    assert_string_equal(bench.results[11].mode.name, "cpu bf16 compiled");
    free(bench.results);
}

static void t1_matrix_defaults_to_what_is_here(void **state) {
    (void)state;
    BenchOptions options = {.runs = 0};
    Bench bench = bench_of(&options);
    bench_list(&bench);
    assert_true(bench.count >= 2);
    for (int i = 0; i < bench.count; i++) {
        assert_int_equal(bench.results[i].overlap, 0);
        assert_int_equal(bench.results[i].batch, 0);
    }
    free(bench.results);
}

static void t1_median_and_spread(void **state) {
    (void)state;
    double odd[] = {3, 1, 2};
    double even[] = {4, 1, 2, 3};
    BenchResult result = {.seconds = odd, .runs = 3};
    assert_true(fabs(bench_median(&result) - 2) <= 0.0);
    assert_true(fabs(bench_spread(&result) - 0.5) <= 1e-12);
    assert_true(fabs(odd[0] - 3) <= 0.0); /* the runs' order stays */
    result = (BenchResult){.seconds = even, .runs = 4};
    assert_true(fabs(bench_median(&result) - 2.5) <= 0.0);
    result = (BenchResult){.runs = 0};
    assert_true(fabs(bench_median(&result) - 0) <= 0.0);
    assert_true(fabs(bench_spread(&result) - 0) <= 0.0);
}

/* Results that took `seconds`, 0 for one that failed; named by their overlap. */
static void fill(BenchResult *results, double *seconds, int count) {
    for (int i = 0; i < count; i++)
        results[i] =
            (BenchResult){.overlap = i, .seconds = &seconds[i], .runs = seconds[i] > 0 ? 1 : 0};
}

static void t1_sorted_by_speed_failures_last(void **state) {
    (void)state;
    double seconds[] = {5, 0, 2, 5, 0, 1};
    const int order[] = {5, 2, 0, 3, 1, 4};
    BenchResult results[6];
    BenchOptions options = {.runs = 0};
    Bench bench = bench_of(&options);
    fill(results, seconds, 6);
    bench.results = results;
    bench.count = 6;
    bench_sort(&bench);
    for (int i = 0; i < 6; i++)
        assert_int_equal(results[i].overlap, order[i]);
    assert_ptr_equal(bench_fastest(&bench), &results[0]);
    assert_true(fabs(bench_real_time(&bench, &results[0]) - 10) <= 1e-12);
    assert_true(fabs(bench_speed_up(&bench, &results[0]) - 5) <= 1e-12);
    assert_true(fabs(bench_speed_up(&bench, &results[2]) - 1) <= 1e-12);
    assert_true(fabs(bench_speed_up(&bench, &results[4]) - 0) <= 0.0);
    double none[] = {0, 0};
    fill(results, none, 2);
    bench.count = 2;
    bench_sort(&bench);
    assert_int_equal(results[0].overlap, 0);
    assert_null(bench_fastest(&bench));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t1_matrix_is_modes_by_overlaps_by_batches),
        cmocka_unit_test(t1_matrix_defaults_to_what_is_here),
        cmocka_unit_test(t1_median_and_spread),
        cmocka_unit_test(t1_sorted_by_speed_failures_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
