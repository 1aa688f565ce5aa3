/* test_hamming.c: blend hamming through a separator: how long its chunks are, how many cover a
 * moment, and that a whole signal is the blend of its chunks. */
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

#include "cleave.h"
#include "tests/support/files.h"
#include "tests/support/separator.h"

#define CHANNELS 2
#define STEMS    2
#define PLANES   (CHANNELS * STEMS)

static cleave_separator_settings hamming(int overlap) {
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.device = "cpu";
    settings.threads = 2;
    settings.blend = CLEAVE_BLEND_HAMMING;
    settings.overlap = overlap;
    return settings;
}

static cleave_separator_info info_of(const cleave_model *model, int overlap) {
    cleave_separator_settings settings = hamming(overlap);
    cleave_separator *separator = must_open_separator(model, &settings);
    cleave_separator_info info;
    cleave_separator_get_info(separator, &info);
    cleave_separator_close(separator);
    return info;
}

/* Opens the network of golden/mean-blend with one line of its configuration in other words. */
static cleave_model *open_with(const char *line, const char *instead) {
    size_t size = 0;
    unsigned char *bytes = read_bytes(test_data("golden/mean-blend/model.yaml").text, &size);
    char *text = calloc(size + 1, 1);
    char *changed = calloc(size + strlen(instead) + 1, 1);
    assert_true(bytes && text && changed);
    memcpy(text, bytes, size);
    const char *at = strstr(text, line);
    assert_non_null(at);
    snprintf(changed, size + strlen(instead) + 1, "%.*s%s%s", (int)(at - text), text, instead,
             at + strlen(line));
    put_file("/changed.yaml", changed);
    free(bytes);
    free(text);
    free(changed);
    cleave_model_settings settings;
    cleave_model *model = NULL;
    cleave_error error;
    cleave_model_settings_default(&settings);
    settings.config_path = in_folder("/changed.yaml");
    must(cleave_model_open(&model, test_data("golden/mean-blend/model.ckpt").text, &settings,
                           &error),
         &error);
    return model;
}

static void a_chunk_is_what_the_frames_of_inference_cover(void **state) {
    (void)state;
    cleave_model *model = open_with("  dim_t: 32\n  num", "  dim_t: 16\n  num");
    cleave_separator_info info = info_of(model, 0);
    assert_string_equal(info.blend, "hamming");
    assert_int_equal(info.chunk_size, 128 * 15);
    assert_int_equal(info.overlap, 4);
    cleave_model_close(model);
}

static void eight_chunks_cover_a_moment_unless_configured(void **state) {
    (void)state;
    cleave_model *model = open_with("  num_overlap: 4\n", "");
    assert_int_equal(info_of(model, 0).overlap, 8);
    assert_int_equal(info_of(model, 3).overlap, 3);
    cleave_separator_settings settings = hamming(0);
    settings.blend = CLEAVE_BLEND_FADE;
    cleave_separator *separator = must_open_separator(model, &settings);
    cleave_separator_info info;
    cleave_separator_get_info(separator, &info);
    assert_int_equal(info.overlap, 2);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static void an_unknown_blend_is_refused(void **state) {
    (void)state;
    cleave_model *model = must_open_model("golden/mean-blend/model.ckpt");
    cleave_separator_settings settings = hamming(0);
    cleave_separator *separator = NULL;
    cleave_error error;
    settings.blend = (cleave_blend)(CLEAVE_BLEND_HAMMING + 1);
    assert_int_equal(cleave_separator_open(&separator, model, &settings, &error),
                     CLEAVE_ERROR_ARGUMENT);
    settings.blend = (cleave_blend)-1;
    assert_int_equal(cleave_separator_open(&separator, model, &settings, &error),
                     CLEAVE_ERROR_ARGUMENT);
    cleave_model_close(model);
}

static void separate(cleave_separator *separator, const float *const *mix, int64_t samples,
                     float *stems) {
    cleave_error error;
    must(cleave_separator_separate_memory(separator, mix, CHANNELS, samples, stems, NULL, NULL,
                                          &error),
         &error);
}

/* A signal of one chunk is what the network makes of it: its window cancels. */
static void add_chunk(cleave_separator *separator, const float *mix, int64_t samples, int64_t start,
                      int64_t chunk, double *sums, double *weights) {
    const float *planes[CHANNELS] = {mix + start, mix + samples + start};
    float *stems = calloc((size_t)(PLANES * chunk), sizeof(*stems));
    assert_non_null(stems);
    separate(separator, planes, chunk, stems);
    for (int64_t i = 0; i < chunk; i++) {
        double window = 0.54 - 0.46 * cos(2 * acos(-1) * (double)i / (double)(chunk - 1));
        weights[start + i] += window;
        for (int plane = 0; plane < PLANES; plane++)
            sums[plane * samples + start + i] += window * stems[plane * chunk + i];
    }
    free(stems);
}

static void expect_blend_of_chunks(const char *name) {
    cleave_model *model = must_open_model(name);
    cleave_separator_settings settings = hamming(3);
    cleave_separator *separator = must_open_separator(model, &settings);
    cleave_separator_info info;
    cleave_separator_get_info(separator, &info);
    const int64_t chunk = info.chunk_size;
    const int64_t samples = 3 * chunk + 1234;
    const int64_t last = samples - chunk;
    float *mix = calloc((size_t)(CHANNELS * samples), sizeof(*mix));
    float *stems = calloc((size_t)(PLANES * samples), sizeof(*stems));
    double *sums = calloc((size_t)(PLANES * samples), sizeof(*sums));
    double *weights = calloc((size_t)samples, sizeof(*weights));
    assert_true(mix && stems && sums && weights);
    make_noise(mix, (size_t)(CHANNELS * samples));
    const float *planes[CHANNELS] = {mix, mix + samples};
    separate(separator, planes, samples, stems);
    for (int64_t start = 0; start < last; start += chunk / 3)
        add_chunk(separator, mix, samples, start, chunk, sums, weights);
    add_chunk(separator, mix, samples, last, chunk, sums, weights);
    double noise = 0;
    double signal = 0;
    for (int64_t i = 0; i < PLANES * samples; i++) {
        double wanted = sums[i] / weights[i % samples];
        signal += wanted * wanted;
        noise += (stems[i] - wanted) * (stems[i] - wanted);
    }
    assert_true(signal > 0);
    assert_true(noise < signal * 1e-12); /* rounding alone */
    free(mix);
    free(stems);
    free(sums);
    free(weights);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static void a_signal_is_the_blend_of_its_chunks(void **state) {
    (void)state;
    expect_blend_of_chunks("golden/mean-blend/model.ckpt");
    expect_blend_of_chunks("golden/bs-mean-2stem/model.ckpt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_chunk_is_what_the_frames_of_inference_cover,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(eight_chunks_cover_a_moment_unless_configured,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test(an_unknown_blend_is_refused),
        cmocka_unit_test(a_signal_is_the_blend_of_its_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
