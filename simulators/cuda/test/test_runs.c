/* test_runs.c: what a program that keeps to the rules gets: copies, launches, several streams and
 * devices. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

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
    CHECK(last_launch.grid[0] == 1 && last_launch.threads == 64 && last_launch.capability == 89);
    CHECK_WORKS(cuMemFree_v2(memory));
    CHECK_WORKS(cuMemFreeHost(in));
    CHECK_WORKS(cuMemFreeHost(out));
    fixture_close(&f);
}

int main(void) {
    check_runs(NULL, copies_and_launches);
    return 0;
}
