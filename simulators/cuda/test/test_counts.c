/* test_counts.c: the report, as a program leaves it that knows nothing of the simulator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static CUgraphExec graph_of_three(const Fixture *f, CUdeviceptr memory) {
    CUgraph graph = NULL;
    CUgraphExec exec = NULL;
    CHECK_WORKS(cuStreamBeginCapture_v2(f->stream, CU_CAPTURE_THREAD_LOCAL));
    for (int i = 0; i < 3; i++)
        CHECK_WORKS(add(f, memory, 1, 1, f->stream));
    CHECK_WORKS(cuStreamEndCapture(f->stream, &graph));
    CHECK_WORKS(cuGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK_WORKS(cuGraphDestroy(graph));
    return exec;
}

/* Nothing beside anything. */
static void one_stream(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(1000), more = new_memory(24);
    float *in = new_pinned(1, 0), *out = new_pinned(1, 0);
    CHECK_WORKS(cuFuncSetAttribute(f.add, CU_FUNCTION_MAX_DYNAMIC_SHARED, 50000));
    CUgraphExec exec = graph_of_three(&f, memory);
    put(memory, in, f.stream);
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(out, memory, 4, f.stream));
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    put(memory, in, f.stream);
    CHECK_WORKS(cuGraphExecDestroy(exec));
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    CHECK_WORKS(cuMemFree_v2(memory));
    CHECK_WORKS(cuMemFreeHost(in));
    (void)more;
}

static void leaves_nothing(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(1000);
    CHECK_WORKS(cuMemFree_v2(memory));
    fixture_close(&f);
}

/* Two flights: the second's upload and the first's download may run beside the other's kernel. */
static void two_flights(int unused) {
    (void)unused;
    Fixture f = fixture_open();
    CUstream up = new_stream(), down = new_stream();
    CUdeviceptr in[] = {new_memory(4), new_memory(4)}, out[] = {new_memory(4), new_memory(4)};
    float *pinned = new_pinned(4, 0);
    for (int i = 0; i < 2; i++) {
        put(in[i], pinned + i, up);
        order(up, f.stream);
        CHECK_WORKS(move(&f, out[i], in[i], 1, f.stream));
        order(f.stream, down);
        get(pinned + 2 + i, out[i], down);
    }
    CHECK_WORKS(cuStreamSynchronize(down));
}

/* What a program leaves goes with its context; what it did not wait for is done before. */
static void leaves_it_to_the_context(void) {
    Fixture f = fixture_open();
    put(new_memory(1000), new_pinned(1, 0), f.stream);
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
}

/* On another stream, a graph still comes after its last run, and what waits for it as well. */
static void graph_on_two_streams(void) {
    Fixture f = fixture_open();
    CUstream other = new_stream(), down = new_stream();
    CUdeviceptr memory = new_memory(4);
    CUgraphExec exec = graph_of_three(&f, memory);
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    CHECK_WORKS(cuGraphLaunch(exec, other));
    order(other, down);
    get(new_pinned(1, 0), memory, down);
    CHECK_WORKS(cuCtxSynchronize());
}

/* A device that broke does nothing more. */
static void breaks(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4);
    CUgraphExec exec = graph_of_three(&f, memory);
    float *pinned = new_pinned(1, 0);
    put(memory, pinned, f.stream);
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    get(pinned, memory, f.stream);
    CHECK_STATUS(cuStreamSynchronize(f.stream), 700);
}

static void wait_for_stream(CUstream stream) {
    CHECK_WORKS(cuStreamSynchronize(stream));
}

static void wait_for_event(CUstream stream) {
    CUevent event = new_event();
    CHECK_WORKS(cuEventRecord(event, stream));
    CHECK_WORKS(cuEventSynchronize(event));
}

static void wait_for_context(CUstream stream) {
    (void)stream;
    CHECK_WORKS(cuCtxSynchronize());
}

/* The same one after the other: nothing is beside anything. */
static void one_flight_at_a_time(int way) {
    static void (*const waits[])(CUstream) = {wait_for_stream, wait_for_event, wait_for_context};
    Fixture f = fixture_open();
    CUstream up = new_stream(), down = new_stream();
    CUdeviceptr in = new_memory(4), out = new_memory(4);
    float *pinned = new_pinned(4, 0);
    for (int i = 0; i < 2; i++) {
        put(in, pinned + i, up);
        order(up, f.stream);
        CHECK_WORKS(move(&f, out, in, 1, f.stream));
        order(f.stream, down);
        get(pinned + 2 + i, out, down);
        waits[way](down);
    }
}

static const char *const nothing_beside[] = {"\"overlaps\": 0,", NULL};

static void check_report(const char *other_settings, void (*body)(int), int argument,
                         const char *const *texts) {
    char path[] = "/tmp/cudasim-report-XXXXXX";
    char settings[256], report[4096] = "";
    int descriptor = mkstemp(path);
    CHECK(descriptor >= 0);
    snprintf(settings, sizeof(settings), "%s,report=%s", other_settings, path);
    check_runs_with(settings, body, argument);
    CHECK(read(descriptor, report, sizeof(report) - 1) > 0);
    close(descriptor);
    unlink(path);
    for (; *texts; texts++) {
        if (strstr(report, *texts))
            continue;
        fprintf(stderr, "no '%s' in %s", *texts, report);
        exit(1);
    }
}

static const struct {
    const char *settings;
    void (*body)(void);
    const char *texts[16];
} programs[] = {
    {"",
     one_stream,
     {"\"uploads\": 2, \"upload_bytes\": 8", "\"downloads\": 1, \"download_bytes\": 4",
      "\"overlaps\": 0,", "\"launches\": 7, \"graph_launches\": 2",
      "\"captures\": 1, \"instantiations\": 1", "\"shared_attributes\": 1",
      "\"allocations\": 2, \"live_bytes\": 24", "\"peak_bytes\": 1024, \"pinned_bytes\": 4",
      "\"live_objects\": 3", "\"contexts_created\": 1, \"contexts_active\": 1",
      "\"cuMemFreeHost\": 1, \"cuMemcpyHtoDAsync_v2\": 2", "\"cuLaunchKernel\": 4"}},
    {"",
     leaves_nothing,
     {"\"live_bytes\": 0, \"peak_bytes\": 1000", "\"live_objects\": 0",
      "\"contexts_created\": 1, \"contexts_active\": 0"}},
    {"",
     leaves_it_to_the_context,
     {"\"uploads\": 1,", "\"live_bytes\": 0, \"peak_bytes\": 1000, \"pinned_bytes\": 0",
      "\"live_objects\": 0", "\"contexts_created\": 1, \"contexts_active\": 0"}},
    {"", graph_on_two_streams, {"\"overlaps\": 0,", "\"launches\": 6,"}},
    {"sticky=launch:2",
     breaks,
     {"\"uploads\": 1,", "\"downloads\": 0,", "\"launches\": 1, \"graph_launches\": 1"}},
    {"sticky=copy:1", breaks, {"\"uploads\": 0,", "\"launches\": 0, \"graph_launches\": 0"}},
};

static void run_program(int index) {
    programs[index].body();
}

int main(void) {
    for (int i = 0; i < (int)(sizeof(programs) / sizeof(*programs)); i++)
        check_report(programs[i].settings, run_program, i, programs[i].texts);
    for (int seed = 0; seed < 6; seed++) {
        char settings[32];
        snprintf(settings, sizeof(settings), "seed=%d", seed);
        check_report(settings, two_flights, 0, (const char *const[]){"\"overlaps\": 2,", NULL});
        for (int way = 0; way < 3; way++)
            check_report(settings, one_flight_at_a_time, way, nothing_beside);
    }
    return 0;
}
