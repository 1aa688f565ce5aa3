/* test_runs.c: what a program that keeps to the rules gets: copies, launches, events, graphs and
 * several devices, whatever the order that the seed gives. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define SEEDS 24

static void copies_and_launches(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(64 * sizeof(float));
    float *in = new_pinned(64, 3), *out = new_pinned(64, 0);
    CHECK_WORKS(cuMemcpyHtoDAsync_v2(memory, in, 64 * sizeof(float), f.stream));
    CHECK_WORKS(add(&f, memory, 64, 1, f.stream));
    CHECK_WORKS(scale(&f, memory, 64, 2, f.stream));
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(out, memory, 64 * sizeof(float), f.stream));
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    CHECK(out[0] == 8 && out[63] == 8);
    CHECK(last_launch.grid[0] == 1 && last_launch.threads == KERNEL_THREADS);
    CHECK(last_launch.capability == 89);
    CHECK_WORKS(cuMemFree_v2(memory));
    CHECK_WORKS(cuMemFreeHost(in));
    CHECK_WORKS(cuMemFreeHost(out));
    fixture_close(&f);
}

static void parts_of_memory(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(300);
    float *pinned = new_pinned(80, 0);
    for (int i = 0; i < 75; i++)
        pinned[i] = (float)i;
    CHECK_WORKS(cuMemcpyHtoDAsync_v2(memory, pinned, 300, f.stream));
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(pinned + 75, memory + 4 * 70, 20, f.stream));
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(pinned, memory, 0, f.stream));
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    CHECK(pinned[74] == 74 && pinned[75] == 70 && pinned[79] == 74);
    CHECK_WORKS(cuMemFree_v2(memory));
    CHECK_WORKS(cuMemFree_v2(0));
}

static void fresh_memory_is_nan(void) {
    Fixture f = fixture_open();
    size_t large = ((size_t)9 << 20) + 4; /* more than one piece of the pattern */
    CUdeviceptr memory = new_memory(large);
    float first = 0, last = 0, *pinned = NULL;
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(&first, memory, 4, f.stream));
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(&last, memory + large - 4, 4, f.stream));
    CHECK(isnan(first) && isnan(last));
    CHECK_WORKS(cuMemHostAlloc((void **)&pinned, 16, 0));
    CHECK(isnan(pinned[0]) && isnan(pinned[3]));
}

static void addresses_are_aligned_and_new(void) {
    fixture_open_bare(0);
    CUdeviceptr first = new_memory(100);
    CHECK(first % 256 == 0);
    CHECK_WORKS(cuMemFree_v2(first));
    for (int i = 0; i < 50; i++) {
        CUdeviceptr next = new_memory(100 + 300 * (size_t)i);
        CHECK(next % 256 == 0 && next != first);
    }
}

/* Pinned memory is read when the copy is made, not when it is asked for; other memory at once. */
static void when_memory_is_read(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(8);
    float *pinned = new_pinned(2, 1), *out = new_pinned(2, 0), plain = 1;
    put(memory, pinned, f.stream);
    put(memory + 4, &plain, f.stream);
    pinned[0] = plain = 2;
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(out, memory, 8, f.stream));
    CHECK(isnan(out[0]) && isnan(out[1]));
    CHECK_WORKS(cuCtxSynchronize());
    CHECK(out[0] == 2 && out[1] == 1);
}

/* A copy to memory that is not pinned waits. */
static void when_memory_is_written(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4);
    float in = 5, out = 0;
    put(memory, &in, f.stream);
    get(&out, memory, f.stream);
    CHECK(out == 5);
}

/* Arguments are those at the time of the launch. */
static void arguments_are_copied(void) {
    Fixture f = fixture_open();
    AddArguments arguments = {new_memory(4), 1, 1};
    void *pointers[] = {&arguments};
    float in = 0, out = 0;
    put(arguments.to, &in, f.stream);
    CHECK_WORKS(cuLaunchKernel(f.add, 1, 1, 1, KERNEL_THREADS, 1, 1, 0, f.stream, pointers, NULL));
    arguments.value = 7;
    get(&out, arguments.to, f.stream);
    CHECK(out == 1);
}

/* Three streams and a buffer between them, with every wait that is needed. */
static void streams_in_order(void) {
    Fixture f = fixture_open();
    CUstream up = new_stream(), down = new_stream();
    CUdeviceptr in = new_memory(4), out = new_memory(4);
    float *pinned = new_pinned(8, 0), *result = new_pinned(8, 0);
    for (int i = 0; i < 8; i++) {
        pinned[i] = (float)i;
        put(in, pinned + i, up);
        order(up, f.stream);
        CHECK_WORKS(move(&f, out, in, 1, f.stream));
        for (int j = 0; j < 5; j++)
            CHECK_WORKS(add(&f, out, 1, 1, f.stream));
        order(f.stream, up);
        order(f.stream, down);
        get(result + i, out, down);
        order(down, f.stream);
    }
    CHECK_WORKS(cuStreamSynchronize(down));
    for (int i = 0; i < 8; i++)
        CHECK(result[i] == (float)(i + 5));
}

static void waiting_for_events(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4);
    CUevent event = new_event();
    float *in = new_pinned(1, 3), *out = new_pinned(1, 0);
    CHECK_WORKS(cuEventSynchronize(event)); /* never recorded */
    CHECK_WORKS(cuStreamWaitEvent(f.stream, event, 0));
    put(memory, in, f.stream);
    get(out, memory, f.stream);
    CHECK_WORKS(cuEventRecord(event, f.stream));
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    CHECK_WORKS(cuEventSynchronize(event));
    CHECK(out[0] == 3);
    CHECK_WORKS(cuEventDestroy_v2(event));
}

/* Waits go for what was recorded before, not for what is recorded later; the host's for the last.
 */
static void recorded_again(void) {
    Fixture f = fixture_open();
    CUstream other = new_stream();
    CUevent event = new_event();
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 3), *out = new_pinned(2, 0);
    put(memory, in, f.stream);
    CHECK_WORKS(cuEventRecord(event, f.stream));
    CHECK_WORKS(cuStreamWaitEvent(other, event, 0));
    get(out, memory, other);
    order(other, f.stream);
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    get(out + 1, memory, f.stream);
    CHECK_WORKS(cuEventRecord(event, f.stream));
    CHECK_WORKS(cuEventSynchronize(event));
    CHECK(out[0] == 3 && out[1] == 4);
}

static void times(void) {
    Fixture f = fixture_open();
    CUevent events[3];
    CUdeviceptr memory = new_memory(4);
    float in = 0, milliseconds = 0;
    for (int i = 0; i < 3; i++)
        CHECK_WORKS(cuEventCreate(&events[i], 0));
    CHECK_STATUS(cuEventElapsedTime(&milliseconds, events[0], events[1]), 400);
    put(memory, &in, f.stream);
    for (int i = 0; i < 3; i++) {
        CHECK_WORKS(cuEventRecord(events[i], f.stream));
        for (int j = 0; j <= i; j++)
            CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    }
    CHECK_STATUS(cuEventElapsedTime(&milliseconds, events[0], events[1]), 600);
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    CHECK_WORKS(cuEventElapsedTime(&milliseconds, events[0], events[1]));
    float first = milliseconds;
    CHECK_WORKS(cuEventElapsedTime(&milliseconds, events[1], events[2]));
    CHECK(first > 0 && fabsf(milliseconds - 2 * first) < 1e-6f);
    CHECK_STATUS(cuEventElapsedTime(&milliseconds, events[0], new_event()), 400);
}

/* What a stream still has when it goes is done. */
static void destroyed_with_work(void) {
    Fixture f = fixture_open();
    CUstream other = new_stream();
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 4), *out = new_pinned(1, 0);
    put(memory, in, other);
    get(out, memory, other);
    CHECK_WORKS(cuStreamDestroy_v2(other));
    CHECK_WORKS(cuCtxSynchronize());
    CHECK(out[0] == 4);
    fixture_close(&f);
}

/* Two devices, a thread for each. */
static void *use_device(void *number) {
    int device = *(int *)number;
    Fixture f = fixture_open_bare(device);
    CHECK_WORKS(cuModuleLoadData(&f.module, kernels_ptx));
    f.add = fixture_function(&f, "add");
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, (float)device), *out = new_pinned(1, 0);
    for (int i = 0; i < 50; i++) {
        put(memory, in, f.stream);
        CHECK_WORKS(add(&f, memory, 1, 10, f.stream));
        get(out, memory, f.stream);
        CHECK_WORKS(cuStreamSynchronize(f.stream));
        CHECK(out[0] == (float)(device + 10));
    }
    CHECK_WORKS(cuMemFreeHost(in));
    CHECK_WORKS(cuMemFreeHost(out));
    CHECK_WORKS(cuCtxPopCurrent_v2(NULL));
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(device));
    return NULL;
}

static void two_threads(void) {
    pthread_t threads[2];
    int numbers[] = {0, 1};
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, use_device, &numbers[i]) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

int main(void) {
    static void (*const ordered[])(void) = {streams_in_order, waiting_for_events, recorded_again};
    check_runs(NULL, copies_and_launches);
    check_runs(NULL, parts_of_memory);
    check_runs(NULL, fresh_memory_is_nan);
    check_runs(NULL, addresses_are_aligned_and_new);
    check_runs(NULL, when_memory_is_read);
    check_runs(NULL, when_memory_is_written);
    check_runs(NULL, arguments_are_copied);
    check_runs(NULL, times);
    check_runs(NULL, destroyed_with_work);
    check_runs("devices=2", two_threads);
    for (int seed = 0; seed < SEEDS; seed++) {
        char settings[32];
        snprintf(settings, sizeof(settings), "seed=%d", seed);
        for (size_t i = 0; i < sizeof(ordered) / sizeof(*ordered); i++)
            check_runs(settings, ordered[i]);
    }
    return 0;
}
