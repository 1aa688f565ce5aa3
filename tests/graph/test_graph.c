/* test_graph.c: shapes and work of a graph, what fusion makes of it, and where its buffers lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "graph/arena.h"
#include "graph/ops.h"
#include "graph/program.h"
#include "graph/rematerialise.h"
#include "model/mdx23c.h"
#include "model/network.h"

/* The common public size, of mdx23c.md. */
static const Config full_size = {
    .family = &mdx23c_family,
    .n_fft = 8192,
    .hop_length = 1024,
    .dim_f = 4096,
    .dim_t = 256,
    .chunk_size = 261120,
    .channels = 2,
    .sample_rate = 44100,
    .num_subbands = 4,
    .num_scales = 5,
    .num_blocks_per_scale = 2,
    .num_channels = 128,
    .growth = 128,
    .bottleneck_factor = 4,
    .scale = {2, 2},
    .norm = NORM_INSTANCE,
    .act = ACT_GELU,
    .stem_count = 1,
};

static Graph build(const Config *config) {
    Graph graph;
    cleave_error error;
    const NetworkUse use = {.samples = config->chunk_size};
    if (network_graph(&graph, config, &use, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return graph;
}

static int find(const Graph *graph, const char *name, OpKind op) {
    for (int i = 0; i < graph->count; i++)
        if (graph->nodes[i].op == op && strcmp(graph->nodes[i].name, name) == 0)
            return i;
    fail_msg("no node %s", name);
    return -1;
}

static void expect_shape(const Graph *graph, const char *name, OpKind op, int channels, int height,
                         int width) {
    Shape shape = graph->nodes[find(graph, name, op)].shape;
    assert_int_equal(shape.channels, channels);
    assert_int_equal(shape.height, height);
    assert_int_equal(shape.width, width);
}

static void the_public_size_has_the_documented_shapes(void **state) {
    (void)state;
    Graph graph = build(&full_size);
    expect_shape(&graph, "stft", OP_STFT, 16, 256, 1024);
    expect_shape(&graph, "first_conv", OP_CONV, 128, 256, 1024);
    expect_shape(&graph, "encoder_blocks.4.downscale.conv.2", OP_CONV, 768, 8, 32);
    expect_shape(&graph, "bottleneck_block.blocks.1.tdf.2", OP_LINEAR, 768, 8, 8);
    expect_shape(&graph, "decoder_blocks.0.upscale.conv.2", OP_CONV_TRANSPOSED, 640, 16, 64);
    expect_shape(&graph, "decoder_blocks.0", OP_CONCAT, 1280, 16, 64);
    expect_shape(&graph, "final_conv.2", OP_CONV, 16, 256, 1024);
    expect_shape(&graph, "istft", OP_ISTFT, 2, 1, 261120);
    graph_free(&graph);
}

/* 2434 GFLOP in the convolutions and linears, 84 % of them in the 3×3 ones. */
static void the_public_size_costs_what_is_documented(void **state) {
    (void)state;
    Graph graph = build(&full_size);
    double products = 0;
    double conv_3x3 = 0;
    for (int i = 0; i < graph.count; i++) {
        const Node *node = &graph.nodes[i];
        double flops = graph_node_flops(&graph, i);
        if (node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED || node->op == OP_LINEAR)
            products += flops;
        if (node->op == OP_CONV && node->as.conv.kernel[0] == 3)
            conv_3x3 += flops;
    }
    assert_true(products > 2433e9 && products < 2435e9);
    assert_true(conv_3x3 / products > 0.835 && conv_3x3 / products < 0.845);
    assert_true(graph_flops(&graph) > products && graph_flops(&graph) < 1.01 * products);
    graph_free(&graph);
}

static Program make_program(const Graph *graph, bool fuse) {
    Program program;
    cleave_error error;
    if (program_create(&program, graph, fuse, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return program;
}

/* Whatever a step reads was written before it. */
static void expect_written_before_read(const Graph *graph, const Program *program) {
    bool *written = calloc((size_t)graph->count, sizeof(*written));
    assert_non_null(written);
    for (int i = 0; i < program->count; i++) {
        const Step *step = &program->steps[i];
        for (int k = 0; k < step->source_count; k++) {
            assert_true(written[step->sources[k].node]);
            assert_true(step->sources[k].mul < 0 || written[step->sources[k].mul]);
        }
        assert_true(step->add < 0 || written[step->add]);
        assert_false(written[step->output]);
        written[step->output] = true;
    }
    assert_true(written[graph->count - 1]);
    free(written);
}

static void fusion_leaves_only_products_and_transforms(void **state) {
    (void)state;
    Graph graph = build(&full_size);
    Program program = make_program(&graph, true);
    for (int i = 0; i < program.count; i++) {
        OpKind op = graph.nodes[program.steps[i].node].op;
        assert_true(op == OP_INPUT || op == OP_STFT || op == OP_ISTFT || op == OP_CONV ||
                    op == OP_CONV_TRANSPOSED || op == OP_LINEAR);
    }
    expect_written_before_read(&graph, &program);
    program_free(&program);
    graph_free(&graph);
}

static void without_fusion_every_node_is_a_step(void **state) {
    (void)state;
    Graph graph = build(&full_size);
    Program program = make_program(&graph, false);
    assert_int_equal(program.count, graph.count);
    expect_written_before_read(&graph, &program);
    program_free(&program);
    graph_free(&graph);
}

static int step_of(const Program *program, int node) {
    for (int i = 0; i < program->count; i++)
        if (program->steps[i].node == node)
            return i;
    fail_msg("node %d has no step", node);
    return -1;
}

static void sums_norms_and_products_are_folded_where_they_belong(void **state) {
    (void)state;
    Graph graph = build(&full_size);
    Program program = make_program(&graph, true);
    const char *block = "decoder_blocks.4.tfc_tdf.blocks.0";
    int shortcut = find(&graph, "decoder_blocks.4.tfc_tdf.blocks.0.shortcut", OP_CONV);
    int tfc1 = find(&graph, "decoder_blocks.4.tfc_tdf.blocks.0.tfc1.2", OP_CONV);
    int tfc2 = find(&graph, "decoder_blocks.4.tfc_tdf.blocks.0.tfc2.2", OP_CONV);
    const Step *first = &program.steps[step_of(&program, tfc1)];
    assert_int_equal(first->source_count, 2);
    assert_int_equal(first->act.kind, ACT_GELU);
    assert_int_equal(graph.nodes[first->norm].op, OP_NORM);
    assert_true(program.needs_statistics[first->sources[0].node]);
    assert_true(program.needs_statistics[first->sources[1].node]);
    const Step *second = &program.steps[step_of(&program, tfc2)];
    assert_int_equal(second->add, shortcut);
    assert_int_equal(second->output, find(&graph, block, OP_ADD));
    const Step *last = &program.steps[step_of(&program, find(&graph, "final_conv.0", OP_CONV))];
    assert_int_equal(last->sources[1].mul, find(&graph, "first_conv", OP_CONV));
    assert_int_equal(last->norm, -1);
    program_free(&program);
    graph_free(&graph);
}

/* A value that is read twice behind an activation cannot be folded into a sum. */
static void a_term_with_two_readers_is_stored(void **state) {
    (void)state;
    Graph graph = {0};
    ConvAttributes conv = {.kernel = {1, 1}, .stride = {1, 1}};
    int input = graph_input(&graph, 2, 100);
    int spectrum = graph_stft(&graph, input, (StftAttributes){16, 4, 8, 1, false}, "stft");
    int a = graph_conv(&graph, spectrum, 4, conv, "a");
    int b = graph_conv(&graph, a, 4, conv, "b");
    int sum = graph_add(&graph, a, b, "sum");
    int product = graph_mul(&graph, sum, b, "product");
    graph_conv(&graph, product, 4, conv, "last");
    Program program = make_program(&graph, true);
    expect_written_before_read(&graph, &program);
    const Step *add = &program.steps[step_of(&program, sum)];
    assert_int_equal(add->output, sum);
    assert_int_equal(add->add, b);
    program_free(&program);
    graph_free(&graph);
}

/* ---- Memory plan ---- */

static void expect_no_overlap(const Lifetime *lifetimes, size_t count, size_t total) {
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(lifetimes[i].offset % 64, 0);
        assert_true(lifetimes[i].offset + lifetimes[i].bytes <= total);
        for (size_t k = 0; k < i; k++) {
            const Lifetime *a = &lifetimes[i];
            const Lifetime *b = &lifetimes[k];
            bool together = a->first <= b->last && b->first <= a->last;
            bool apart = a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
            assert_true(!together || apart);
        }
    }
}

static void buffers_in_use_together_never_overlap(void **state) {
    (void)state;
    uint64_t state_of_random = 7;
    for (int trial = 0; trial < 200; trial++) {
        Lifetime lifetimes[40];
        size_t count = 1 + (size_t)(trial % 40);
        size_t sum = 0;
        bool ok = false;
        for (size_t i = 0; i < count; i++) {
            uint32_t seed = (uint32_t)random_next(&state_of_random);
            int first = (int)(seed >> 8) % 30;
            lifetimes[i] = (Lifetime){.bytes = (seed >> 16) % 1000 + 1,
                                      .first = first,
                                      .last = first + (int)(seed >> 24) % 6};
            sum += lifetimes[i].bytes + 63;
        }
        size_t total = arena_place(lifetimes, count, 64, &ok);
        assert_true(ok);
        assert_true(total <= sum);
        expect_no_overlap(lifetimes, count, total);
    }
}

static void a_chain_needs_two_buffers(void **state) {
    (void)state;
    Lifetime lifetimes[10];
    bool ok = false;
    for (int i = 0; i < 10; i++)
        lifetimes[i] = (Lifetime){.bytes = 640, .first = i, .last = i + 1};
    assert_int_equal(arena_place(lifetimes, 10, 64, &ok), 2 * 640);
    assert_true(ok);
}

static void sizes_that_overflow_are_refused(void **state) {
    (void)state;
    Lifetime lifetimes[2] = {{.bytes = SIZE_MAX - 10, .last = 1},
                             {.bytes = SIZE_MAX / 2, .last = 1}};
    bool ok = true;
    arena_place(lifetimes, 2, 64, &ok);
    assert_false(ok);
}

/* ---- The tables of ops and activations ---- */

static void every_op_has_a_row_of_its_own(void **state) {
    (void)state;
    for (int op = 0; op < OP_KINDS; op++) {
        const OpInfo *info = op_info((OpKind)op);
        assert_non_null(info->name);
        assert_non_null(info->infer);
        assert_non_null(info->flops);
        assert_true((info->weights == NULL) == (info->weight_shape == NULL));
        assert_true(info->weights || info->class != OP_CLASS_PRODUCT);
        assert_int_equal(info->input_count == 0, info->class == OP_CLASS_INPUT);
        for (int other = 0; other < op; other++)
            assert_string_not_equal(info->name, op_info((OpKind)other)->name);
    }
}

static void every_activation_has_a_row_of_its_own(void **state) {
    (void)state;
    for (int act = 0; act < ACT_KINDS; act++) {
        const ActInfo *info = act_info((ActKind)act);
        assert_non_null(info->name);
        assert_non_null(info->onnx);
        for (int other = 0; other < act; other++)
            assert_string_not_equal(info->name, act_info((ActKind)other)->name);
    }
}

static void weights_have_the_shapes_of_the_state_dict(void **state) {
    (void)state;
    Graph graph = {0};
    const ConvAttributes conv = {.kernel = {2, 3}, .stride = {2, 3}};
    int64_t dims[4] = {0};
    int x = graph_input(&graph, 5, 60);
    int down = graph_conv(&graph, x, 7, (ConvAttributes){{1, 3}, {1, 3}, {0, 0}}, "down");
    int up = graph_conv_transposed(&graph, down, 4, conv, "up");
    int linear = graph_linear(&graph, up, 6, "linear");
    int batch = graph_norm(&graph, linear, (NormAttributes){.kind = NORM_BATCH}, "batch");
    int group = graph_norm(&graph, batch, (NormAttributes){NORM_GROUP, 2}, "group");
    assert_int_equal(graph_weight_shape(&graph, down, 0, dims), 4);
    assert_true(dims[0] == 7 && dims[1] == 5 && dims[2] == 1 && dims[3] == 3);
    assert_int_equal(graph_weight_shape(&graph, up, 0, dims), 4);
    assert_true(dims[0] == 7 && dims[1] == 4 && dims[2] == 2 && dims[3] == 3);
    assert_int_equal(graph_weight_shape(&graph, linear, 0, dims), 2);
    assert_true(dims[0] == 6 && dims[1] == 60);
    assert_int_equal(graph_weight_shape(&graph, batch, 0, dims), 1);
    assert_int_equal(dims[0], 4);
    assert_int_equal(graph_weight_count(&graph, &graph.nodes[x]), 0);
    assert_int_equal(graph_weight_count(&graph, &graph.nodes[linear]), 1);
    assert_int_equal(graph_weight_count(&graph, &graph.nodes[batch]), 4);
    assert_int_equal(graph_weight_count(&graph, &graph.nodes[group]), 2);
    graph_free(&graph);
}

/* ---- Rematerialisation ---- */

/* One graph is the other but for the repeated node: every node reads what it read before. */
static void the_first_convolution_is_repeated_for_the_product(void **state) {
    (void)state;
    Graph graph = build(&full_size);
    Graph lean;
    cleave_error error;
    assert_int_equal(graph_rematerialise(&lean, &graph, &error), CLEAVE_OK);
    int product = find(&lean, "product", OP_MUL);
    int first = find(&lean, "first_conv", OP_CONV);
    assert_int_equal(lean.count, graph.count + 1);
    assert_string_equal(lean.nodes[product - 1].name, "first_conv");
    assert_true(product - 1 > first);
    assert_int_equal(lean.nodes[product - 1].inputs[0], lean.nodes[first].inputs[0]);
    for (int i = 0; i < graph.count; i++) {
        const Node *node = &graph.nodes[i];
        const Node *moved = &lean.nodes[i < product - 1 ? i : i + 1];
        assert_string_equal(moved->name, node->name);
        assert_int_equal(moved->op, node->op);
        for (int k = 0; k < node->input_count; k++) {
            assert_true(moved->inputs[k] < moved - lean.nodes);
            assert_string_equal(lean.nodes[moved->inputs[k]].name,
                                graph.nodes[node->inputs[k]].name);
            assert_int_equal(lean.nodes[moved->inputs[k]].op, graph.nodes[node->inputs[k]].op);
        }
    }
    assert_true(lean.nodes[product].inputs[0] == product - 1 ||
                lean.nodes[product].inputs[1] == product - 1);
    graph_free(&lean);
    graph_free(&graph);
}

/* A skip connection's convolution is dear, and its input is not kept: it stays as it is. */
static void nothing_is_repeated_that_is_dear_or_near(void **state) {
    (void)state;
    static const ConvAttributes conv = {.kernel = {1, 1}, .stride = {1, 1}};
    Graph graph = {0};
    Graph lean;
    cleave_error error;
    int x = graph_input(&graph, 2, 64);
    int early = graph_conv(&graph, x, 4, conv, "early");
    int chain = early;
    for (int i = 0; i < 20; i++)
        chain = graph_act(&graph, chain, (ActAttributes){.kind = ACT_RELU}, "act");
    graph_mul(&graph, early, chain, "product");
    assert_int_equal(graph_rematerialise(&lean, &graph, &error), CLEAVE_OK);
    assert_int_equal(lean.count, graph.count);
    graph_free(&lean);
    graph_free(&graph);
}

static void the_edge_convolutions_are_the_first_and_the_final_ones(void **state) {
    (void)state;
    Graph graph = build(&full_size);
    for (int i = 0; i < graph.count; i++) {
        const Node *node = &graph.nodes[i];
        bool edge = strcmp(node->name, "first_conv") == 0 ||
                    strcmp(node->name, "final_conv.0") == 0 ||
                    strcmp(node->name, "final_conv.2") == 0;
        if (graph_is_product(node))
            assert_int_equal(graph_is_edge_conv(&graph, i), edge);
    }
    graph_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_size_has_the_documented_shapes),
        cmocka_unit_test(the_public_size_costs_what_is_documented),
        cmocka_unit_test(fusion_leaves_only_products_and_transforms),
        cmocka_unit_test(without_fusion_every_node_is_a_step),
        cmocka_unit_test(sums_norms_and_products_are_folded_where_they_belong),
        cmocka_unit_test(a_term_with_two_readers_is_stored),
        cmocka_unit_test(buffers_in_use_together_never_overlap),
        cmocka_unit_test(a_chain_needs_two_buffers),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(every_op_has_a_row_of_its_own),
        cmocka_unit_test(every_activation_has_a_row_of_its_own),
        cmocka_unit_test(weights_have_the_shapes_of_the_state_dict),
        cmocka_unit_test(the_first_convolution_is_repeated_for_the_product),
        cmocka_unit_test(nothing_is_repeated_that_is_dear_or_near),
        cmocka_unit_test(the_edge_convolutions_are_the_first_and_the_final_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
