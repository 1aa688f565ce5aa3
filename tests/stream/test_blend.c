/* test_blend.c: blend hamming against a plain computation in float64: where chunks start, what they
 * hold, how they are weighted. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "stream/demix.h"

#define LONGEST 40000

static float mix[LONGEST];
static float stem[LONGEST];

/* ---- A network whose output depends on where in its chunk a sample is ---- */

typedef struct FakeNetwork {
    Executable head;
    int64_t chunk;
    int64_t chunks; /* so far */
} FakeNetwork;

static double fake_sample(double here, double mirrored, int64_t i, int64_t chunk) {
    return here * (1 + (double)i / (double)chunk) + mirrored / 2;
}

static cleave_status fake_run(Executable *executable, const float *input, float *output, int batch,
                              const atomic_bool *cancel, cleave_error *error) {
    FakeNetwork *network = (FakeNetwork *)executable;
    const int64_t chunk = network->chunk;
    (void)cancel;
    (void)error;
    for (int b = 0; b < batch; b++, network->chunks++)
        for (int64_t i = 0; i < chunk; i++)
            output[b * chunk + i] = (float)fake_sample(input[b * chunk + i],
                                                       input[b * chunk + chunk - 1 - i], i, chunk);
    return CLEAVE_OK;
}

static const ExecutableMethods fake_methods = {.submit = fake_run};

/* ---- The blend by cleave ---- */

typedef struct Written {
    int64_t frames;
    char log[512];
} Written;

static cleave_status keep(void *user, const float *const *planes, const float *const *unused,
                          int64_t frames, cleave_error *error) {
    Written *written = user;
    (void)unused;
    (void)error;
    assert_true(written->frames + frames <= LONGEST);
    memcpy(stem + written->frames, planes[0], (size_t)frames * sizeof(float));
    written->frames += frames;
    return CLEAVE_OK;
}

static void keep_line(void *user, cleave_log_level level, const char *line) {
    Written *written = user;
    assert_int_equal(level, CLEAVE_LOG_INFO);
    snprintf(written->log, sizeof(written->log), "%s", line);
}

typedef struct Case {
    int64_t chunk;
    int overlap;
    int64_t samples;
    int batch;
    int rate;
} Case;

/* Returns the number of chunks that the network computed. */
static int64_t demix(const Case *c, Written *written) {
    static const int stems[] = {0};
    static const char *const names[] = {"stem"};
    const float *planes[] = {mix};
    FakeNetwork network = {
        .head = {.methods = &fake_methods,
                 .depth = 1,
                 .backend = &backend_cpu,
                 .layout = {64, (size_t)c->chunk, (size_t)c->chunk, sizeof(float)}},
        .chunk = c->chunk};
    cleave_logger logger = {keep_line, written, CLEAVE_LOG_INFO};
    cleave_error error;
    DemixResult result;
    LogRelay log;
    DemixJob job = {.network = {&network.head, c->batch, CLEAVE_PRECISION_F32, false},
                    .geometry = {CLEAVE_BLEND_HAMMING, 1, c->chunk, c->chunk / c->overlap},
                    .overlap = c->overlap,
                    .network_stems = 1,
                    .stems = stems,
                    .stem_names = names,
                    .stem_count = 1,
                    .sample_rate = c->rate,
                    .sink = keep,
                    .sink_user = written,
                    .log = &log};
    *written = (Written){0};
    log_relay_init(&log, &logger);
    assert_int_equal(audio_reader_open_memory(&job.reader, planes, 1, c->samples, c->rate, &error),
                     CLEAVE_OK);
    if (demix_run(&job, &result, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    audio_reader_close(job.reader);
    log_relay_destroy(&log);
    return network.chunks;
}

/* ---- The same over a whole signal in memory, in float64 ---- */

static double sums[LONGEST];
static double weights[LONGEST];

/* The input at sample i of the chunk that starts at `start`: what is behind the signal is its
 * reflection if it fills more than half of a chunk, else silence. */
static double input_at(const Case *c, int64_t start, int64_t i) {
    if (start + i < c->samples)
        return mix[start + i];
    return c->samples > c->chunk / 2 ? mix[2 * (c->samples - 1) - i] : 0;
}

static void add_chunk(const Case *c, int64_t start) {
    for (int64_t i = 0; i < c->chunk && start + i < c->samples; i++) {
        double window = c->chunk == 1
                            ? 1
                            : 0.54 - 0.46 * cos(2 * acos(-1) * (double)i / (double)(c->chunk - 1));
        sums[start + i] += window * fake_sample(input_at(c, start, i),
                                                input_at(c, start, c->chunk - 1 - i), i, c->chunk);
        weights[start + i] += window;
    }
}

/* Returns the number of chunks. */
static int64_t blend(const Case *c) {
    const int64_t step = c->chunk / c->overlap;
    int64_t chunks = 1;
    int64_t start = 0;
    memset(sums, 0, sizeof(sums));
    memset(weights, 0, sizeof(weights));
    for (; start + c->chunk < c->samples; start += step, chunks++)
        add_chunk(c, start);
    /* The last one ends with the signal. */
    int64_t last = c->samples > c->chunk ? c->samples - c->chunk : 0;
    add_chunk(c, last);
    return chunks;
}

static void expect_same(const Case *c) {
    Written written;
    int64_t chunks = demix(c, &written);
    assert_int_equal(written.frames, c->samples);
    assert_int_equal(chunks, blend(c));
    for (int64_t i = 0; i < c->samples; i++)
        if (!(fabs(stem[i] - sums[i] / fmax(weights[i], 1e-10)) < 2e-6))
            fail_msg("chunk %lld, overlap %d, %lld samples: sample %lld is %g, not %g",
                     (long long)c->chunk, c->overlap, (long long)c->samples, (long long)i,
                     (double)stem[i], sums[i] / weights[i]);
}

static int set_up(void **state) {
    uint64_t random = 3;
    (void)state;
    for (int i = 0; i < LONGEST; i++)
        mix[i] = (float)(random_next(&random) >> 40) / (1 << 24) - 0.5f;
    return 0;
}

static const int overlaps[] = {1, 2, 3, 7, 8, 40};
#define OVERLAPS (sizeof(overlaps) / sizeof(overlaps[0]))

static void test_every_length(void **state) {
    (void)state;
    for (size_t k = 0; k < OVERLAPS; k++)
        for (int64_t samples = 1; samples < 140; samples++)
            expect_same(&(Case){40, overlaps[k], samples, 1 + (int)(samples % 5), 1000});
    expect_same(&(Case){1, 1, 7, 2, 1000});
}

/* Signals that are read in several blocks, so that the chunker does not know their end yet. */
static void test_signals_that_end_in_another_block(void **state) {
    (void)state;
    static const int64_t lengths[] = {8191,  8192,  8193,  9000,  9001,  11250, 16384,
                                      18000, 18001, 24576, 26999, 27000, 33333, LONGEST};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        for (size_t k = 0; k < OVERLAPS; k++)
            expect_same(&(Case){9000, overlaps[k], lengths[i], 2, 1000});
}

/* audio-separator cuts input of less than 10 s, or less than a chunk, into shorter chunks. */
static void test_short_input_is_told(void **state) {
    (void)state;
    Written written;
    demix(&(Case){400, 2, 999, 1, 100}, &written);
    assert_non_null(strstr(written.log, "shorter than 10 s"));
    demix(&(Case){400, 2, 1000, 1, 100}, &written);
    assert_string_equal(written.log, "");
    demix(&(Case){2000, 2, 1999, 1, 100}, &written);
    assert_non_null(strstr(written.log, "shorter than 20 s"));
    demix(&(Case){2000, 2, 2000, 1, 100}, &written);
    assert_string_equal(written.log, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_signals_that_end_in_another_block),
        cmocka_unit_test(test_short_input_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
