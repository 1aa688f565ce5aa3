/* test_pieces.c: networks cut into pieces: each within the limit of work, cut where little is
 * alive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/mps/pieces.h"
#include "backend/mps/sizes.h"
#include "model/config.h"
#include "model/network.h"

/* The public size. */
static const char full_size[] = "audio:\n  chunk_size: 261120\n  dim_f: 4096\n  dim_t: 256\n"
                                "  hop_length: 1024\n  n_fft: 8192\n  num_channels: 2\n"
                                "  sample_rate: 44100\n"
                                "model:\n  act: gelu\n  bottleneck_factor: 4\n  growth: 128\n"
                                "  norm: InstanceNorm\n  num_blocks_per_scale: 2\n"
                                "  num_channels: 128\n  num_scales: 5\n  num_subbands: 4\n"
                                "  scale: [2, 2]\n"
                                "training:\n  instruments: [vocals, other]\n"
                                "inference:\n  num_overlap: 4\n";

static Graph build(void) {
    Config config;
    Graph graph;
    cleave_error error;
    assert_int_equal(
        config_parse(&config, full_size, sizeof(full_size) - 1, "full size", NULL, &error),
        CLEAVE_OK);
    const NetworkUse use = {.samples = config.chunk_size};
    assert_int_equal(network_graph(&graph, &config, &use, &error), CLEAVE_OK);
    config_free(&config);
    return graph;
}

static Pieces cut(const Graph *graph, int batch, double limit) {
    Pieces pieces;
    assert_true(pieces_cut(&pieces, graph, batch, limit));
    assert_true(pieces.count > 0);
    assert_int_equal(pieces.ends[pieces.count - 1], graph->count - 1);
    return pieces;
}

static void what_fits_is_one_piece(void **state) {
    (void)state;
    Graph graph = build();
    double flops = graph_flops(&graph);
    assert_true(flops > 2e12 && flops < 3e12);
    Pieces pieces = cut(&graph, 1, flops * 1.001);
    assert_int_equal(pieces.count, 1);
    assert_int_equal(pieces_bytes(&pieces, &graph, 4), 0);
    pieces_free(&pieces);
    graph_free(&graph);
}

/* No piece has too much work, and few have little. */
static void no_piece_is_too_much(void **state) {
    (void)state;
    Graph graph = build();
    double flops = graph_flops(&graph);
    for (int batch = 1; batch <= 4; batch *= 2)
        for (int share = 1; share <= 20; share++) {
            double limit = flops / share;
            Pieces pieces = cut(&graph, batch, limit);
            double sum = 0;
            for (int i = 0; i < pieces.count; i++) {
                double own = pieces_flops(&pieces, &graph, i, batch);
                bool single = pieces_begin(&pieces, i) == pieces.ends[i];
                assert_true(own <= limit || single);
                sum += own;
            }
            assert_true(sum > batch * flops * 0.999999 && sum < batch * flops * 1.000001);
            assert_true(pieces.count <= 2 * batch * flops / limit + 1);
            pieces_free(&pieces);
        }
    graph_free(&graph);
}

/* Behind a downscaling, or in front of a scaling: where one value goes on. */
static void cuts_are_at_borders_of_scales(void **state) {
    (void)state;
    Graph graph = build();
    Pieces pieces = cut(&graph, 1, graph_flops(&graph) / 2);
    assert_true(pieces.count >= 2);
    for (int i = 0; i + 1 < pieces.count; i++) {
        const Node *end = &graph.nodes[pieces.ends[i]];
        const Node *next = &graph.nodes[pieces.ends[i] + 1];
        bool behind_down = end->op == OP_CONV && end->as.conv.stride[0] > 1;
        assert_true(behind_down || strstr(next->name, "scale.conv") != NULL);
    }
    pieces_free(&pieces);
    graph_free(&graph);
}

/* What a piece reads, it computes itself or an earlier piece left it. */
static void what_is_read_was_left(void **state) {
    (void)state;
    Graph graph = build();
    int *last = calloc((size_t)graph.count, sizeof(*last));
    assert_non_null(last);
    find_last_uses(&graph, last);
    Pieces pieces = cut(&graph, 2, graph_flops(&graph) / 7);
    int reads = 0;
    for (int i = 0; i < pieces.count; i++)
        for (int node = 1; node < graph.count; node++) {
            if (!pieces_reads(&pieces, &graph, i, node))
                continue;
            bool left = false;
            for (int before = 0; before < i; before++)
                left = left || pieces_leaves(&pieces, last, before, node);
            assert_true(left);
            reads++;
        }
    assert_true(reads > pieces.count);
    assert_int_equal(pieces_bytes(&pieces, &graph, 4), 2 * pieces_bytes(&pieces, &graph, 2));
    free(last);
    pieces_free(&pieces);
    graph_free(&graph);
}

static void a_node_is_the_smallest_piece(void **state) {
    (void)state;
    Graph graph = build();
    Pieces pieces = cut(&graph, 1, 1);
    assert_true(pieces.count > graph.count / 2 && pieces.count <= graph.count);
    pieces_free(&pieces);
    graph_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_one_piece),        cmocka_unit_test(no_piece_is_too_much),
        cmocka_unit_test(cuts_are_at_borders_of_scales), cmocka_unit_test(what_is_read_was_left),
        cmocka_unit_test(a_node_is_the_smallest_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
