/* test_tables.c: tables of the ops of tokens against their definitions, in float64. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/mps/tables.h"
#include "dsp/stft.h"
#include "graph/rope.h"
#include "graph/tokens.h"

static const double pi = 3.14159265358979323846;

static void *filled(const Graph *graph, int node, int table, Table *description) {
    cleave_error error;
    *description = table_describe(graph, node, table);
    void *values = malloc((size_t)table_elements(description) * sizeof(float));
    assert_non_null(values);
    assert_int_equal(table_fill(graph, node, table, values, &error), CLEAVE_OK);
    return values;
}

/* Whole numbers up to 2048. */
static double number_of_half(uint16_t half) {
    int exponent = half >> 10 & 31;
    double value = exponent ? ldexp(1 + (half & 1023) / 1024.0, exponent - 15) : 0;
    return half & 0x8000 ? -value : value;
}

static int transform(Graph *graph, int n_fft) {
    StftAttributes stft = {n_fft, n_fft / 4, n_fft / 2 + 1, 1, true};
    int x = graph_input(graph, 1, 2 * n_fft);
    return graph_stft(graph, x, stft, "stft");
}

/* A sum of products of limbs is a whole number that f32 holds. */
static void sums_of_limbs_are_exact(void **state) {
    (void)state;
    for (int n_fft = 4; n_fft <= 65536; n_fft += 2) {
        Limbs limbs = limbs_of(n_fft);
        double most = ldexp(1, limbs.bits); /* mirror images add up to twice that */
        assert_true(n_fft * most * most <= ldexp(1, 24));
        assert_true(limbs.bits + (limbs.count - 1) * (limbs.bits + 1) >= 47);
    }
}

static void limbs_are_the_transform(void **state) {
    (void)state;
    for (int n_fft = 4; n_fft <= 400; n_fft = n_fft * 3 + 2) {
        Graph graph = {0};
        Table table;
        int node = transform(&graph, n_fft);
        Limbs limbs = limbs_of(n_fft);
        for (int part = 0; part < 2; part++) {
            uint16_t *values = filled(&graph, node, part ? TABLE_SINES : TABLE_COSINES, &table);
            int64_t each = table.dims[1] * table.dims[2];
            assert_int_equal(table.dims[0], limbs.count);
            for (int64_t i = 0; i < each; i++) {
                int64_t sample = i / table.dims[2] + 1;
                double angle = 2 * pi * (double)(sample * (i % table.dims[2]) % n_fft) / n_fft;
                double expected = hann_window((int)sample, n_fft) *
                                  (part ? -sin(angle) : cos(angle)) / (2 * sample == n_fft ? 2 : 1);
                double sum = 0;
                for (int limb = 0; limb < limbs.count; limb++) {
                    double whole = number_of_half(values[limb * each + i]);
                    assert_true(fabs(whole) <= ldexp(1, limbs.bits) && whole == rint(whole));
                    sum += ldexp(whole, -limbs.bits - limb * (limbs.bits + 1));
                }
                assert_true(fabs(sum - expected) < ldexp(1, -46));
            }
            free(values);
        }
        graph_free(&graph);
    }
}

static void frames_come_with_their_mirror_images(void **state) {
    (void)state;
    Graph graph = {0};
    Table table;
    int node = transform(&graph, 16);
    int32_t *places = filled(&graph, node, TABLE_FRAMES, &table);
    for (int frame = 0; frame < table.dims[0]; frame++)
        for (int i = 1; i <= 8; i++) {
            assert_int_equal(places[frame * 16 + i - 1], stft_reflect(frame * 4 - 8 + i, 32));
            assert_int_equal(places[frame * 16 + 8 + i - 1], stft_reflect(frame * 4 + 8 - i, 32));
        }
    free(places);
    graph_free(&graph);
}

/* The levels that a frame reaches bring it into [1/2, 1). */
static void scales_fit_levels(void **state) {
    (void)state;
    Graph graph = {0};
    Table table;
    int node = transform(&graph, 16);
    float *levels = filled(&graph, node, TABLE_LEVELS, &table);
    float *scales = filled(&graph, node, TABLE_SCALES, &table);
    float *unscale = filled(&graph, node, TABLE_UNSCALE, &table);
    for (int i = 0; i < SCALE_LEVELS; i++) {
        assert_true(levels[i] * scales[i + 1] == 0.5f);
        assert_true(i == 0 || levels[i] == 2 * levels[i - 1]);
    }
    for (int i = 0; i <= SCALE_LEVELS; i++)
        assert_true(scales[i] * unscale[i] == 1);
    free(levels);
    free(scales);
    free(unscale);
    graph_free(&graph);
}

static void rotations_use_stored_frequencies(void **state) {
    (void)state;
    float frequencies[] = {0.75f, 0.01f};
    Tensor stored = {.data = frequencies, .dim_count = 1, .dims = {2}, .strides = {1}};
    for (int is_stored = 0; is_stored < 2; is_stored++) {
        Graph graph = {0};
        Table table;
        AttentionAttributes attention = {SEQUENCE_BANDS, 3, 4};
        assert_true(graph_set_bands(&graph, (Band[]){{0, 4}, {4, 5}}, 2));
        int node = graph_band_split(&graph, transform(&graph, 16), 8, "split");
        node = graph_attention(&graph, node, attention, "attention");
        if (is_stored)
            graph_set_weight(&graph, node, ATTENTION_FREQUENCIES, &stored);
        float *cosines = filled(&graph, node, TABLE_ROPE_COSINES, &table);
        float *sines = filled(&graph, node, TABLE_ROPE_SINES, &table);
        assert_int_equal(table.dims[0], 2);
        assert_int_equal(table.dims[1], 2);
        for (int i = 0; i < 4; i++) {
            float frequency = is_stored ? frequencies[i % 2] : rope_frequency(i % 2, 4);
            int position = i / 2;
            double angle = position * (double)frequency;
            assert_true(fabs((double)cosines[i] - cos(angle) / sqrt(2)) < 1e-7);
            assert_true(fabs((double)sines[i] - sin(angle) / sqrt(2)) < 1e-7);
        }
        free(cosines);
        free(sines);
        graph_free(&graph);
    }
}

/* Bands 0 … 4 and 3 … 8 of 9 bins with 2 numbers each: bins 3 and 4 are in both. */
static void masks_of_overlapping_bands_are_averaged(void **state) {
    (void)state;
    Graph graph = {0};
    Table table;
    MaskAttributes attributes = {.stems = 1};
    assert_true(graph_set_bands(&graph, (Band[]){{0, 5}, {3, 6}}, 2));
    int spectrogram = transform(&graph, 16);
    int split = graph_band_split(&graph, spectrogram, 8, "split");
    int node = graph_mask(&graph, split, spectrogram, attributes, "mask");
    assert_int_equal(table_count(&graph, node), 2);
    int32_t *places = filled(&graph, node, TABLE_MASK_PLACES, &table);
    float *factors = filled(&graph, node, TABLE_MASK_FACTORS, &table);
    assert_int_equal(table.dims[0], 2);
    assert_int_equal(table.dims[1], 18);
    for (int i = 0; i < 18; i++) {
        bool shared = i / 2 == 3 || i / 2 == 4;
        assert_int_equal(places[i], i < 10 ? i : 10 + i - 6);
        assert_true(factors[i] == (shared ? 0.5f : 1.0f));
        assert_true(factors[18 + i] == (shared ? 0.5f : 0.0f));
        if (shared)
            assert_int_equal(places[18 + i], 10 + i - 6);
    }
    free(places);
    free(factors);
    graph_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_limbs_are_exact),
        cmocka_unit_test(limbs_are_the_transform),
        cmocka_unit_test(frames_come_with_their_mirror_images),
        cmocka_unit_test(scales_fit_levels),
        cmocka_unit_test(rotations_use_stored_frequencies),
        cmocka_unit_test(masks_of_overlapping_bands_are_averaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
