/* test_capture.c: capturing streams, graphs and their runs. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

static void begin(CUstream stream) {
    CHECK_WORKS(cuStreamBeginCapture_v2(stream, CU_CAPTURE_THREAD_LOCAL));
}

static CUgraphExec end(CUstream stream) {
    CUgraph graph = NULL;
    CUgraphExec exec = NULL;
    CHECK_WORKS(cuStreamEndCapture(stream, &graph));
    CHECK_WORKS(cuGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK_WORKS(cuGraphDestroy(graph));
    return exec;
}

/* Nothing runs while it is captured; the graph runs as often as it is launched. */
static void graph_runs(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4);
    CUevent event = new_event();
    float *in = new_pinned(1, 1), *out = new_pinned(1, 0);
    put(memory, in, f.stream);
    begin(f.stream);
    for (int i = 0; i < 3; i++)
        CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    CHECK_WORKS(cuEventRecord(event, f.stream));
    CHECK_WORKS(cuStreamWaitEvent(f.stream, event, 0));
    CHECK_WORKS(scale(&f, memory, 1, 2, f.stream));
    CUgraphExec exec = end(f.stream);
    get(out, memory, f.stream);
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    CHECK(out[0] == 1);
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    get(out, memory, f.stream);
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    CHECK(out[0] == 22);
    CHECK_WORKS(cuGraphExecDestroy(exec));
    CHECK_WORKS(cuEventDestroy_v2(event));
    CHECK_WORKS(cuMemFree_v2(memory));
    fixture_close(&f);
}

/* Copies from and to pinned memory are captured like launches. */
static void copies_are_captured(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 1), *out = new_pinned(1, 5);
    begin(f.stream);
    put(memory, in, f.stream);
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    get(out, memory, f.stream);
    CUgraphExec exec = end(f.stream);
    CHECK(out[0] == 5);
    in[0] = 7;
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    CHECK(out[0] == 8);
}

/* On streams without any order, a graph still never runs beside itself. */
static void graph_after_itself(void) {
    Fixture f = fixture_open();
    CUstream other = new_stream();
    CUdeviceptr memory = new_memory(4);
    float in = 0, out = 0;
    put(memory, &in, f.stream);
    begin(f.stream);
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    CUgraphExec exec = end(f.stream);
    order(f.stream, other);
    for (int i = 0; i < 10; i++)
        CHECK_WORKS(cuGraphLaunch(exec, i % 2 ? f.stream : other));
    CHECK_WORKS(cuCtxSynchronize());
    get(&out, memory, other);
    CHECK(out == 10);
}

/* On streams without any order, its runs still come in the order of their launches. */
static void graph_in_order(void) {
    Fixture f = fixture_open();
    CUstream other = new_stream();
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 10), *out = new_pinned(1, 0);
    begin(f.stream);
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    CUgraphExec exec = end(f.stream);
    put(memory, in, f.stream);
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    CHECK_WORKS(cuGraphLaunch(exec, other));
    get(out, memory, other);
    CHECK_WORKS(cuStreamSynchronize(other));
    CHECK(out[0] == 12);
}

static void expect_spoiled(CUstream stream) {
    CUgraph graph = (CUgraph)1;
    CHECK_STATUS(cuStreamEndCapture(stream, &graph), 901);
    CHECK(graph == NULL);
    CHECK_STATUS(cuStreamEndCapture(stream, &graph), 401);
}

/* What a thread that captures must not do. */
static void forbidden(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4), other = 0;
    CUmodule module = NULL;
    CUevent event = new_event();
    void *pinned = new_pinned(1, 0), *more = NULL;
    float plain = 0;
    const struct {
        int status;
        int call;
    } cases[] = {{900, 0}, {900, 1}, {900, 2}, {900, 3}, {900, 4}, {900, 5},
                 {900, 6}, {900, 7}, {900, 8}, {900, 9}, {905, 10}};
    CHECK_WORKS(cuEventRecord(event, f.stream));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CUresult status = CUDA_SUCCESS;
        begin(f.stream);
        CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
        switch (cases[i].call) {
        case 0:
            status = cuMemAlloc_v2(&other, 4);
            break;
        case 1:
            status = cuMemFree_v2(memory);
            break;
        case 2:
            status = cuMemHostAlloc(&more, 4, 0);
            break;
        case 3:
            status = cuMemFreeHost(pinned);
            break;
        case 4:
            status = cuStreamSynchronize(f.stream);
            break;
        case 5:
            status = cuCtxSynchronize();
            break;
        case 6:
            status = cuModuleLoadData(&module, kernels_ptx);
            break;
        case 7:
            status = cuModuleUnload(f.module);
            break;
        case 8:
            status = cuMemcpyHtoDAsync_v2(memory, &plain, 4, f.stream);
            break;
        case 9:
            status = cuMemcpyDtoHAsync_v2(&plain, memory, 4, f.stream);
            break;
        default: /* depends on what is not captured */
            status = cuStreamWaitEvent(f.stream, event, 0);
            break;
        }
        CHECK_STATUS(status, cases[i].status);
        CHECK_STATUS(add(&f, memory, 1, 1, f.stream), 901);
        CHECK_STATUS(cuEventRecord(event, f.stream), 901);
        CHECK_STATUS(cuStreamWaitEvent(f.stream, event, 0), 901);
        expect_spoiled(f.stream);
        CHECK_WORKS(cuEventRecord(event, f.stream));
    }
}

static void captured_events(void) {
    Fixture f = fixture_open();
    CUstream other = new_stream();
    CUevent event = NULL;
    float milliseconds = 0;
    CHECK_WORKS(cuEventCreate(&event, 0));
    begin(f.stream);
    CHECK_WORKS(cuEventRecord(event, f.stream));
    CHECK_STATUS(cuEventSynchronize(event), 907);
    expect_spoiled(f.stream);
    CHECK_STATUS(cuEventElapsedTime(&milliseconds, event, event), 907);
    CHECK_STATUS(cuStreamWaitEvent(other, event, 0), 907);
    CHECK_STATUS(cuEventSynchronize(event), 907);
    CHECK_WORKS(cuEventRecord(event, other));
    CHECK_WORKS(cuEventSynchronize(event));
}

static void states(void) {
    Fixture f = fixture_open();
    CUgraph graph = NULL;
    CHECK_STATUS(cuStreamEndCapture(f.stream, &graph), 401);
    begin(f.stream);
    CHECK_STATUS(cuStreamBeginCapture_v2(f.stream, CU_CAPTURE_THREAD_LOCAL), 401);
    CHECK_WORKS(cuStreamEndCapture(f.stream, &graph));
    CHECK(graph != NULL);
}

static Fixture shared;

/* Another thread may do what it wants, but for waiting for the context and ending the capture. */
static void *other_thread(void *unused) {
    CUgraph graph = NULL;
    CHECK_WORKS(cuCtxPushCurrent_v2(shared.context));
    new_memory(4);
    CHECK_STATUS(cuStreamEndCapture(shared.stream, &graph), 908);
    CHECK_WORKS(add(&shared, new_memory(4), 1, 1, shared.stream));
    CHECK_STATUS(cuCtxSynchronize(), 900);
    CHECK_WORKS(cuCtxPopCurrent_v2(NULL));
    return unused;
}

static void threads(void) {
    pthread_t thread;
    shared = fixture_open();
    begin(shared.stream);
    CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0);
    pthread_join(thread, NULL);
    expect_spoiled(shared.stream);
}

/* ---- What aborts ---- */

static void other_mode(void) {
    Fixture f = fixture_open();
    cuStreamBeginCapture_v2(f.stream, 0);
}

static void stream_destroyed(void) {
    Fixture f = fixture_open();
    begin(f.stream);
    cuStreamDestroy_v2(f.stream);
}

static CUgraphExec graph_of_one(const Fixture *f) {
    CUdeviceptr memory = new_memory(4);
    begin(f->stream);
    CHECK_WORKS(add(f, memory, 1, 1, f->stream));
    return end(f->stream);
}

static void graph_in_capture(void) {
    Fixture f = fixture_open();
    CUgraphExec exec = graph_of_one(&f);
    begin(f.stream);
    cuGraphLaunch(exec, f.stream);
}

static void destroyed_in_flight(void) {
    Fixture f = fixture_open();
    CUgraphExec exec = graph_of_one(&f);
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    cuGraphExecDestroy(exec);
}

static void destroyed_twice(void) {
    Fixture f = fixture_open();
    CUgraphExec exec = graph_of_one(&f);
    CHECK_WORKS(cuGraphExecDestroy(exec));
    cuGraphExecDestroy(exec);
}

static void graph_destroyed_twice(void) {
    Fixture f = fixture_open();
    CUgraph graph = NULL;
    begin(f.stream);
    CHECK_WORKS(cuStreamEndCapture(f.stream, &graph));
    CHECK_WORKS(cuGraphDestroy(graph));
    cuGraphDestroy(graph);
}

static void module_unloaded(void) {
    Fixture f = fixture_open();
    CUgraphExec exec = graph_of_one(&f);
    CHECK_WORKS(cuModuleUnload(f.module));
    cuGraphLaunch(exec, f.stream);
}

static void module_unloaded_in_flight(void) {
    Fixture f = fixture_open();
    CHECK_WORKS(cuGraphLaunch(graph_of_one(&f), f.stream));
    cuModuleUnload(f.module);
}

/* What a graph in flight uses is in use. */
static void memory_freed_in_flight(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(400);
    begin(f.stream);
    CHECK_WORKS(add(&f, memory + 40, 1, 1, f.stream));
    CHECK_WORKS(cuGraphLaunch(end(f.stream), f.stream));
    cuMemFree_v2(memory);
}

static void memory_freed_before(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(400);
    begin(f.stream);
    CHECK_WORKS(add(&f, memory + 40, 1, 1, f.stream));
    CUgraphExec exec = end(f.stream);
    CHECK_WORKS(cuMemFree_v2(memory));
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    cuStreamSynchronize(f.stream);
}

static void with_flags(void) {
    Fixture f = fixture_open();
    CUgraph graph = NULL;
    CUgraphExec exec = NULL;
    begin(f.stream);
    CHECK_WORKS(cuStreamEndCapture(f.stream, &graph));
    cuGraphInstantiateWithFlags(&exec, graph, 2);
}

int main(void) {
    check_runs(NULL, graph_runs);
    check_runs(NULL, copies_are_captured);
    check_runs("seed=1", graph_after_itself);
    check_runs("seed=2", graph_after_itself);
    check_runs("seed=3", graph_after_itself);
    for (int seed = 0; seed < 10; seed++) {
        char settings[16];
        snprintf(settings, sizeof(settings), "seed=%d", seed);
        check_runs(settings, graph_in_order);
    }
    check_runs(NULL, forbidden);
    check_runs(NULL, captured_events);
    check_runs(NULL, states);
    check_runs(NULL, threads);
    check_aborts(NULL, other_mode, "capture mode 0");
    check_aborts(NULL, stream_destroyed, "a stream is destroyed while it is captured");
    check_aborts(NULL, graph_in_capture, "a graph is launched while its stream is captured");
    check_aborts(NULL, destroyed_in_flight, "destroyed while it is in flight");
    check_aborts(NULL, destroyed_twice, "is gone, or never was");
    check_aborts(NULL, graph_destroyed_twice, "is gone, or never was");
    check_aborts(NULL, module_unloaded, "kernel add, whose module is unloaded");
    check_aborts(NULL, module_unloaded_in_flight, "while its kernel add is in flight");
    check_aborts(NULL, memory_freed_in_flight, "400 bytes of device memory are freed that work");
    check_aborts(NULL, memory_freed_before,
                 "add touches byte 40 of 400 bytes of device memory, "
                 "which is freed");
    check_aborts(NULL, with_flags, "flags 2 of cuGraphInstantiateWithFlags");
    return 0;
}
