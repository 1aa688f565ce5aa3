/* test_tokens.c: the CPU's ops of tokens by themselves, against float64, with every table of
 * kernels and in every precision; and that their bits depend on neither threads nor batch. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cpu/step.h"
#include "base/random.h"
#include "token_model.h"

#define BATCH       2
#define WEIGHTS_MAX 8

/* An op between an input that the test fills in and an output that it reads. */
typedef struct TokenCase {
    Graph graph;
    Tensor weights[WEIGHTS_MAX];
    int node;
    bool stored_frequencies;
    bool input_is_kept; /* a later step reads the input, so that the op cannot write over it */
    float *input;       /* (BATCH, bands, frames, features) */
    size_t floats;      /* of one item */
} TokenCase;

static uint64_t random_state;

static float random_between(float low, float high) {
    return low + (high - low) * (float)(random_next(&random_state) >> 40) * 0x1p-24f;
}

/* ---- Cases ---- */

/* Gammas near 1 and other weights such that each linear keeps the size of what it reads, but for
 * attention's, which are larger, so that the softmax is not flat. */
static float random_weight(const Node *node, int slot, int64_t inputs, int dims) {
    if (dims == 2)
        return random_between(-1, 1) * sqrtf(3 / (float)inputs) *
               (node->op == OP_ATTENTION && slot == ATTENTION_QKV ? 1.7f : 1);
    if (node->op == OP_ATTENTION && slot == ATTENTION_FREQUENCIES)
        return random_between(0, 1);
    return random_between(0.5f, 1.5f);
}

static void weigh(TokenCase *c) {
    const Node *node = &c->graph.nodes[c->node];
    int count = graph_weight_count(&c->graph, node);
    assert_true(count <= WEIGHTS_MAX);
    for (int slot = 0; slot < count; slot++) {
        Tensor *tensor = &c->weights[slot];
        bool absent =
            node->op == OP_ATTENTION && slot == ATTENTION_FREQUENCIES && !c->stored_frequencies;
        if (absent)
            continue;
        tensor->dim_count = graph_weight_shape(&c->graph, c->node, slot, tensor->dims);
        tensor->name = (char *)"weight";
        tensor->dtype = DTYPE_F32;
        tensor->strides[tensor->dim_count - 1] = 1;
        if (tensor->dim_count == 2)
            tensor->strides[0] = tensor->dims[1];
        size_t elements = tensor_elements(tensor);
        float *values = malloc(elements * sizeof(float));
        assert_non_null(values);
        for (size_t i = 0; i < elements; i++)
            values[i] = random_weight(node, slot, tensor->dims[1], tensor->dim_count);
        tensor->data = values;
        graph_set_weight(&c->graph, c->node, slot, tensor);
    }
}

/* A waveform, and tokens that are said to come from it: their step is never run. */
static int begin_case(TokenCase *c, Shape shape) {
    *c = (TokenCase){.floats = (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width};
    int source = graph_rms_norm(&c->graph, graph_input(&c->graph, 1, 1), "source");
    c->graph.nodes[source].shape = shape;
    c->input = malloc(BATCH * c->floats * sizeof(float));
    assert_non_null(c->input);
    for (size_t i = 0; i < BATCH * c->floats; i++)
        c->input[i] = random_between(-2, 2);
    return source;
}

static Tensor *no_gain(void) {
    static float zeros[4096];
    static Tensor tensor = {
        .name = (char *)"source", .data = zeros, .dim_count = 1, .strides = {1}};
    return &tensor;
}

static void end_case(TokenCase *c, int source, int node) {
    c->node = node;
    no_gain()->dims[0] = c->graph.nodes[source].shape.width;
    graph_set_weight(&c->graph, source, 0, no_gain());
    weigh(c);
    if (c->input_is_kept)
        graph_add(&c->graph, node, source, "keeps the input");
}

static void free_case(TokenCase *c) {
    for (int i = 0; i < WEIGHTS_MAX; i++)
        free((void *)c->weights[i].data);
    free(c->input);
    graph_free(&c->graph);
}

/* ---- Running ---- */

/* What is said to be needed before anything is allocated is what is taken. */
static void check_memory(const TokenCase *c, const CompileOptions *options,
                         const CpuExecutable *compiled) {
    CpuExecutable *sizes = NULL;
    cleave_error error;
    assert_int_equal(cpu_executable_create(&sizes, &c->graph, options, CPU_FOR_SIZES, &error),
                     CLEAVE_OK);
    assert_memory_equal(&sizes->head.memory, &compiled->head.memory, sizeof(ExecutableMemory));
    executable_destroy(&sizes->head);
}

/* Runs the op with a batch of items from `first` on, in `threads` threads, and copies its output,
 * without padding, into `output`. */
static void run_case(const TokenCase *c, cleave_precision precision, int threads, int first,
                     int batch, float *output) {
    CompileOptions options = {
        .batch = batch, .threads = threads, .precision = precision, .fuse = true};
    CpuExecutable *executable = NULL;
    cleave_error error;
    assert_int_equal(cpu_executable_create(&executable, &c->graph, &options, CPU_FOR_RUNS, &error),
                     CLEAVE_OK);
    check_memory(c, &options, executable);
    CpuTensor *from = &executable->tensors[1];
    const CpuTensor *to = &executable->tensors[c->node];
    size_t width = (size_t)to->width;
    size_t stride = tensor_row_floats(to);
    size_t rows = (size_t)batch * tensor_item_rows(to);
    memset(from->data, 0, rows * stride * sizeof(float));
    for (size_t row = 0; row < rows; row++)
        memcpy(from->data + row * stride, c->input + (size_t)first * c->floats + row * width,
               width * sizeof(float));
    CpuRun run = {.executable = executable, .batch = batch};
    step_run(executable->steps[1], &run);
    for (size_t row = 0; row < rows; row++) {
        memcpy(output + row * width, to->data + row * stride, width * sizeof(float));
        for (size_t i = width; i < stride; i++)
            assert_true(to->data[row * stride + i] == 0);
    }
    assert_int_equal(from->data != to->data, c->input_is_kept);
    executable_destroy(&executable->head);
}

/* Of what the op adds to its input, or (an RMS norm) of all. */
static double snr(const TokenCase *c, const float *output) {
    double signal = 0;
    double noise = 0;
    bool adds = c->graph.nodes[c->node].op != OP_RMS_NORM;
    for (int item = 0; item < BATCH; item++) {
        const float *input = c->input + (size_t)item * c->floats;
        double *expected = malloc(c->floats * sizeof(double));
        assert_non_null(expected);
        for (size_t i = 0; i < c->floats; i++)
            expected[i] = (double)input[i];
        token_model_run(&c->graph, c->node, expected);
        for (size_t i = 0; i < c->floats; i++) {
            double difference = (double)output[(size_t)item * c->floats + i] - expected[i];
            double added = expected[i] - (adds ? (double)input[i] : 0);
            signal += added * added;
            noise += difference * difference;
        }
        free(expected);
    }
    return 10 * log10(signal / noise);
}

static void check_precision(const TokenCase *c, const Kernels *kernels,
                            cleave_precision precision) {
    static const double least[PRECISIONS] = {
        [CLEAVE_PRECISION_F32] = 115, [CLEAVE_PRECISION_F16] = 58, [CLEAVE_PRECISION_BF16] = 40};
    float *output = malloc(BATCH * c->floats * sizeof(float));
    float *other = malloc(BATCH * c->floats * sizeof(float));
    assert_non_null(output);
    assert_non_null(other);
    run_case(c, precision, 1, 0, BATCH, output);
    double reached = snr(c, output);
    if (!(reached >= least[precision]))
        fail_msg("%s, precision %d, %s: %.1f dB", kernels->name, (int)precision,
                 graph_op_name(c->graph.nodes[c->node].op), reached);
    run_case(c, precision, 3, 0, BATCH, other);
    assert_memory_equal(output, other, BATCH * c->floats * sizeof(float));
    for (int item = 0; item < BATCH; item++)
        run_case(c, precision, 2, item, 1, other + (size_t)item * c->floats);
    assert_memory_equal(output, other, BATCH * c->floats * sizeof(float));
    free(output);
    free(other);
}

static void check_case(const TokenCase *c) {
    const char *chosen = getenv("CLEAVE_KERNELS");
    char *before = chosen ? strdup(chosen) : NULL;
    for (const Kernels *const *table = kernels_available(); *table; table++) {
        setenv("CLEAVE_KERNELS", (*table)->name, 1);
        for (int precision = 0; precision < PRECISIONS; precision++)
            if ((*table)->products[precision].gemm)
                check_precision(c, *table, (cleave_precision)precision);
    }
    if (before)
        setenv("CLEAVE_KERNELS", before, 1);
    else
        unsetenv("CLEAVE_KERNELS");
    free(before);
}

/* ---- The tests ---- */

static void rms_norm_is_that_of_float64(void **state) {
    (void)state;
    static const Shape shapes[] = {{1, 1, 1}, {3, 7, 16}, {2, 70, 20}, {5, 3, 130}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        TokenCase c;
        int source = begin_case(&c, shapes[i]);
        end_case(&c, source, graph_rms_norm(&c.graph, source, "norm"));
        check_case(&c);
        free_case(&c);
    }
}

static void feed_forward_is_that_of_float64(void **state) {
    (void)state;
    static const struct {
        Shape shape;
        int hidden;
    } cases[] = {{{1, 1, 2}, 8}, {{3, 50, 32}, 128}, {{2, 61, 20}, 80}, {{2, 30, 60}, 4000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TokenCase c;
        int source = begin_case(&c, cases[i].shape);
        c.input_is_kept = i == 1;
        end_case(&c, source,
                 graph_feed_forward(&c.graph, source, (FeedForwardAttributes){cases[i].hidden},
                                    "feed_forward"));
        check_case(&c);
        free_case(&c);
    }
}

/* Whole blocks and others, of every size; sequences of one, of several tiles, and several at once.
 */
static void attention_is_that_of_float64(void **state) {
    (void)state;
    static const struct {
        Shape shape;
        SequenceAxis axis;
        int heads;
        int dim_head;
    } cases[] = {{{1, 1, 4}, SEQUENCE_FRAMES, 1, 2},     {{2, 130, 32}, SEQUENCE_FRAMES, 2, 16},
                 {{3, 40, 20}, SEQUENCE_FRAMES, 3, 20},  {{9, 21, 48}, SEQUENCE_BANDS, 4, 64},
                 {{16, 5, 32}, SEQUENCE_BANDS, 2, 32},   {{2, 33, 24}, SEQUENCE_BANDS, 18, 6},
                 {{1, 230, 16}, SEQUENCE_FRAMES, 1, 34}, {{131, 2, 16}, SEQUENCE_BANDS, 1, 128}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AttentionAttributes attention = {cases[i].axis, cases[i].heads, cases[i].dim_head};
        TokenCase c;
        int source = begin_case(&c, cases[i].shape);
        c.stored_frequencies = i % 2 == 1;
        c.input_is_kept = i == 3;
        end_case(&c, source, graph_attention(&c.graph, source, attention, "attention"));
        check_case(&c);
        free_case(&c);
    }
}

/* A row of zeros has no length to divide by. */
static void zeros_stay_finite(void **state) {
    (void)state;
    TokenCase c;
    int source = begin_case(&c, (Shape){2, 5, 20});
    end_case(&c, source,
             graph_attention(&c.graph, source, (AttentionAttributes){SEQUENCE_FRAMES, 2, 8}, "a"));
    memset(c.input, 0, BATCH * c.floats * sizeof(float));
    float output[BATCH * 2 * 5 * 20];
    for (int precision = CLEAVE_PRECISION_F32; precision < PRECISIONS; precision++) {
        run_case(&c, (cleave_precision)precision, 1, 0, BATCH, output);
        for (size_t i = 0; i < BATCH * c.floats; i++)
            assert_true(output[i] == 0);
    }
    free_case(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rms_norm_is_that_of_float64),
        cmocka_unit_test(feed_forward_is_that_of_float64),
        cmocka_unit_test(attention_is_that_of_float64),
        cmocka_unit_test(zeros_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
