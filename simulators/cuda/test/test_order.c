/* test_order.c: a missing wait gives a wrong result for some seed. Each program here lacks one;
 * with the wait it is right for all. Whether it went wrong is told by the status of its process. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

#define SEEDS 30

static bool with_wait; /* copied into the child */

static void maybe_order(CUstream first, CUstream second) {
    if (with_wait)
        order(first, second);
}

/* The launch does not wait for the upload. */
static bool launch_before_upload(void) {
    Fixture f = fixture_open();
    CUstream up = new_stream();
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 3), *out = new_pinned(1, 0);
    put(memory, in, up);
    maybe_order(up, f.stream);
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    order(up, f.stream);
    get(out, memory, f.stream);
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    return out[0] == 4;
}

/* The download does not wait for the last of many launches. */
static bool download_before_launch(void) {
    Fixture f = fixture_open();
    CUstream down = new_stream();
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 0), *out = new_pinned(1, 0);
    put(memory, in, f.stream);
    for (int i = 0; i < 100; i++)
        CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    maybe_order(f.stream, down);
    get(out, memory, down);
    CHECK_WORKS(cuStreamSynchronize(down));
    CHECK_WORKS(cuCtxSynchronize());
    return out[0] == 100;
}

/* The last of many launches overwrites what is being downloaded. */
static bool overwritten_before_download(void) {
    Fixture f = fixture_open();
    CUstream down = new_stream();
    CUdeviceptr memory = new_memory(4), other = new_memory(4);
    float *in = new_pinned(2, 1), *out = new_pinned(1, 0);
    put(memory, in, f.stream);
    put(other, in + 1, f.stream);
    order(f.stream, down);
    get(out, memory, down);
    for (int i = 0; i < 100; i++)
        CHECK_WORKS(add(&f, other, 1, 1, f.stream));
    maybe_order(down, f.stream);
    CHECK_WORKS(move(&f, memory, other, 1, f.stream));
    CHECK_WORKS(cuCtxSynchronize());
    return out[0] == 1;
}

/* The next upload goes over what the launches still read. */
static bool uploaded_too_early(void) {
    Fixture f = fixture_open();
    CUstream up = new_stream();
    CUdeviceptr memory = new_memory(4), result = new_memory(4);
    float *in = new_pinned(2, 1), *out = new_pinned(1, 0);
    in[1] = 2;
    put(memory, in, up);
    order(up, f.stream);
    CHECK_WORKS(move(&f, result, memory, 1, f.stream));
    maybe_order(f.stream, up);
    put(memory, in + 1, up);
    get(out, result, f.stream);
    CHECK_WORKS(cuCtxSynchronize());
    return out[0] == 1;
}

/* What is read for a moment has another value in between. */
static bool seen_between(void) {
    Fixture f = fixture_open();
    CUstream down = new_stream();
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 0), *out = new_pinned(1, 0);
    put(memory, in, f.stream);
    order(f.stream, down);
    for (int i = 0; i < 20; i++)
        CHECK_WORKS(add(&f, memory, 1, i % 2 ? -1.0f : 1.0f, f.stream));
    maybe_order(f.stream, down);
    get(out, memory, down);
    CHECK_WORKS(cuCtxSynchronize());
    return out[0] == 0;
}

static CUgraphExec graph_of(const Fixture *f, CUdeviceptr memory, float factor) {
    CUgraph graph = NULL;
    CUgraphExec exec = NULL;
    CHECK_WORKS(cuStreamBeginCapture_v2(f->stream, CU_CAPTURE_THREAD_LOCAL));
    CHECK_WORKS(scale(f, memory, 1, factor, f->stream));
    CHECK_WORKS(add(f, memory, 1, 1, f->stream));
    CHECK_WORKS(cuStreamEndCapture(f->stream, &graph));
    CHECK_WORKS(cuGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK_WORKS(cuGraphDestroy(graph));
    return exec;
}

/* Two graphs that share memory, on streams of their own. */
static bool graphs_race(void) {
    Fixture f = fixture_open();
    CUstream second = new_stream();
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 1), *out = new_pinned(1, 0);
    CUgraphExec graphs[] = {graph_of(&f, memory, 2), graph_of(&f, memory, 10)};
    put(memory, in, f.stream);
    order(f.stream, second);
    CHECK_WORKS(cuGraphLaunch(graphs[0], f.stream));
    maybe_order(f.stream, second);
    CHECK_WORKS(cuGraphLaunch(graphs[1], second));
    order(second, f.stream);
    get(out, memory, f.stream);
    CHECK_WORKS(cuCtxSynchronize());
    return out[0] == 31;
}

static bool (*program)(void);

static void run_program(void) {
    if (!program())
        exit(2);
}

/* How many seeds give a wrong result. */
static int count_wrong(void) {
    int wrong = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        char settings[32];
        snprintf(settings, sizeof(settings), "seed=%d", seed);
        wrong += check_status_of(settings, run_program) == 2;
    }
    return wrong;
}

int main(void) {
    static bool (*const programs[])(void) = {
        launch_before_upload, download_before_launch, overwritten_before_download,
        uploaded_too_early,   seen_between,           graphs_race};
    for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
        program = programs[i];
        with_wait = true;
        CHECK(count_wrong() == 0);
        with_wait = false;
        int wrong = count_wrong();
        CHECK(wrong >= 3 && wrong < SEEDS);
    }
    return 0;
}
