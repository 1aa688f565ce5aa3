/* test_threads.m: threads that know nothing of Foundation, each with a queue and graphs of its own.
 */
#include <pthread.h>

#import "fixture.h"

#define THREADS 4
#define RUNS    20

static void *work(void *argument) {
    float *first = argument;
    for (int i = 0; i < RUNS; i++) {
        @autoreleasepool {
            float result[3];
            float values[] = {*first, *first + 1, *first + 2};
            Fixture f = fixture_create();
            MPSGraphTensor *x = fixture_feed(&f, SHAPE(3), values);
            fixture_run(&f, [f.graph squareWithTensor:x name:nil], result);
            for (int k = 0; k < 3; k++)
                CHECK(result[k] == values[k] * values[k]);
            fixture_destroy(&f);
        }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    float first[THREADS];
    for (int i = 0; i < THREADS; i++) {
        first[i] = (float)(10 * i);
        CHECK(pthread_create(&threads[i], NULL, work, &first[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(applesim_count().graph_runs == THREADS * RUNS);
    CHECK(applesim_count().command_buffers == THREADS * RUNS);
    CHECK(applesim_count().live_bytes == 0);
    if (applesim_live(NULL) != 0)
        applesim_print_live();
    CHECK(applesim_live(NULL) == 0);
    return 0;
}
