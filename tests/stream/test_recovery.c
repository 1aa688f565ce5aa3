/* test_recovery.c: what becomes of a track when memory runs out, a separation is interrupted, or
 * the network puts out no numbers: demix over a network made up here, and its journal. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "stream/demix.h"
#include "tests/support/between.h"

#define CHANNELS 2
#define STEMS    3
#define CHUNK    200
#define RATE     1000
#define SAMPLES  2345

/* Of a chunk's second channel. */
#define BAD_SAMPLE 150

static const char *const stem_names[STEMS] = {"kick", "snare", "rest"};
static const int all_stems[STEMS] = {0, 1, 2};

/* ---- A network made up: stem s of sample x is x · gain · (s + 1) / 4 ---- */

/* A batch that the network was given and that is not collected yet. */
typedef struct FakeBatch {
    const float *input;
    float *output;
    int count;
} FakeBatch;

typedef struct FakeNetwork {
    Executable head;
    int largest;       /* a larger batch does not fit into memory */
    int64_t runs_left; /* memory runs out for good after so many runs; negative: never */
    int64_t bad_run;   /* this run puts out a NaN in stem 1; negative: none does */
    float gain;
    int64_t runs; /* single runs so far */
    int64_t calls;
    FakeBatch pending[EXECUTABLE_DEPTH_MAX];
    int pending_count;
    int most_pending; /* so far */
    bool refuses;     /* what does not fit is refused as it is given, not as it is collected */
} FakeNetwork;

static int64_t pending_runs(const FakeNetwork *network) {
    int64_t runs = 0;
    for (int i = 0; i < network->pending_count; i++)
        runs += network->pending[i].count;
    return runs;
}

/* `ahead` runs come before these. */
static cleave_status fake_check(FakeNetwork *network, int64_t ahead, int batch,
                                cleave_error *error) {
    network->calls++;
    if (batch > network->largest ||
        (network->runs_left >= 0 && network->runs + ahead + batch > network->runs_left))
        return error_set(error, CLEAVE_ERROR_MEMORY, "out of memory: made up");
    return CLEAVE_OK;
}

static void fake_compute(FakeNetwork *network, const FakeBatch *batch) {
    for (int b = 0; b < batch->count; b++, network->runs++)
        for (int stem = 0; stem < STEMS; stem++) {
            float *to = batch->output + (b * STEMS + stem) * CHANNELS * CHUNK;
            for (int i = 0; i < CHANNELS * CHUNK; i++)
                to[i] =
                    batch->input[b * CHANNELS * CHUNK + i] * network->gain * (float)(stem + 1) / 4;
            if (network->runs == network->bad_run && stem == 1)
                to[CHUNK + BAD_SAMPLE] = (float)NAN;
        }
}

static cleave_status fake_run(Executable *executable, const float *input, float *output, int batch,
                              const atomic_bool *cancel, cleave_error *error) {
    FakeNetwork *network = (FakeNetwork *)executable;
    (void)cancel;
    cleave_status status = fake_check(network, 0, batch, error);
    if (status == CLEAVE_OK)
        fake_compute(network, &(FakeBatch){input, output, batch});
    return status;
}

static const ExecutableMethods fake_methods = {.submit = fake_run};

/* A network that computes only when the result is collected: if input or output are taken away too
 * early, the result is wrong. */
static cleave_status queue_submit(Executable *executable, const float *input, float *output,
                                  int batch, const atomic_bool *cancel, cleave_error *error) {
    FakeNetwork *network = (FakeNetwork *)executable;
    (void)cancel;
    assert_true(network->pending_count < executable->depth);
    if (network->refuses && fake_check(network, pending_runs(network), batch, error) != CLEAVE_OK)
        return CLEAVE_ERROR_MEMORY;
    network->pending[network->pending_count++] = (FakeBatch){input, output, batch};
    if (network->pending_count > network->most_pending)
        network->most_pending = network->pending_count;
    return CLEAVE_OK;
}

static cleave_status queue_collect(Executable *executable, cleave_error *error) {
    FakeNetwork *network = (FakeNetwork *)executable;
    assert_true(network->pending_count > 0);
    FakeBatch batch = network->pending[0];
    network->pending[0] = network->pending[1];
    network->pending_count--;
    if (!network->refuses && fake_check(network, 0, batch.count, error) != CLEAVE_OK)
        return CLEAVE_ERROR_MEMORY;
    fake_compute(network, &batch);
    return CLEAVE_OK;
}

static const ExecutableMethods queue_methods = {.submit = queue_submit, .collect = queue_collect};

static FakeNetwork fake_network(int depth, bool refuses) {
    return (FakeNetwork){
        .head = {.methods = depth > 1 ? &queue_methods : &fake_methods,
                 .depth = depth,
                 .backend = &backend_cpu,
                 .layout = {64, CHANNELS * CHUNK, STEMS * CHANNELS * CHUNK, sizeof(float)}},
        .largest = 64,
        .runs_left = -1,
        .bad_run = -1,
        .gain = 1,
        .refuses = refuses};
}

/* ---- A separation by it ---- */

typedef struct Fixture {
    float mix[CHANNELS][SAMPLES];
    float stems[STEMS * CHANNELS][SAMPLES];
    float kept_mix[CHANNELS][SAMPLES];
    int64_t written;
    int64_t fail_at; /* frames after which the sink fails; negative: never */
    FakeNetwork network;
    FakeNetwork next; /* of the device, or in the precision, that takes over */
    DemixMoveOn move_on;
    int moves;
    cleave_precision precision; /* of the first network */
    bool may_widen;
    int warnings;
    char warning[512];
    int64_t cancel_at; /* samples done at which progress cancels; negative: never */
    cleave_error error;
    char folder[64];
    char journal[96];
} Fixture;

static int set_up_on(void **state, int depth, bool refuses) {
    uint64_t random = 7;
    Fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    for (int channel = 0; channel < CHANNELS; channel++)
        for (int i = 0; i < SAMPLES; i++)
            f->mix[channel][i] = (float)(random_next(&random) >> 40) / (1 << 24) - 0.5f;
    f->network = fake_network(depth, refuses);
    f->precision = CLEAVE_PRECISION_F32;
    f->fail_at = f->cancel_at = -1;
    snprintf(f->folder, sizeof(f->folder), "/tmp/cleave-recovery-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->journal, sizeof(f->journal), "%s/journal", f->folder);
    *state = f;
    return 0;
}

static int set_up(void **state) {
    return set_up_on(state, 1, false);
}

/* A device that takes two batches at once, and one that refuses those that do not fit. */
static int set_up_queue(void **state) {
    return set_up_on(state, 2, false);
}

static int set_up_refusing_queue(void **state) {
    return set_up_on(state, 2, true);
}

static int tear_down(void **state) {
    Fixture *f = *state;
    assert_int_equal(f->network.pending_count, 0);
    unlink(f->journal);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static cleave_status sink(void *user, const float *const *planes, const float *const *mix,
                          int64_t frames, cleave_error *error) {
    Fixture *f = user;
    assert_true(f->written + frames <= SAMPLES);
    for (int plane = 0; plane < STEMS * CHANNELS; plane++)
        memcpy(f->stems[plane] + f->written, planes[plane], (size_t)frames * sizeof(float));
    for (int channel = 0; channel < CHANNELS; channel++)
        memcpy(f->kept_mix[channel] + f->written, mix[channel], (size_t)frames * sizeof(float));
    f->written += frames;
    if (f->fail_at >= 0 && f->written > f->fail_at)
        return error_set(error, CLEAVE_ERROR_OUTPUT, "the disk is full, made up");
    return CLEAVE_OK;
}

static int progress(void *user, const cleave_progress *now) {
    const Fixture *f = user;
    return f->cancel_at >= 0 && now->samples_done >= f->cancel_at;
}

static void keep_warning(void *user, cleave_log_level level, const char *line) {
    Fixture *f = user;
    assert_int_equal(level, CLEAVE_LOG_WARNING);
    f->warnings++;
    snprintf(f->warning, sizeof(f->warning), "%s", line);
}

typedef struct Way {
    cleave_blend blend;
    int overlap;
    int batch;
    bool tta;
    bool normalize;
} Way;

static cleave_status run(Fixture *f, Way way, Journal *journal) {
    const float *planes[CHANNELS] = {f->mix[0], f->mix[1]};
    cleave_logger logger = {keep_warning, f, CLEAVE_LOG_WARNING};
    DemixResult result;
    LogRelay log;
    DemixJob job = {.network = {&f->network.head, way.batch, f->precision, f->may_widen},
                    .geometry = {way.blend, CHANNELS, CHUNK, CHUNK / way.overlap},
                    .overlap = way.overlap,
                    .tta = way.tta,
                    .normalize = way.normalize,
                    .keep_mix = true,
                    .network_stems = STEMS,
                    .stems = all_stems,
                    .stem_names = stem_names,
                    .stem_count = STEMS,
                    .sample_rate = RATE,
                    .sink = sink,
                    .sink_user = f,
                    .progress = progress,
                    .progress_user = f,
                    .move_on = f->move_on,
                    .move_on_user = f,
                    .journal = journal,
                    .log = &log};
    f->written = 0;
    f->network.runs = f->network.calls = 0;
    memset(f->stems, 0, sizeof(f->stems));
    log_relay_init(&log, &logger);
    assert_int_equal(
        audio_reader_open_memory(&job.reader, planes, CHANNELS, SAMPLES, RATE, &f->error), 0);
    cleave_status status = demix_run(&job, &result, &f->error);
    audio_reader_close(job.reader);
    log_relay_destroy(&log);
    return status;
}

/* What the network's factor leaves alone where the mix was normalised before it. */
static double mono_mean(const Fixture *f) {
    double sum = 0;
    for (int i = 0; i < SAMPLES; i++)
        sum += ((double)f->mix[0][i] + (double)f->mix[1][i]) / 2;
    return sum / SAMPLES;
}

/* Every stem is the mix times its factor: windows add up to 1, up to rounding. */
static void check_stems(const Fixture *f, bool normalized) {
    double mean = normalized ? mono_mean(f) : 0;
    assert_int_equal(f->written, SAMPLES);
    assert_memory_equal(f->kept_mix, f->mix, sizeof(f->mix));
    for (int plane = 0; plane < STEMS * CHANNELS; plane++)
        for (int i = 0; i < SAMPLES; i++) {
            int stem = plane / CHANNELS;
            double factor = (stem + 1) / 4.0;
            double wanted = mean + ((double)f->mix[plane % CHANNELS][i] - mean) * factor;
            assert_true(fabs((double)f->stems[plane][i] - wanted) < 1e-5);
        }
}

static const Way ways[] = {
    {CLEAVE_BLEND_FADE, 1, 1, false, false},    {CLEAVE_BLEND_FADE, 4, 3, false, false},
    {CLEAVE_BLEND_FADE, 3, 4, true, false},     {CLEAVE_BLEND_MEAN, 4, 5, false, false},
    {CLEAVE_BLEND_FADE, 2, 2, false, true},     {CLEAVE_BLEND_FADE, 50, 7, false, false},
    {CLEAVE_BLEND_HAMMING, 8, 3, false, false}, {CLEAVE_BLEND_HAMMING, 1, 2, false, false},
    {CLEAVE_BLEND_HAMMING, 3, 1, true, true},
};
#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

/* A lone first chunk with overlap 1 fades in nowhere, and every other seam has weight 0. */
static bool is_exact(const Way *way) {
    return way->overlap > 1 || way->blend == CLEAVE_BLEND_HAMMING;
}

static void test_stems_and_mix_keep_their_places(void **state) {
    Fixture *f = *state;
    for (size_t i = 0; i < WAY_COUNT; i++) {
        assert_int_equal(run(f, ways[i], NULL), CLEAVE_OK);
        if (is_exact(&ways[i]))
            check_stems(f, ways[i].normalize);
    }
}

/* The network makes silence of silence, so it need not run. Parts of one batch that do run may be
 * on their way together. */
static void test_silent_chunks_are_not_run(void **state) {
    Fixture *f = *state;
    for (int channel = 0; channel < CHANNELS; channel++)
        for (int i = 0; i < SAMPLES; i++)
            if (i % 400 >= 100)
                f->mix[channel][i] = 0;
    assert_int_equal(run(f, (Way){CLEAVE_BLEND_FADE, 2, 16, false, false}, NULL), CLEAVE_OK);
    check_stems(f, false);
    assert_int_equal(f->network.runs, 12); /* two of every four chunks, of 100 samples each */
    if (f->network.head.depth > 1)
        assert_int_equal(f->network.most_pending, f->network.head.depth);
}

static void test_silence_is_exactly_zero(void **state) {
    Fixture *f = *state;
    static const float zero[STEMS * CHANNELS][SAMPLES];
    memset(f->mix, 0, sizeof(f->mix));
    for (size_t i = 0; i < WAY_COUNT; i++) {
        assert_int_equal(run(f, ways[i], NULL), CLEAVE_OK);
        assert_int_equal(f->written, SAMPLES);
        assert_int_equal(f->network.runs, 0);
        assert_memory_equal(f->stems, zero, sizeof(zero)); /* none is -0 */
    }
}

/* ---- Memory ---- */

/* If one of several batches on their way fails, those behind it may be computed twice. */
static void check_runs(const Fixture *f, int64_t runs, int64_t least) {
    if (f->network.head.depth == 1 || f->network.refuses)
        assert_int_equal(runs, least);
    else
        assert_true(runs >= least);
}

static void b1_batch_that_does_not_fit_is_halved(void **state) {
    Fixture *f = *state;
    static float whole[STEMS * CHANNELS][SAMPLES];
    Way way = {CLEAVE_BLEND_FADE, 4, 16, false, false};
    assert_int_equal(run(f, way, NULL), CLEAVE_OK);
    memcpy(whole, f->stems, sizeof(whole));
    int64_t runs = f->network.runs;
    for (int largest = 1; largest < 16; largest++) {
        f->network.largest = largest;
        f->warnings = 0;
        assert_int_equal(run(f, way, NULL), CLEAVE_OK);
        assert_memory_equal(f->stems, whole, sizeof(whole));
        check_runs(f, f->network.runs, runs);
        assert_int_equal(f->warnings, 1);
        assert_non_null(strstr(f->warning, "a batch of 16 chunks is too large"));
    }
}

static void test_single_chunk_that_does_not_fit_is_an_error(void **state) {
    Fixture *f = *state;
    f->network.largest = 0;
    assert_int_equal(run(f, (Way){CLEAVE_BLEND_FADE, 4, 8, false, false}, NULL),
                     CLEAVE_ERROR_MEMORY);
    if (f->network.head.depth == 1)
        assert_int_equal(f->network.calls, 4); /* 8, 4, 2, 1 */
}

/* ---- Another device ---- */

/* Another device, to go on with. */
static cleave_status move_on(void *user, DemixNetwork *network, cleave_error *error) {
    Fixture *f = user;
    f->moves++;
    *network = (DemixNetwork){&f->next.head, 3, CLEAVE_PRECISION_F32, false};
    assert_string_not_equal(error->text, "");
    error_clear(error);
    return CLEAVE_OK;
}

/* What the first device has done is kept, and the second does the rest and no more. */
static void b1_another_device_goes_on_where_the_first_stopped(void **state) {
    Fixture *f = *state;
    static float whole[STEMS * CHANNELS][SAMPLES];
    Way way = {CLEAVE_BLEND_FADE, 4, 8, true, false};
    assert_int_equal(run(f, way, NULL), CLEAVE_OK);
    memcpy(whole, f->stems, sizeof(whole));
    int64_t runs = f->network.runs;
    f->move_on = move_on;
    for (int64_t fit = 0; fit < runs; fit += 5) {
        f->network.runs_left = fit;
        f->next = fake_network(f->network.head.depth, f->network.refuses);
        f->moves = 0;
        assert_int_equal(run(f, way, NULL), CLEAVE_OK);
        assert_int_equal(f->moves, 1);
        assert_memory_equal(f->stems, whole, sizeof(whole));
        check_runs(f, f->network.runs, fit);
        check_runs(f, f->network.runs + f->next.runs, runs);
        assert_true(f->next.calls >= f->next.runs / 3); /* in batches of 3 */
    }
}

/* ---- No numbers ---- */

static void test_nan_is_reported_with_its_time(void **state) {
    Fixture *f = *state;
    /* Steps of 100 samples behind a border of 100: run 5 is from 400 to 600. */
    f->network.bad_run = 5;
    assert_int_equal(run(f, (Way){CLEAVE_BLEND_FADE, 2, 1, false, false}, NULL),
                     CLEAVE_ERROR_MODEL);
    assert_non_null(strstr(f->error.text, "\"snare\""));
    assert_non_null(strstr(f->error.text, "from 0.400 to 0.600 s"));
    assert_int_equal(f->written, 400);
}

static void test_advice_knows_which_precisions_reach_further(void **state) {
    Fixture *f = *state;
    static const struct {
        cleave_precision precision;
        const char *name;
        const char *advice;
    } advice[] = {{CLEAVE_PRECISION_F16, "computed in f16", "try -p bf16 or -p f32"},
                  {CLEAVE_PRECISION_BF16, "computed in bf16", "try -p f32"},
                  {CLEAVE_PRECISION_F32, "computed in f32", "another checkpoint"}};
    f->network.bad_run = 5;
    f->move_on = move_on; /* which explicit precisions never call */
    for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
        f->precision = advice[i].precision;
        assert_int_equal(run(f, (Way){CLEAVE_BLEND_FADE, 2, 1, false, false}, NULL),
                         CLEAVE_ERROR_MODEL);
        assert_non_null(strstr(f->error.text, advice[i].name));
        assert_non_null(strstr(cleave_error_advice(&f->error), advice[i].advice));
        assert_int_equal(f->moves, 0);
    }
}

/* ---- A wider precision ---- */

/* The next precision, whose results are a little other ones. */
static cleave_status widen(void *user, DemixNetwork *network, cleave_error *error) {
    Fixture *f = user;
    f->moves++;
    assert_int_equal(error->status, CLEAVE_ERROR_MODEL);
    assert_non_null(strstr(error->text, "is not a number"));
    assert_int_equal(network->precision, CLEAVE_PRECISION_F16);
    *network = (DemixNetwork){&f->next.head, 64, CLEAVE_PRECISION_BF16, true};
    error_clear(error);
    return CLEAVE_OK;
}

static cleave_status widen_to_f32(void *user, DemixNetwork *network, cleave_error *error) {
    cleave_status status = widen(user, network, error);
    network->precision = CLEAVE_PRECISION_F32;
    network->may_widen = false;
    return status;
}

static void set_up_widening(Fixture *f, int64_t bad_run) {
    f->precision = CLEAVE_PRECISION_F16;
    f->may_widen = true;
    f->move_on = widen;
    f->moves = 0;
    f->network.bad_run = bad_run;
    f->next = fake_network(f->network.head.depth, f->network.refuses);
    f->next.gain = 1.25f;
}

/* Chunks that neither overlap nor fade: each sample tells which network computed it. */
static const Way seamless = {CLEAVE_BLEND_MEAN, 1, 1, false, false};
#define SEAMLESS_CHUNKS ((SAMPLES + CHUNK - 1) / CHUNK)

static void check_widened_from(const Fixture *f, int64_t chunk) {
    assert_int_equal(f->written, SAMPLES);
    for (int plane = 0; plane < STEMS * CHANNELS; plane++)
        for (int i = 0; i < SAMPLES; i++) {
            float gain = i / CHUNK < chunk ? f->network.gain : f->next.gain;
            int stem = plane / CHANNELS;
            float wanted = f->mix[plane % CHANNELS][i] * gain * (float)(stem + 1) / 4;
            assert_true(f->stems[plane][i] == wanted);
        }
}

/* Wherever the bad chunk stands in its batch: what came before it stays, and the rest is computed
 * by the wider network. */
static void test_a_wider_precision_goes_on_from_the_bad_chunk(void **state) {
    Fixture *f = *state;
    Way way = seamless;
    for (way.batch = 1; way.batch <= 8; way.batch += way.batch == 1 ? 2 : 5)
        for (int64_t bad = 0; bad < SEAMLESS_CHUNKS; bad++) {
            set_up_widening(f, bad);
            assert_int_equal(run(f, way, NULL), CLEAVE_OK);
            assert_int_equal(f->moves, 1);
            check_widened_from(f, bad);
            assert_int_equal(f->next.runs, SEAMLESS_CHUNKS - bad);
        }
    set_up_widening(f, -1);
    assert_int_equal(run(f, way, NULL), CLEAVE_OK);
    assert_int_equal(f->moves, 0);
    check_widened_from(f, SEAMLESS_CHUNKS);
}

/* What the last chunk has behind the signal's end is nobody's. */
static void test_padding_need_not_be_numbers(void **state) {
    Fixture *f = *state;
    set_up_widening(f, SEAMLESS_CHUNKS - 1);
    assert_true(SAMPLES % CHUNK <= BAD_SAMPLE);
    assert_int_equal(run(f, (Way){CLEAVE_BLEND_FADE, 1, 1, false, false}, NULL), CLEAVE_OK);
    assert_int_equal(f->moves, 0);
    assert_int_equal(f->network.runs, SEAMLESS_CHUNKS);
}

/* The wider network puts out no numbers either, and nothing is wider. */
static void test_the_widest_precision_fails_as_ever(void **state) {
    Fixture *f = *state;
    for (int batch = 1; batch <= 4; batch += 3) {
        Way way = seamless;
        way.batch = batch;
        set_up_widening(f, 3);
        f->next.bad_run = 2;
        f->move_on = widen_to_f32;
        assert_int_equal(run(f, way, NULL), CLEAVE_ERROR_MODEL);
        assert_int_equal(f->moves, 1);
        assert_non_null(strstr(f->error.text, "computed in f32"));
        assert_non_null(strstr(f->error.text, "from 1.000 to 1.200 s"));
        assert_int_equal(f->written, 5 * CHUNK);
    }
}

/* A batch that did not fit in the narrow precision does not fit in the wide one. */
static void test_a_halved_batch_is_kept_in_a_wider_precision(void **state) {
    Fixture *f = *state;
    Way way = seamless;
    way.batch = 8;
    set_up_widening(f, 5);
    f->network.largest = f->next.largest = 2;
    f->warnings = 0;
    assert_int_equal(run(f, way, NULL), CLEAVE_OK);
    assert_int_equal(f->warnings, 1);
    check_widened_from(f, 5);
}

/* Cancelled at any moment: nothing that is no number was written, and that is not the error. */
static void test_cancelling_beside_a_bad_chunk(void **state) {
    Fixture *f = *state;
    for (int64_t at = 0; at < SAMPLES; at += CHUNK) {
        set_up_widening(f, 6);
        f->cancel_at = at;
        assert_int_equal(run(f, seamless, NULL), CLEAVE_ERROR_CANCELLED);
        for (int plane = 0; plane < STEMS * CHANNELS; plane++)
            for (int64_t i = 0; i < f->written; i++)
                assert_true(isfinite(f->stems[plane][i]));
    }
}

/* ---- Failures of the threads ---- */

static void test_failing_sink_ends_the_run(void **state) {
    Fixture *f = *state;
    for (int64_t at = 0; at < SAMPLES; at += 333) {
        f->fail_at = at;
        assert_int_equal(run(f, (Way){CLEAVE_BLEND_FADE, 4, 2, false, false}, NULL),
                         CLEAVE_ERROR_OUTPUT);
        assert_string_equal(f->error.text, "the disk is full, made up");
    }
}

static void test_input_that_is_no_number_ends_the_run(void **state) {
    Fixture *f = *state;
    f->mix[1][2000] = (float)INFINITY;
    assert_int_equal(run(f, (Way){CLEAVE_BLEND_FADE, 4, 2, false, false}, NULL),
                     CLEAVE_ERROR_INPUT);
    assert_true(f->written < SAMPLES);
}

/* ---- Resuming ---- */

static Journal *open_journal(Fixture *f, Way way, const char *fingerprint) {
    Journal *journal = NULL;
    cleave_logger logger = {keep_warning, f, CLEAVE_LOG_WARNING};
    ChunkGeometry geometry = {way.blend, CHANNELS, CHUNK, CHUNK / way.overlap};
    assert_int_equal(journal_open(&journal, f->journal, fingerprint, &geometry, STEMS * CHANNELS,
                                  &logger, &f->error),
                     CLEAVE_OK);
    return journal;
}

static bool journal_is_there(const Fixture *f) {
    struct stat status;
    return stat(f->journal, &status) == 0;
}

/* Interrupts a separation and goes on: the bits are those of a whole one, and no chunk is computed
 * twice. */
static void resume_at(Fixture *f, Way way, int64_t at, const void *whole, int64_t whole_runs) {
    f->cancel_at = at;
    Journal *journal = open_journal(f, way, "x");
    assert_int_equal(journal_chunks(journal), 0);
    assert_int_equal(run(f, way, journal), CLEAVE_ERROR_CANCELLED);
    int64_t runs = f->network.runs;
    journal_close(journal, true);
    f->cancel_at = -1;
    journal = open_journal(f, way, "x");
    int variants = way.tta ? 3 : 1;
    int64_t kept = journal_chunks(journal) * variants;
    /* What had been run before is kept, but for the chunk whose variants were not all done. */
    assert_between(kept, runs - (variants - 1), runs);
    assert_int_equal(run(f, way, journal), CLEAVE_OK);
    assert_int_equal(f->network.runs, whole_runs - kept);
    assert_memory_equal(f->stems, whole, sizeof(f->stems));
    assert_memory_equal(f->kept_mix, f->mix, sizeof(f->mix));
    journal_close(journal, false);
    assert_false(journal_is_there(f));
}

static void test_resumed_run_has_the_same_bits(void **state) {
    Fixture *f = *state;
    static float whole[STEMS * CHANNELS][SAMPLES];
    for (size_t i = 0; i < WAY_COUNT; i++) {
        f->cancel_at = -1;
        assert_int_equal(run(f, ways[i], NULL), CLEAVE_OK);
        memcpy(whole, f->stems, sizeof(whole));
        int64_t runs = f->network.runs;
        for (int64_t at = 1; at <= SAMPLES; at += 391)
            resume_at(f, ways[i], at, whole, runs);
        resume_at(f, ways[i], SAMPLES, whole, runs);
    }
}

/* With blend hamming the last chunk reaches further back than any other, which the state before it
 * must hold. */
static void test_the_last_chunk_alone_can_be_missing(void **state) {
    Fixture *f = *state;
    static float whole[STEMS * CHANNELS][SAMPLES];
    for (int overlap = 1; overlap <= 8; overlap++) {
        Way way = {CLEAVE_BLEND_HAMMING, overlap, 1, false, false};
        assert_int_equal(run(f, way, NULL), CLEAVE_OK);
        memcpy(whole, f->stems, sizeof(whole));
        int64_t runs = f->network.runs;
        f->fail_at = SAMPLES - CHUNK;
        Journal *journal = open_journal(f, way, "x");
        assert_int_equal(run(f, way, journal), CLEAVE_ERROR_OUTPUT);
        journal_close(journal, true);
        f->fail_at = -1;
        journal = open_journal(f, way, "x");
        assert_int_equal(journal_chunks(journal), runs - 1);
        assert_int_equal(run(f, way, journal), CLEAVE_OK);
        assert_memory_equal(f->stems, whole, sizeof(whole));
        journal_close(journal, false);
    }
}

static void test_other_batch_may_go_on(void **state) {
    Fixture *f = *state;
    static float whole[STEMS * CHANNELS][SAMPLES];
    Way way = {CLEAVE_BLEND_FADE, 4, 3, false, false};
    assert_int_equal(run(f, way, NULL), CLEAVE_OK);
    memcpy(whole, f->stems, sizeof(whole));
    for (int batch = 1; batch <= 5; batch++) {
        way.batch = batch;
        f->cancel_at = 300 * batch;
        Journal *journal = open_journal(f, way, "x");
        assert_int_equal(run(f, way, journal), CLEAVE_ERROR_CANCELLED);
        journal_close(journal, true);
    }
    f->cancel_at = -1;
    Journal *journal = open_journal(f, way, "x");
    assert_true(journal_chunks(journal) >= 28);
    assert_int_equal(run(f, way, journal), CLEAVE_OK);
    assert_memory_equal(f->stems, whole, sizeof(whole));
    journal_close(journal, false);
}

static void interrupt_at(Fixture *f, Way way, int64_t at) {
    f->cancel_at = at;
    Journal *journal = open_journal(f, way, "x");
    assert_int_equal(run(f, way, journal), CLEAVE_ERROR_CANCELLED);
    journal_close(journal, true);
    f->cancel_at = -1;
}

static void test_other_fingerprint_starts_over(void **state) {
    Fixture *f = *state;
    Way way = {CLEAVE_BLEND_FADE, 4, 1, false, false};
    interrupt_at(f, way, 1000);
    f->warnings = 0;
    Journal *journal = open_journal(f, way, "y");
    assert_int_equal(journal_chunks(journal), 0);
    assert_int_equal(f->warnings, 1);
    assert_non_null(strstr(f->warning, "starting over"));
    journal_close(journal, true);
    assert_false(journal_is_there(f)); /* nothing is in it */
}

#define OUTGROWN (1U << CLEAVE_PRECISION_F16)

/* A separation that is interrupted after it had moved to another device and a wider precision. */
static void interrupt_moved(Fixture *f, Way way, int64_t at) {
    interrupt_at(f, way, at);
    Journal *journal = open_journal(f, way, "x");
    assert_string_equal(journal_device(journal), "");
    journal_move(journal, "next:1", OUTGROWN, "y");
    assert_string_equal(journal_device(journal), ""); /* later openings see it */
    assert_int_equal(journal_outgrown(journal), 0);
    journal_close(journal, true);
}

static void b1_a_journal_knows_where_its_run_had_moved_to(void **state) {
    Fixture *f = *state;
    Way way = {CLEAVE_BLEND_FADE, 4, 1, false, false};
    interrupt_moved(f, way, 1000);
    Journal *journal = open_journal(f, way, "x");
    int64_t chunks = journal_chunks(journal);
    assert_true(chunks > 0);
    assert_string_equal(journal_device(journal), "next:1");
    assert_int_equal(journal_outgrown(journal), OUTGROWN);
    assert_true(journal_fits_device(journal, "y"));
    assert_false(journal_fits_device(journal, "x"));
    journal_move(journal, "another", 0, "z"); /* the last one counts */
    journal_close(journal, true);
    journal = open_journal(f, way, "x");
    assert_string_equal(journal_device(journal), "another");
    assert_int_equal(journal_outgrown(journal), 0);
    assert_int_equal(journal_chunks(journal), chunks);
    assert_int_equal(journal_restart(journal, "z", &f->error), CLEAVE_OK);
    assert_int_equal(journal_chunks(journal), 0);
    assert_string_equal(journal_device(journal), "");
    f->cancel_at = 700;
    assert_int_equal(run(f, way, journal), CLEAVE_ERROR_CANCELLED);
    journal_close(journal, true);
    f->cancel_at = -1;
    journal = open_journal(f, way, "z");
    assert_string_equal(journal_device(journal), "");
    assert_true(journal_chunks(journal) > 0);
    journal_close(journal, false);
}

/* How much was done before the interruption was noticed differs, so a place behind the file's end
 * stands for its last byte. */
static void flip_byte(const Fixture *f, int64_t at) {
    unsigned char byte;
    struct stat status;
    int fd = open(f->journal, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    at = at < status.st_size ? at : status.st_size - 1;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* Wherever a journal is damaged or cut, the result is right: damage costs work, never truth. */
static void damage_at(Fixture *f, Way way, const void *whole, int64_t at, bool cut) {
    interrupt_at(f, way, 900);
    if (cut)
        assert_int_equal(truncate(f->journal, at), 0);
    else
        flip_byte(f, at);
    Journal *journal = open_journal(f, way, "x");
    assert_int_equal(run(f, way, journal), CLEAVE_OK);
    assert_memory_equal(f->stems, whole, sizeof(f->stems));
    journal_close(journal, false);
}

static void test_damaged_journal_never_misleads(void **state) {
    Fixture *f = *state;
    static float whole[STEMS * CHANNELS][SAMPLES];
    Way way = {CLEAVE_BLEND_FADE, 4, 1, false, false};
    struct stat status;
    assert_int_equal(run(f, way, NULL), CLEAVE_OK);
    memcpy(whole, f->stems, sizeof(whole));
    interrupt_at(f, way, 900);
    assert_int_equal(stat(f->journal, &status), 0);
    for (int64_t at = 0; at < status.st_size; at += 211) {
        damage_at(f, way, whole, at, false);
        damage_at(f, way, whole, at, true);
    }
}

/* Damage never makes a separation that had moved look like one that had not. */
static void b1_damage_hides_no_move(void **state) {
    Fixture *f = *state;
    Way way = {CLEAVE_BLEND_FADE, 4, 1, false, false};
    struct stat status;
    interrupt_moved(f, way, 900);
    assert_int_equal(stat(f->journal, &status), 0);
    assert_int_equal(unlink(f->journal), 0);
    const int64_t near =
        JOURNAL_FINGERPRINT_SIZE; /* behind the first fingerprint the move begins */
    for (int64_t at = 0; at < status.st_size; at += at / 100 == near / 100 ? 3 : 100) {
        interrupt_moved(f, way, 900);
        flip_byte(f, at);
        Journal *journal = open_journal(f, way, "x");
        assert_true(journal_chunks(journal) == 0 ||
                    (strcmp(journal_device(journal), "next:1") == 0 &&
                     journal_outgrown(journal) == OUTGROWN && journal_fits_device(journal, "y")));
        journal_close(journal, false);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Also on devices that take two batches at once. */
#define ON_ALL(test)                                                            \
    TEST(test), {#test " (queue)", test, set_up_queue, tear_down, NULL}, {      \
#test " (refusing queue)", test, set_up_refusing_queue, tear_down, NULL \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_ALL(test_stems_and_mix_keep_their_places),
        ON_ALL(test_silent_chunks_are_not_run),
        TEST(test_silence_is_exactly_zero),
        ON_ALL(b1_batch_that_does_not_fit_is_halved),
        ON_ALL(b1_another_device_goes_on_where_the_first_stopped),
        ON_ALL(test_single_chunk_that_does_not_fit_is_an_error),
        ON_ALL(test_nan_is_reported_with_its_time),
        TEST(test_advice_knows_which_precisions_reach_further),
        ON_ALL(test_a_wider_precision_goes_on_from_the_bad_chunk),
        ON_ALL(test_padding_need_not_be_numbers),
        ON_ALL(test_the_widest_precision_fails_as_ever),
        ON_ALL(test_a_halved_batch_is_kept_in_a_wider_precision),
        ON_ALL(test_cancelling_beside_a_bad_chunk),
        ON_ALL(test_failing_sink_ends_the_run),
        ON_ALL(test_input_that_is_no_number_ends_the_run),
        ON_ALL(test_resumed_run_has_the_same_bits),
        ON_ALL(test_other_batch_may_go_on),
        TEST(test_the_last_chunk_alone_can_be_missing),
        TEST(test_other_fingerprint_starts_over),
        TEST(test_damaged_journal_never_misleads),
        TEST(b1_a_journal_knows_where_its_run_had_moved_to),
        TEST(b1_damage_hides_no_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
