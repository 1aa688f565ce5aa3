/* test_memory.c: the memory need is what is taken, and the batch is the largest that fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#ifdef HAVE_MALLINFO2
#include <malloc.h>
#endif

#include <cmocka.h>

#include "backend/backend.h"
#include "cleave/extra.h"
#include "model/model.h"
#include "model/network.h"
#include "session/default_batch.h"
#include "session/memory_need.h"
#include "stream/demix.h"
#include "tests/support/separator.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Whether the system enforces `ulimit -v` and says how much of it is left. Not with a sanitizer,
 * whose shadow memory takes terabytes of it. */
#if defined(HAVE_ULIMIT_V) && !SANITIZED
#define LIMITS_ADDRESS_SPACE 1
#else
#define LIMITS_ADDRESS_SPACE 0
#endif

/* The lines that the library logs, of one level. */
typedef struct Lines {
    cleave_log_level level;
    int count;
    char last[1024];
} Lines;

static void keep_line(void *user, cleave_log_level level, const char *line) {
    Lines *lines = user;
    if (level != lines->level)
        return;
    lines->count++;
    snprintf(lines->last, sizeof(lines->last), "%s", line);
}

static cleave_separator_settings settings_of(int batch, int64_t max_memory, Lines *warnings) {
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.threads = 2;
    settings.batch = batch;
    settings.max_memory = max_memory;
    settings.log = (cleave_logger){keep_line, warnings, CLEAVE_LOG_INFO};
    return settings;
}

static cleave_memory_need need_at(const cleave_model *model, int batch) {
    cleave_separator_settings settings = settings_of(batch, 0, &(Lines){0});
    cleave_memory_need need;
    cleave_error error;
    if (cleave_model_memory(model, &settings, &need, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    assert_int_equal(need.batch, batch);
    assert_int_equal(need.total, need.weights + need.activations + need.buffers);
    return need;
}

/* ---- The need -------------------------------------------------------------------------------- */

/* Bytes that malloc has handed out; 0 if it cannot say. */
static int64_t allocated(void) {
#if defined(HAVE_MALLINFO2) && !SANITIZED
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
#else
    return 0;
#endif
}

static cleave_status graph_of(Graph *graph, const cleave_model *model) {
    const NetworkUse use = {model->checkpoint, model->config.chunk_size, NULL};
    return network_graph(graph, &model->config, &use, NULL);
}

/* Compiling takes what it was said to need: exactly by the executable's own account; by malloc's to
 * 1 % and what small things (names, steps, threads) take. */
static void expect_need_holds(const Graph *graph, const CompileOptions *options) {
    ExecutableMemory need;
    Executable *executable = NULL;
    cleave_error error;
    if (backend_memory(&backend_cpu, graph, options, &need, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    int64_t before = allocated();
    if (backend_compile(&backend_cpu, &executable, graph, options, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    int64_t taken = allocated() - before;
    assert_int_equal(need.weights, executable->memory.weights);
    assert_int_equal(need.activations, executable->memory.activations);
    assert_int_equal(need.scratch, executable->memory.scratch);
    int64_t total = executable_memory_total(&need);
    if (taken > 0) {
        assert_true(taken >= total);
        assert_true(taken <= total + total / 100 + 400000);
    }
    executable_destroy(executable);
}

static void the_need_is_what_compiling_takes(void **state) {
    (void)state;
    static const char *const names[] = {
        "golden/batch-relu-5stem/model.ckpt",     "golden/fft768-half-nested/model.ckpt",
        "golden/group-elu-target/model.ckpt",     "golden/inst-gelu-2stem/model.ckpt",
        "golden/mean-blend/model.ckpt",           "golden/short-input/model.ckpt",
        "cases/odd-transform/model.ckpt",         "cases/no-norm-short-hop/model.ckpt",
        "cases/batch-norm-four-scales/model.ckpt"};
    static const int batches[] = {1, 3};
    static const int threads[] = {1, 4};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cleave_model *model = must_open_model(names[i]);
        Graph graph;
        assert_int_equal(graph_of(&graph, model), CLEAVE_OK);
        for (int k = 0; k < 8; k++)
            expect_need_holds(&graph, &(CompileOptions){.batch = batches[k & 1],
                                                        .threads = threads[k >> 1 & 1],
                                                        .precision = CLEAVE_PRECISION_F32,
                                                        .fuse = (k & 4) != 0});
        graph_free(&graph);
        cleave_model_close(model);
    }
}

/* Lets this process take no more than `bytes` of address space beyond what it has; returns the
 * limit to go back to. */
static struct rlimit limit_address_space(int64_t bytes) {
    struct rlimit before;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = (struct rlimit){(rlim_t)1 << 40, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    MemoryLimit left = memory_limit_resources("", 0);
    assert_string_equal(left.source, "ulimit -v");
    limit.rlim_cur = limit.rlim_cur - (rlim_t)left.bytes + (rlim_t)bytes;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    return before;
}

static void asking_for_the_need_allocates_nothing_large(void **state) {
    (void)state;
    if (!LIMITS_ADDRESS_SPACE)
        skip();
    cleave_model *model = must_open_model("golden/batch-relu-5stem/model.ckpt");
    struct rlimit before = limit_address_space(4 << 20);
    cleave_memory_need need = need_at(model, 64);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_true(need.activations > 100 << 20);
    cleave_model_close(model);
}

static void an_impossible_size_is_an_error(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    Graph graph;
    ExecutableMemory need;
    cleave_error error;
    assert_int_equal(graph_of(&graph, model), CLEAVE_OK);
    for (int i = 0; i < graph.count; i++)
        graph.nodes[i].shape.height = graph.nodes[i].shape.width = INT32_MAX / 2;
    CompileOptions options = {.batch = 64, .threads = 1, .precision = CLEAVE_PRECISION_F32};
    assert_int_equal(backend_memory(&backend_cpu, &graph, &options, &need, &error),
                     CLEAVE_ERROR_MEMORY);
    graph_free(&graph);
    cleave_model_close(model);
}

static void demix_memory_cannot_overflow(void **state) {
    (void)state;
    ChunkGeometry geometry = {.channels = 2, .chunk = 1000, .hop = 500};
    /* Two batches of 3 inputs, twice their mixes, and their 2 stems; blender with window and
     * weights; a chunk and its mix. */
    int64_t floats = 2 * 3 * (2000 + 2 * 2000 + 4000) + 4000 + 2000 + 2 * 2000;
    assert_int_equal(demix_memory(&geometry, 3, 1, 2),
                     floats * (int64_t)sizeof(float) + chunker_memory(&geometry));
    geometry.chunk = INT64_MAX / 3;
    assert_int_equal(demix_memory(&geometry, 64, 1, 100), INT64_MAX);
}

/* ---- The batch ------------------------------------------------------------------------------- */

static void r7_the_table_is_that_of_the_requirement(void **state) {
    (void)state;
    static const struct {
        int overlap, mps, cuda;
    } rows[] = {{1, 4, 8}, {2, 4, 8}, {3, 2, 5}, {4, 2, 4}, {5, 1, 3}, {8, 1, 2}, {50, 1, 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(default_batch(CLEAVE_DEVICE_MPS, rows[i].overlap), rows[i].mps);
        assert_int_equal(default_batch(CLEAVE_DEVICE_CUDA, rows[i].overlap), rows[i].cuda);
        assert_int_equal(default_batch(CLEAVE_DEVICE_CPU, rows[i].overlap), 1);
    }
}

/* Opens with a limit; returns the batch, or 0 after CLEAVE_ERROR_MEMORY. */
static int batch_within(const cleave_model *model, int batch, int64_t limit, Lines *warnings,
                        cleave_error *error) {
    cleave_separator_settings settings = settings_of(batch, limit, warnings);
    cleave_separator *separator = NULL;
    cleave_separator_info info;
    cleave_status status = cleave_separator_open(&separator, model, &settings, error);
    if (status == CLEAVE_ERROR_MEMORY)
        return 0;
    if (status != CLEAVE_OK)
        fail_msg("%s", error->text);
    assert_string_equal(error->text, "");
    cleave_separator_get_info(separator, &info);
    assert_true(info.memory_needed <= limit || limit == 0);
    assert_int_equal(info.memory_needed, need_at(model, info.batch).total);
    cleave_separator_close(separator);
    return info.batch;
}

static void the_batch_is_the_largest_that_fits(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/inst-gelu-2stem/model.ckpt");
    cleave_error error;
    for (int batch = 2; batch <= 6; batch++) {
        Lines warnings = {.level = CLEAVE_LOG_WARNING};
        int64_t need = need_at(model, batch).total;
        assert_true(need > need_at(model, batch - 1).total);
        assert_int_equal(batch_within(model, batch, need, &warnings, &error), batch);
        assert_int_equal(warnings.count, 0);
        assert_int_equal(batch_within(model, 6, need, &warnings, &error), batch);
        assert_int_equal(warnings.count, batch < 6);
        warnings.count = 0;
        assert_int_equal(batch_within(model, 6, need - 1, &warnings, &error), batch - 1);
        assert_int_equal(warnings.count, 1);
        assert_non_null(strstr(warnings.last, "batch 6 needs "));
        assert_non_null(strstr(warnings.last, "may be used (--max-memory): using batch "));
    }
    cleave_model_close(model);
}

static void a_network_that_does_not_fit_is_refused_in_full(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/inst-gelu-2stem/model.ckpt");
    Lines warnings = {.level = CLEAVE_LOG_WARNING};
    cleave_error error;
    int64_t need = need_at(model, 1).total;
    assert_int_equal(batch_within(model, 1, need, &warnings, &error), 1);
    assert_int_equal(batch_within(model, 8, need - 1, &warnings, &error), 0);
    assert_int_equal(warnings.count, 0);
    assert_int_equal(error.status, CLEAVE_ERROR_MEMORY);
    assert_non_null(strstr(error.text, "the network needs "));
    assert_non_null(strstr(error.text, " at batch 1, and only "));
    assert_non_null(strstr(error.text, " may be used (--max-memory); try "));
    cleave_model_close(model);
}

static void nobody_asked_and_nothing_is_warned_of(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    Lines warnings = {.level = CLEAVE_LOG_WARNING};
    cleave_error error;
    assert_int_equal(batch_within(model, 0, 0, &warnings, &error), 1);
    assert_int_equal(warnings.count, 0);
    cleave_separator_settings settings = settings_of(0, -1, &warnings);
    cleave_separator *separator = NULL;
    assert_int_equal(cleave_separator_open(&separator, model, &settings, &error),
                     CLEAVE_ERROR_ARGUMENT);
    cleave_model_close(model);
}

/* The limit that a need names, and the batch if none is asked for. */
static void a_need_names_the_limit(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/inst-gelu-2stem/model.ckpt");
    cleave_memory_need need;
    cleave_error error;
    cleave_separator_settings settings = settings_of(0, 1000, &(Lines){0});
    assert_int_equal(cleave_model_memory(model, &settings, &need, &error), CLEAVE_OK);
    assert_int_equal(need.batch, 1);
    assert_int_equal(need.limit, 1000);
    assert_string_equal(need.limit_source, "--max-memory");
    settings.precision = (cleave_precision)99;
    assert_int_equal(cleave_model_memory(model, &settings, &need, &error), CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(cleave_model_memory(NULL, NULL, &need, &error), CLEAVE_ERROR_ARGUMENT);
    cleave_model_close(model);
}

/* What the need cannot know: the system refuses memory that seemed to be there. */
static void a_refused_allocation_halves_the_batch(void **state) {
    (void)state;
    if (!LIMITS_ADDRESS_SPACE)
        skip();
    cleave_model *model = must_open_model("golden/batch-relu-5stem/model.ckpt");
    Lines warnings = {.level = CLEAVE_LOG_WARNING};
    cleave_error error;
    int64_t room = need_at(model, 9).activations - need_at(model, 1).activations;
    struct rlimit before = limit_address_space(room + (32 << 20));
    int batch = batch_within(model, 64, (int64_t)1 << 50, &warnings, &error);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_true(batch == 4 || batch == 8 || batch == 16);
    assert_int_equal(warnings.count, 1);
    assert_non_null(strstr(warnings.last, "batch 64: using batch "));
    cleave_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_need_is_what_compiling_takes),
        cmocka_unit_test(asking_for_the_need_allocates_nothing_large),
        cmocka_unit_test(an_impossible_size_is_an_error),
        cmocka_unit_test(demix_memory_cannot_overflow),
        cmocka_unit_test(r7_the_table_is_that_of_the_requirement),
        cmocka_unit_test(the_batch_is_the_largest_that_fits),
        cmocka_unit_test(a_network_that_does_not_fit_is_refused_in_full),
        cmocka_unit_test(nobody_asked_and_nothing_is_warned_of),
        cmocka_unit_test(a_need_names_the_limit),
        cmocka_unit_test(a_refused_allocation_halves_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
