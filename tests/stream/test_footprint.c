/* test_footprint.c: a long file takes the memory of some chunks, as much as demix_memory() says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_MALLINFO2
#include <malloc.h>
#endif

#include <cmocka.h>

#include "stream/demix.h"
#include "tests/support/sanitized.h"

#define CHANNELS 2
#define STEMS    6
#define CHUNK    20000
#define SAMPLES  (12 * CHUNK + 1234)

/* What is small: items, threads, the rounding of allocations. */
#define SLACK 100000

/* Bytes that malloc has handed out; 0 if it cannot say. */
static int64_t allocated(void) {
#if defined(HAVE_MALLINFO2) && !SANITIZED
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
#else
    return 0;
#endif
}

typedef struct Footprint {
    int64_t before;
    int64_t peak;
    int64_t frames;
} Footprint;

static void look(Footprint *footprint) {
    int64_t now = allocated() - footprint->before;
    footprint->peak = now > footprint->peak ? now : footprint->peak;
}

static cleave_status fake_run(Executable *executable, const float *input, float *output, int batch,
                              const atomic_bool *cancel, cleave_error *error) {
    (void)executable;
    (void)input;
    (void)cancel;
    (void)error;
    memset(output, 0, (size_t)batch * STEMS * CHANNELS * CHUNK * sizeof(float));
    return CLEAVE_OK;
}

static const ExecutableMethods fake_methods = {.submit = fake_run};

static cleave_status sink(void *user, const float *const *planes, const float *const *mix,
                          int64_t frames, cleave_error *error) {
    Footprint *footprint = user;
    (void)planes;
    (void)mix;
    (void)error;
    footprint->frames += frames;
    look(footprint);
    return CLEAVE_OK;
}

static int progress(void *user, const cleave_progress *now) {
    (void)now;
    look(user);
    return 0;
}

static void expect_bounded(cleave_blend blend, int overlap, float *const *mix) {
    static const int stems[STEMS] = {0, 1, 2, 3, 4, 5};
    static const char *const names[STEMS] = {"a", "b", "c", "d", "e", "f"};
    const ChunkGeometry geometry = {blend, CHANNELS, CHUNK, CHUNK / overlap};
    Executable network = {.methods = &fake_methods,
                          .depth = 1,
                          .backend = &backend_cpu,
                          .layout = {1, CHANNELS * CHUNK, STEMS * CHANNELS * CHUNK, sizeof(float)}};
    Footprint footprint = {.frames = 0};
    cleave_logger logger = {NULL, NULL, CLEAVE_LOG_WARNING};
    cleave_error error;
    DemixResult result;
    LogRelay log;
    DemixJob job = {.network = {&network, 1, CLEAVE_PRECISION_F32, false},
                    .geometry = geometry,
                    .overlap = overlap,
                    .keep_mix = true,
                    .network_stems = STEMS,
                    .stems = stems,
                    .stem_names = names,
                    .stem_count = STEMS,
                    .sample_rate = 44100,
                    .sink = sink,
                    .sink_user = &footprint,
                    .progress = progress,
                    .progress_user = &footprint,
                    .log = &log};
    log_relay_init(&log, &logger);
    assert_int_equal(audio_reader_open_memory(&job.reader, (const float *const *)mix, CHANNELS,
                                              SAMPLES, 44100, &error),
                     CLEAVE_OK);
    footprint.before = allocated();
    if (demix_run(&job, &result, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    audio_reader_close(job.reader);
    log_relay_destroy(&log);
    assert_int_equal(footprint.frames, SAMPLES);
    int64_t need = demix_memory(&geometry, 1, 1, STEMS);
    assert_true(footprint.peak <= need + SLACK);
    assert_true(footprint.peak == 0 || footprint.peak > need - need / 10);
}

static void a_file_takes_the_memory_of_some_chunks(void **state) {
    (void)state;
    float *plane = calloc(SAMPLES, sizeof(*plane));
    float *mix[CHANNELS] = {plane, plane};
    assert_non_null(plane);
    plane[0] = 1;
    static const int overlaps[] = {1, 2, 3, 4, 8, 50};
    for (cleave_blend blend = CLEAVE_BLEND_FADE; blend <= CLEAVE_BLEND_HAMMING; blend++)
        for (size_t i = 0; i < sizeof(overlaps) / sizeof(overlaps[0]); i++)
            expect_bounded(blend, overlaps[i], mix);
    free(plane);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_file_takes_the_memory_of_some_chunks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
