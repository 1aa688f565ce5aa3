/* test_sizes.c: that arrays over which MPS would end the process are seen before they are made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/mps/sizes.h"
#include "graph/tokens.h"

/* The first convolution of the full public size on a chunk of 256 frames: (128, 256, 1024). */
static Graph full_size(void) {
    Graph graph = {0};
    StftAttributes stft = {.n_fft = 8192, .hop = 1024, .bins = 4096, .subbands = 4};
    ConvAttributes point = {.kernel = {1, 1}, .stride = {1, 1}};
    int x = graph_input(&graph, 2, 261120);
    x = graph_stft(&graph, x, stft, "stft");
    x = graph_conv(&graph, x, 128, point, "first_conv");
    assert_true(graph_concat(&graph, x, x, "concat") >= 0);
    return graph;
}

static void r13_the_largest_array_counts(void **state) {
    (void)state;
    Graph graph = full_size();
    /* frames: 2 channels, 256 of 8192 samples; their spectra, complex, 4097 bins */
    assert_int_equal(node_largest_array(&graph, 1, 1), 2 * 2 * 256 * 4097);
    assert_int_equal(node_largest_array(&graph, 2, 1), 128 * 256 * 1024);
    assert_int_equal(node_largest_array(&graph, 3, 5), (int64_t)5 * 256 * 256 * 1024);
    graph_free(&graph);
}

static void b1_batches_that_mps_would_die_of_do_not_fit(void **state) {
    (void)state;
    Graph graph = full_size();
    int node = -1;
    /* 2^26 elements, 2^28 bytes a chunk in the concatenation */
    assert_true(sizes_fit(&graph, 16, &node));
    assert_false(sizes_fit(&graph, 17, &node));
    assert_int_equal(node, 3);
    graph_free(&graph);
}

static void inverse_transforms_count_what_they_gather(void **state) {
    (void)state;
    Graph graph = {0};
    StftAttributes stft = {.n_fft = 4096, .hop = 16, .bins = 2048, .subbands = 1};
    int x = graph_input(&graph, 1, 16 * 999);
    x = graph_stft(&graph, x, stft, "stft");
    x = graph_istft(&graph, x, stft, 16 * 999, "istft");
    /* each sample is covered by 256 frames */
    assert_int_equal(node_largest_array(&graph, x, 1), (int64_t)1000 * 2 * 2049);
    assert_int_equal(node_largest_array(&graph, x, 3), (int64_t)3 * 1000 * 2 * 2049);
    assert_true(live_bytes(&graph, 2) > live_bytes(&graph, 1));
    graph_free(&graph);
}

static bool conv_fits(int width, int kernel) {
    Graph graph = {0};
    ConvAttributes attributes = {.kernel = {kernel, 1}, .stride = {1, 1}, .pad = {kernel / 2, 0}};
    int node = -1;
    int x = graph_input(&graph, 2, width);
    x = graph_conv(&graph, x, 2, attributes, "conv");
    bool fits = products_fit(&graph, &node);
    assert_int_equal(node, fits ? graph.count : x);
    graph_free(&graph);
    return fits;
}

static bool linear_fits(int width) {
    Graph graph = {0};
    int node = -1;
    int x = graph_input(&graph, 2, width);
    assert_true(graph_linear(&graph, x, 3, "linear") >= 0);
    bool fits = products_fit(&graph, &node);
    graph_free(&graph);
    return fits;
}

static void r13_products_that_mps_gets_wrong_do_not_fit(void **state) {
    (void)state;
    assert_true(conv_fits(65536, 255));
    assert_false(conv_fits(65537, 1));
    assert_false(conv_fits(100, 257));
    assert_true(linear_fits(32766));
    assert_false(linear_fits(32767));
}

/* A small Roformer's ops: 3 bands that overlap, 1000 frames, 4 stems. */
static Graph roformer(int dim_head) {
    static const Band bands[] = {{0, 100}, {50, 200}, {200, 57}};
    Graph graph = {0};
    StftAttributes stft = {.n_fft = 512, .hop = 128, .bins = 257, .subbands = 1, .tokens = true};
    AttentionAttributes attention = {SEQUENCE_FRAMES, 8, dim_head};
    FeedForwardAttributes feed_forward = {256};
    MaskAttributes mask = {.stems = 4, .hidden_layers = 1, .hidden_width = 256};
    assert_true(graph_set_bands(&graph, bands, 3));
    int x = graph_input(&graph, 2, 128 * 999);
    int spectrogram = graph_stft(&graph, x, stft, "stft");
    x = graph_band_split(&graph, spectrogram, 64, "split");
    x = graph_attention(&graph, x, attention, "attention");
    x = graph_feed_forward(&graph, x, feed_forward, "feed_forward");
    x = graph_mask(&graph, x, spectrogram, mask, "mask");
    assert_true(graph_istft(&graph, x, stft, 128 * 999, "istft") >= 0);
    return graph;
}

static void arrays_of_tokens_count(void **state) {
    (void)state;
    Graph graph = roformer(16);
    int node = -1;
    /* frames, or spectra: 2 · (256 + 1) bins are more than 512 samples */
    assert_int_equal(node_largest_array(&graph, 1, 1), 2 * 1000 * 2 * 257);
    assert_int_equal(node_largest_array(&graph, 2, 5), 5 * 3 * 1000 * 64);
    assert_int_equal(node_largest_array(&graph, 3, 1), 16 * 1000 * 1000); /* scores in a tile */
    assert_int_equal(node_largest_array(&graph, 3, 100), (int64_t)100 * 3 * 1000 * 3 * 8 * 16);
    assert_int_equal(node_largest_array(&graph, 4, 2), 2 * 3 * 1000 * 256);
    assert_int_equal(node_largest_array(&graph, 5, 1), 4 * 1000 * 2 * 2 * 257);
    assert_true(sizes_fit(&graph, 100, &node));
    assert_false(sizes_fit(&graph, 1000, &node));
    assert_true(products_fit(&graph, &node));
    graph_free(&graph);
    graph = roformer(4096); /* its results are multiplied by OUT: 32768 in a sum */
    assert_false(products_fit(&graph, &node));
    assert_int_equal(node, 3);
    graph_free(&graph);
}

static void attention_is_computed_in_tiles(void **state) {
    (void)state;
    for (int64_t length = 1; length < 300; length += 7)
        for (int64_t limit = 1; limit < 100000; limit = limit * 3 + 1) {
            AttentionTile tile = attention_tile(length, limit);
            assert_true(tile.heads >= 1 && tile.queries >= 1 && tile.queries <= length);
            assert_true(tile.heads == 1 || tile.queries == length);
            assert_true(tile.heads * tile.queries * length <= limit || length > limit);
            assert_true(tile.queries < length || (tile.heads + 1) * length * length > limit);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r13_the_largest_array_counts),
        cmocka_unit_test(b1_batches_that_mps_would_die_of_do_not_fit),
        cmocka_unit_test(r13_products_that_mps_gets_wrong_do_not_fit),
        cmocka_unit_test(inverse_transforms_count_what_they_gather),
        cmocka_unit_test(arrays_of_tokens_count),
        cmocka_unit_test(attention_is_computed_in_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
