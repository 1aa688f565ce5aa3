/* test_diagnose.c: the self-test finds each wrong kernel and no other; what cleave_finding_list()
 * says; the sample network. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/cpu/kernels/processor.h"
#include "backend/cpu/selftest.h"
#include "cleave/extra.h"
#include "diagnose/sample_model.h"

static const Kernels *const good = &kernels_reference;

/* The names of the tests that fail, each with a comma behind. */
static void failures_of(const Kernels *kernels, char *names, size_t size) {
    KernelTest tests[KERNEL_TESTS_MAX];
    int count = kernels_self_test(kernels, tests);
    size_t used = 0;
    names[0] = '\0';
    assert_true(count > 10 && count <= KERNEL_TESTS_MAX);
    for (int i = 0; i < count; i++)
        if (!(tests[i].error <= 1.0))
            used += (size_t)snprintf(names + used, size - used, "%s,", tests[i].name);
}

static void expect_failures(const Kernels *kernels, const char *expected) {
    char names[512];
    failures_of(kernels, names, sizeof(names));
    assert_string_equal(names, expected);
}

static void every_table_of_this_processor_passes(void **state) {
    (void)state;
    for (const Kernels *const *table = kernels_available(); *table; table++)
        expect_failures(*table, "");
}

/* ---- Wrong kernels ----------------------------------------------------------------------- */

static void wrong_gemm(const GemmArguments *a, cleave_precision precision) {
    good->products[precision].gemm(a);
    a->c[a->columns - 1][(a->rows - 1) * a->c_stride + CHANNEL_BLOCK - 1] *= 1.1F;
}

static void wrong_gemm_f32(const GemmArguments *a) {
    good->products[CLEAVE_PRECISION_F32].gemm(a);
    a->c[0][0] *= 1.0001F;
}

static void wrong_gemm_f16(const GemmArguments *a) {
    wrong_gemm(a, CLEAVE_PRECISION_F16);
}

static void wrong_gemm_bf16(const GemmArguments *a) {
    wrong_gemm(a, CLEAVE_PRECISION_BF16);
}

/* The last row of C is left out. */
static void short_gemm_f32(const GemmArguments *a) {
    GemmArguments shorter = *a;
    shorter.rows--;
    good->products[CLEAVE_PRECISION_F32].gemm(&shorter);
    for (int j = 0; j < a->columns; j++)
        a->c[j][(a->rows - 1) * a->c_stride] = NAN;
}

static void wrong_narrow_bf16(void *to, const float *from, size_t positions) {
    good->products[CLEAVE_PRECISION_BF16].narrow(to, from, positions);
    ((uint16_t *)to)[positions * CHANNEL_BLOCK - 1] += 2;
}

static void wrong_narrow_f16(uint16_t *to, const float *from, size_t count, float scale) {
    good->narrow_f16(to, from, count, 2.0F * scale);
}

static void wrong_widen_f16(float *to, const uint16_t *from, size_t count, float scale) {
    good->widen_f16(to, from, count, scale);
    to[count - 1] += 1e-5F;
}

static void wrong_load(const LoadArguments *a) {
    good->load[ACT_GELU](a);
    a->to[a->positions * CHANNEL_BLOCK - 1] = INFINITY;
}

static void wrong_binary(float *to, const float *a, const float *b, size_t positions) {
    good->add(to, a, b, positions);
    to[5] += 1e-5F;
}

static void wrong_statistics(const StatisticsArguments *a) {
    good->statistics(a);
    a->squares[3] *= 1.01F;
}

static void wrong_winograd4_input(void *to, size_t to_stride, const float *from, size_t from_stride,
                                  size_t tiles) {
    good->products[CLEAVE_PRECISION_F32].winograd_input[WINOGRAD_4X4](to, to_stride, from,
                                                                      from_stride, tiles);
    ((float *)to)[7 * to_stride] += 0.01F;
}

static void wrong_winograd4_weights(float *to, size_t to_stride, const float *taps) {
    good->winograd[WINOGRAD_4X4].weights(to, to_stride, taps);
    to[7 * to_stride + 3] += 0.01F;
}

static void wrong_winograd4_output(const WinogradOutput *o) {
    good->winograd[WINOGRAD_4X4].output(o);
    o->to[(o->rows - 1) * o->to_stride] += 0.01F;
}

static void wrong_winograd6_input(void *to, size_t to_stride, const float *from, size_t from_stride,
                                  size_t tiles) {
    good->products[CLEAVE_PRECISION_F32].winograd_input[WINOGRAD_6X6](to, to_stride, from,
                                                                      from_stride, tiles);
    ((float *)to)[9 * to_stride] += 0.01F;
}

static void wrong_winograd6_weights(float *to, size_t to_stride, const float *taps) {
    good->winograd[WINOGRAD_6X6].weights(to, to_stride, taps);
    to[9 * to_stride + 3] += 0.01F;
}

static void wrong_winograd6_output(const WinogradOutput *o) {
    good->winograd[WINOGRAD_6X6].output(o);
    o->to[(o->rows - 1) * o->to_stride] += 0.01F;
}

static void wrong_transpose_rows(const TransposeArguments *a) {
    good->transpose_rows(a);
    a->to[CHANNEL_BLOCK - 1][(a->count - 1) * a->to_step + CHANNEL_BLOCK - 1] += 1e-6F;
}

/* Of a radix that only one of the cases has. */
static void wrong_fourier_pass(const FourierPass *p) {
    good->fourier_pass(p);
    if (p->radix == 3)
        p->data[(p->blocks * p->radix * p->apart - 1) * FOURIER_POSITION] += 1e-4F;
}

static void wrong_fourier_split(const FourierSplit *s) {
    good->fourier_split(s);
    s->to[(s->half / 2 + 1) * FOURIER_POSITION - 1] += 1e-4F;
}

static void wrong_fourier_cut(const FourierCut *c) {
    good->fourier_cut(c);
    c->to[c->places[c->samples - 1]] *= 1.0001F;
}

static void wrong_fourier_add(const FourierAdd *a) {
    good->fourier_add(a);
    a->to[(a->frames - 1) * a->hop + a->samples] += 1e-3F;
}

/* A wrong kernel makes its own test fail, and no other. */
static void each_wrong_kernel_is_found(void **state) {
    (void)state;
    Kernels wrong = *good;
    wrong.products[CLEAVE_PRECISION_F32].gemm = wrong_gemm_f32;
    expect_failures(&wrong, "gemm f32,");
    wrong.products[CLEAVE_PRECISION_F32].gemm = short_gemm_f32;
    expect_failures(&wrong, "gemm f32,");
    wrong = *good;
    wrong.products[CLEAVE_PRECISION_F16].gemm = wrong_gemm_f16;
    expect_failures(&wrong, "gemm f16,");
    wrong = *good;
    wrong.products[CLEAVE_PRECISION_BF16].gemm = wrong_gemm_bf16;
    expect_failures(&wrong, "gemm bf16,");
    wrong = *good;
    wrong.products[CLEAVE_PRECISION_BF16].narrow = wrong_narrow_bf16;
    expect_failures(&wrong, "narrow bf16,");
    wrong = *good;
    wrong.narrow_f16 = wrong_narrow_f16;
    expect_failures(&wrong, "narrow f16 weights,");
    wrong = *good;
    wrong.widen_f16 = wrong_widen_f16;
    expect_failures(&wrong, "widen f16 weights,");
    wrong = *good;
    wrong.load[ACT_GELU] = wrong_load;
    expect_failures(&wrong, "load gelu,");
    wrong = *good;
    wrong.load[ACT_RELU] = good->load[ACT_ELU];
    expect_failures(&wrong, "load relu,");
    wrong = *good;
    wrong.add = wrong_binary;
    expect_failures(&wrong, "add,");
    wrong = *good;
    wrong.multiply = good->add;
    expect_failures(&wrong, "multiply,");
    wrong = *good;
    wrong.statistics = wrong_statistics;
    expect_failures(&wrong, "statistics,");
    wrong = *good;
    wrong.products[CLEAVE_PRECISION_F32].winograd_input[WINOGRAD_4X4] = wrong_winograd4_input;
    expect_failures(&wrong, "winograd input,");
    wrong = *good;
    wrong.winograd[WINOGRAD_4X4].weights = wrong_winograd4_weights;
    expect_failures(&wrong, "winograd weights,");
    wrong = *good;
    wrong.winograd[WINOGRAD_4X4].output = wrong_winograd4_output;
    expect_failures(&wrong, "winograd output,");
    wrong = *good;
    wrong.products[CLEAVE_PRECISION_F32].winograd_input[WINOGRAD_6X6] = wrong_winograd6_input;
    expect_failures(&wrong, "winograd6 input,");
    wrong = *good;
    wrong.winograd[WINOGRAD_6X6].weights = wrong_winograd6_weights;
    expect_failures(&wrong, "winograd6 weights,");
    wrong = *good;
    wrong.winograd[WINOGRAD_6X6].output = wrong_winograd6_output;
    expect_failures(&wrong, "winograd6 output,");
    wrong = *good;
    wrong.transpose_rows = wrong_transpose_rows;
    expect_failures(&wrong, "transpose rows,");
    wrong = *good;
    wrong.fourier_pass = wrong_fourier_pass;
    expect_failures(&wrong, "fourier pass,");
    wrong = *good;
    wrong.fourier_split = wrong_fourier_split;
    expect_failures(&wrong, "fourier split,");
    wrong = *good;
    wrong.fourier_cut = wrong_fourier_cut;
    expect_failures(&wrong, "fourier cut,");
    wrong = *good;
    wrong.fourier_add = wrong_fourier_add;
    expect_failures(&wrong, "fourier add,");
}

/* ---- What is said ------------------------------------------------------------------------ */

static bool is_feature(const char *name, size_t length) {
    ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1];
    processor_features(features);
    for (const ProcessorFeature *f = features; f->name; f++)
        if (strlen(f->name) == length && memcmp(f->name, name, length) == 0)
            return true;
    return false;
}

/* A table whose needs are misspelt would never run, and no test would say so. */
static void tables_need_features_that_processors_are_asked_for(void **state) {
    (void)state;
    assert_string_equal(kernels_known[0]->needs, "");
    for (const Kernels *const *table = kernels_known + 1; *table; table++) {
        const char *needs = (*table)->needs;
        assert_true(needs[0] != '\0');
        while (*needs != '\0') {
            size_t length = strcspn(needs, " ");
            assert_true(is_feature(needs, length));
            needs += length;
            needs += *needs == ' ';
        }
    }
}

static void r14_tables_lack_features_exactly_where_they_cannot_run(void **state) {
    (void)state;
    for (const Kernels *const *table = kernels_known; *table; table++) {
        char lacking[256];
        bool runs = false;
        for (const Kernels *const *able = kernels_available(); *able; able++)
            runs = runs || *able == *table;
        processor_lacks((*table)->needs, lacking, sizeof(lacking));
        assert_int_equal(runs, lacking[0] == '\0');
    }
}

#if defined(__x86_64__)
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

/* By the compiler's own detection. */
static void tables_run_where_the_compiler_finds_their_instructions(void **state) {
    (void)state;
#if defined(__x86_64__)
    static const struct {
        const Kernels *table;
        bool (*present)(void);
    } tables[] = {{&kernels_avx2, has_avx2}, {&kernels_avx512, has_avx512}};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        bool runs = false;
        for (const Kernels *const *able = kernels_available(); *able; able++)
            runs = runs || *able == tables[i].table;
        assert_int_equal(runs, tables[i].present());
    }
#endif
}

static void features_that_no_processor_has_are_lacking(void **state) {
    (void)state;
    char lacking[64];
    processor_lacks("warp9 warp10", lacking, sizeof(lacking));
    assert_string_equal(lacking, "warp9 warp10");
    processor_lacks("warp9 warp10", lacking, 8);
    assert_string_equal(lacking, "warp9 w");
    processor_lacks("", lacking, sizeof(lacking));
    assert_string_equal(lacking, "");
}

static void each_topic_has_findings_that_fit(void **state) {
    (void)state;
    static cleave_finding findings[256];
    for (int topic = 0; topic < CLEAVE_TOPICS; topic++) {
        int count = cleave_finding_list((cleave_topic)topic, findings, 256);
        assert_true(count > 0 && count < 256);
        assert_int_equal(cleave_finding_list((cleave_topic)topic, NULL, 0), count);
        for (int i = 0; i < count; i++) {
            assert_true(findings[i].name[0] != '\0' && findings[i].text[0] != '\0');
            assert_int_not_equal(findings[i].state, CLEAVE_FINDING_FAILED);
        }
        assert_string_not_equal(cleave_topic_name((cleave_topic)topic), "unknown");
    }
    assert_int_equal(cleave_finding_list((cleave_topic)77, findings, 256), 0);
    assert_int_equal(cleave_finding_list((cleave_topic)-1, findings, 256), 0);
    assert_string_equal(cleave_topic_name((cleave_topic)77), "unknown");
}

static void what_does_not_fit_is_counted_and_not_written(void **state) {
    (void)state;
    cleave_finding findings[3];
    memset(findings, 0x55, sizeof(findings));
    cleave_finding untouched = findings[2];
    assert_true(cleave_finding_list(CLEAVE_TOPIC_LIBRARIES, findings, 2) > 2);
    assert_memory_equal(&findings[2], &untouched, sizeof(untouched));
}

static void the_sample_network_opens_and_separates(void **state) {
    (void)state;
    enum { SAMPLES = 20000 };
    static float mix[SAMPLES];
    static float stems[2 * 2 * SAMPLES];
    const float *planes[] = {mix};
    cleave_model *model = NULL;
    cleave_separator *separator = NULL;
    cleave_error error;
    float largest = 0;
    cleave_model_info info;
    assert_int_equal(cleave_model_open_sample(&model, NULL, &error), CLEAVE_OK);
    cleave_model_get_info(model, &info);
    assert_int_equal(info.channels, SAMPLE_CHANNELS);
    assert_int_equal(info.stem_count, SAMPLE_STEMS);
    assert_int_equal(info.sample_rate, SAMPLE_RATE);
    assert_int_equal(cleave_separator_open(&separator, model, NULL, &error), CLEAVE_OK);
    for (int i = 0; i < SAMPLES; i++)
        mix[i] = 0.5F * sinf(0.05F * (float)i);
    assert_int_equal(
        cleave_separator_separate_memory(separator, planes, 1, SAMPLES, stems, NULL, NULL, &error),
        CLEAVE_OK);
    for (int i = 0; i < 4 * SAMPLES; i++)
        largest = fmaxf(largest, fabsf(stems[i]));
    assert_true(largest > 0.01F && largest < 100.0F);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static void the_sample_network_says_why_it_does_not_open(void **state) {
    (void)state;
    cleave_model *model = (cleave_model *)(void *)&state;
    cleave_error error;
    assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
    assert_int_equal(cleave_model_open_sample(&model, NULL, &error), CLEAVE_ERROR_OUTPUT);
    assert_null(model);
    assert_non_null(strstr(error.text, "/nowhere/at/all"));
    assert_non_null(strstr(error.text, "TMPDIR"));
    assert_int_equal(cleave_model_open_sample(&model, NULL, NULL), CLEAVE_ERROR_OUTPUT);
    assert_int_equal(cleave_model_open_sample(NULL, NULL, &error), CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_of_this_processor_passes),
        cmocka_unit_test(each_wrong_kernel_is_found),
        cmocka_unit_test(tables_need_features_that_processors_are_asked_for),
        cmocka_unit_test(tables_run_where_the_compiler_finds_their_instructions),
        cmocka_unit_test(r14_tables_lack_features_exactly_where_they_cannot_run),
        cmocka_unit_test(features_that_no_processor_has_are_lacking),
        cmocka_unit_test(each_topic_has_findings_that_fit),
        cmocka_unit_test(what_does_not_fit_is_counted_and_not_written),
        cmocka_unit_test(the_sample_network_opens_and_separates),
        cmocka_unit_test(the_sample_network_says_why_it_does_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
