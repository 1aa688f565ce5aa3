/* test_schedule.c: what bench/schedule.c is made of: a pool that runs and times tasks in order, and
 * threads that are simulated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/recording_pool.h"
#include "bench/step_times.h"

typedef struct Seen {
    size_t tasks;
    size_t wrong; /* out of order, or not on the caller */
} Seen;

static void see_task(void *context, size_t task, int thread) {
    Seen *seen = context;
    seen->wrong += task != seen->tasks++ || thread != 0;
}

static void all_tasks_run_in_order_on_the_caller(void **state) {
    (void)state;
    Seen seen = {0};
    Recording recording = {0};
    ThreadPool *pool = NULL;
    assert_int_equal(thread_pool_create(&pool, 32, NULL), CLEAVE_OK);
    assert_int_equal(thread_pool_size(pool), 32);
    thread_pool_run(pool, 5, see_task, &seen);
    assert_int_equal(seen.tasks, 5);
    recording_pool_record(pool, &recording);
    for (size_t tasks = 0; tasks < 100; tasks += 33) {
        seen.tasks = 0;
        thread_pool_run(pool, tasks, see_task, &seen);
        assert_int_equal(seen.tasks, tasks);
    }
    assert_int_equal(seen.wrong, 0);
    assert_int_equal(recording.loop_count, 4);
    assert_int_equal(recording.loops[3].first, 99);
    assert_int_equal(recording.loops[3].tasks, 99);
    assert_int_equal(recording.count, 198);
    double sum = 0;
    for (size_t i = 0; i < recording.count; i++)
        sum += recording.seconds[i];
    assert_true(sum <= recording.inside);
    recording_clear(&recording);
    assert_int_equal(recording.loop_count, 0);
    recording_free(&recording);
    thread_pool_destroy(pool);
}

static void the_next_task_goes_to_who_is_free(void **state) {
    (void)state;
    static const double seconds[] = {4, 1, 2, 2, 1, 8};
    static const struct {
        int threads;
        double end;
    } cases[] = {{1, 18}, {2, 13}, {3, 11}, {5, 9}, {6, 8}, {32, 8}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(makespan(seconds, 6, cases[i].threads) == cases[i].end);
    assert_true(makespan(seconds, 0, 4) == 0);
}

/* Two runs of two loops for one thread, and one run whose second loop is cut finer for another. */
static void the_shortest_times_of_a_cut_are_kept(void **state) {
    (void)state;
    double first[] = {4, 4, 6};
    double second[] = {3, 5, 6};
    double finer[] = {9, 9, 3, 3};
    RecordedLoop coarse_loops[] = {{0, 2}, {2, 1}};
    RecordedLoop fine_loops[] = {{0, 2}, {2, 2}};
    Recording recording = {.seconds = first, .loops = coarse_loops, .loop_count = 2};
    StepTimes step = {.serial = -1};
    assert_true(step_times_add(&step, &recording, 1.5, 1));
    recording.seconds = second;
    assert_true(step_times_add(&step, &recording, 1, 1));
    recording = (Recording){.seconds = finer, .loops = fine_loops, .loop_count = 2};
    assert_true(step_times_add(&step, &recording, 2, 2));
    assert_int_equal(step.cut_count, 3);
    assert_true(step_times_span(&step, 1, 1) == 1 + 3 + 4 + 6);
    assert_true(step_times_span(&step, 1, 2) == 1 + 4 + 6);
    assert_true(step_times_span(&step, 2, 2) == 1 + 4 + 3);
    assert_int_equal(step_times_tasks(&step, 2), 2);
    assert_int_equal(step_times_tasks(&step, 1), 2);
    assert_int_equal(step_times_tasks(&step, 4), 0);
    step_times_free(&step);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_tasks_run_in_order_on_the_caller),
        cmocka_unit_test(the_next_task_goes_to_who_is_free),
        cmocka_unit_test(the_shortest_times_of_a_cut_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
